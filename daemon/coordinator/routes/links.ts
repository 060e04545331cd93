import {LINK_PASSWORD_HEADER, readLinkPassword} from '../../../source/protocol/link-password.js';
import {
	createLinkSchema,
	type LinkView,
	linksQuerySchema,
	type SharedFile,
} from '../../../source/protocol/people-api.js';
import {isAdmin} from '../../core/access.js';
import type {FileRecord, LinkRecord} from '../../core/model.js';
import {readJson, validate} from '../../http/body.js';
import {ownOriginOf} from '../own-origin.js';
import {shortIdOf} from '../people/secrets.js';
import {downloadsOf} from '../people/share-links.js';
import {sendFile} from '../send-file.js';
import {isBeginning, titleOf} from './file-deed.js';
import {findFile} from './find-file.js';
import type {Parts} from './parts.js';
import {noteDeed, type RouteContext, type Serve} from './serve.js';
import {accountOf} from './session.js';

const linkView = (link: LinkRecord, file: FileRecord): LinkView => ({
	id: shortIdOf(link._id),
	file_id: link.file,
	filename: file.name,
	created_by: link.createdBy,
	created_at: link.createdAt,
	expires_at: link.expiresAt,
	has_password: link.passwordHash !== undefined,
	max_downloads: link.mostDownloads ?? null,
	downloads: link.mostDownloads === undefined ? null : downloadsOf(link, file),
});

/** Making, listing and taking back links, and what somebody gets who follows one. */
export const linkRoutes = (serve: Serve, parts: Parts): void => {
	const {catalog, links, note} = parts;
	const find = findFile(parts);

	serve('createLink', async (ctx, principal) => {
		const {name} = accountOf(principal);
		const file = await find(ctx, principal, 'change');
		const asked = await readJson(ctx.req, createLinkSchema);
		const {record, secret} = await links.create({
			file: file._id,
			createdBy: name,
			expiresInMs: asked.expires_in_s * 1000,
			password: asked.password,
			mostDownloads: asked.max_downloads,
		});
		note('INFO', `${JSON.stringify(file.name)} can be had by a link`, {file: file._id, owner: file.owner});
		noteDeed(ctx, `${shortIdOf(record._id)} to ${titleOf(file)}`);
		ctx.body = {success: true, link: linkView(record, file), url: `${ownOriginOf(ctx)}/s/${secret}`};
	});

	serve('links', async (ctx, principal) => {
		const {file: wanted} = validate(linksQuerySchema, ctx.query, 'query');
		const open = await links.open(isAdmin(principal) ? undefined : accountOf(principal).name);
		const views: LinkView[] = [];
		for (const link of open.filter(({file}) => wanted === undefined || file === wanted)) {
			const file = await catalog.getFile(link.file);
			if (file && !file.trashed) views.push(linkView(link, file));
		}

		ctx.body = {success: true, links: views};
	});

	serve('revokeLink', async (ctx, principal) => {
		await links.revoke(ctx.params['id'] ?? '', isAdmin(principal) ? undefined : accountOf(principal).name);
		ctx.body = {success: true};
	});

	const follow = async (ctx: RouteContext) => {
		const password = readLinkPassword(ctx.get(LINK_PASSWORD_HEADER)) || undefined;
		return links.follow(ctx.params['id'] ?? '', {password, address: ctx.state.client.address});
	};

	serve('sharedFile', async ctx => {
		const {link, file} = await follow(ctx);
		ctx.set('Cache-Control', 'no-store');
		ctx.body = {
			success: true,
			filename: file.name,
			size: file.sizeBytes,
			type: file.type,
			expires_at: link.expiresAt,
			...(file.e2e && {e2e: file.e2e}),
		} satisfies SharedFile;
	});

	serve('sharedDownload', async ctx => {
		const opened = await follow(ctx);
		noteDeed(ctx, `${shortIdOf(opened.link._id)} to ${titleOf(opened.file)}`);
		if (!isBeginning(ctx)) ctx.state.deed = {isIdle: true};
		await sendFile(ctx, opened.file, {...parts, allowance: links.allowanceOf(opened)});
	});
};
