import {PjasError} from '../../../source/protocol/errors.js';
import {PAGE_POLICY} from '../../http/security-headers.js';
import type {PageFile} from '../../ports/page-files.js';
import type {Parts} from './parts.js';
import type {RouteContext, Serve} from './serve.js';

/** Files whose names hold a hash of their content never change. */
const FOR_EVER = 'public, max-age=31536000, immutable';
const ASK_AGAIN = 'no-cache';

const sendPageFile = (ctx: RouteContext, {extension, etag, bodies}: PageFile): void => {
	ctx.set('ETag', etag);
	ctx.vary('Accept-Encoding');
	ctx.status = 200;
	if (ctx.fresh) {
		ctx.status = 304;
		return;
	}

	const offered = (['br', 'gzip'] as const).filter(coding => bodies[coding]);
	const coding = ctx.acceptsEncodings(...offered, 'identity') as keyof typeof bodies | false;
	const body = (coding && bodies[coding]) || bodies.identity;
	if (body !== bodies.identity && coding) ctx.set('Content-Encoding', coding);
	ctx.type = extension;
	ctx.body = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
};

/** Whether somebody at `/` wants to see a page. Programs, the prototype's clients too, are told how it stands. */
export const wantsPage = (ctx: RouteContext, {page}: Parts): boolean =>
	page !== undefined && ctx.accepts('json', 'html') === 'html';

/** Answers with the page itself: which of its views is to be seen, it finds out from the address. */
export const sendPage = (ctx: RouteContext, {page}: Parts): void => {
	const file = page?.get('index.html');
	if (!file) throw new PjasError('ROUTE_NOT_FOUND', 'This coordinator was built without its web page');
	ctx.set({'Cache-Control': ASK_AGAIN, 'Content-Security-Policy': PAGE_POLICY});
	sendPageFile(ctx, file);
};

/** The web page: one document at a few addresses, and what it loads. */
export const pageRoutes = (serve: Serve, parts: Parts): void => {
	serve('welcomePage', ctx => sendPage(ctx, parts));
	serve('sharedPage', ctx => sendPage(ctx, parts));
	serve('pageAsset', ctx => {
		const file = parts.page?.get(`assets/${ctx.params['id'] ?? ''}`);
		if (!file) throw new PjasError('ROUTE_NOT_FOUND', 'The page has no such part. Load it anew');
		ctx.set({'Cache-Control': FOR_EVER, 'Content-Security-Policy': PAGE_POLICY});
		sendPageFile(ctx, file);
	});
};
