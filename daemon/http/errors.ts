import {STATUS_CODES} from 'node:http';
import type {ParameterizedContext} from 'koa';
import {isPjasError, PjasError} from '../../source/protocol/errors.js';
import type {AppState} from './app.js';
import {discardBody} from './body.js';
import {securityHeaders} from './security-headers.js';

export type ErrorAnswer = {
	status: number;
	headers: Record<string, string>;
	body: {success: false; error: string; code: string};
};

/** An error for whoever called: one of ours, or `INTERNAL_ERROR` with the request's id and without its cause. */
export const toPjasError = (error: unknown, requestId: string): PjasError => {
	if (isPjasError(error)) return error;
	const message = `Something went wrong in this server. Its log says more under request ${requestId}`;
	return new PjasError('INTERNAL_ERROR', message, {cause: error});
};

export const errorAnswer = (error: PjasError): ErrorAnswer => ({
	status: error.status,
	headers:
		error.retryAfterSeconds === undefined
			? {}
			: {'Retry-After': String(Math.max(1, Math.ceil(error.retryAfterSeconds)))},
	body: {success: false, error: error.message, code: error.code},
});

/**
Answers with JSON. Where the request's body is not all read, the answer is sent but not ended before the rest has come: a
client that is still writing when the connection is closed would meet a reset, and might never see what was said.
*/
export const answerJson = (ctx: ParameterizedContext<AppState>, status: number, body: object): void => {
	const text = JSON.stringify(body);
	ctx.status = status;
	ctx.type = 'json';
	ctx.body = text;
	ctx.set(ctx.state.headersFor?.(status, text) ?? {});
	if (ctx.req.complete || ctx.method === 'HEAD') return;

	ctx.length = Buffer.byteLength(text);
	ctx.respond = false;
	ctx.res.write(text);
	void discardBody(ctx.req).then(() => ctx.res.end());
};

const parserErrors: Record<string, PjasError> = {
	HPE_HEADER_OVERFLOW: new PjasError('HEADERS_TOO_LARGE', 'The request has more headers than this server reads'),
	ERR_HTTP_REQUEST_TIMEOUT: new PjasError('REQUEST_TIMEOUT', 'The request did not come in time: send it again'),
};

const malformed = new PjasError('INVALID_REQUEST', 'This is not a well-formed HTTP request');

export type WholeAnswer = {status: number; headers: Record<string, string>; text: string};

/** A whole answer as it stands on the wire, for where there is no response to write it with. */
export const rawText = ({status, headers, text}: WholeAnswer): string =>
	[
		`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Error'}`,
		...Object.entries({...securityHeaders, ...headers}).map(([name, value]) => `${name}: ${value}`),
		`Connection: ${'Upgrade' in headers ? 'Upgrade, close' : 'close'}`,
		'Content-Type: application/json; charset=utf-8',
		`Content-Length: ${Buffer.byteLength(text)}`,
		'',
		text,
	].join('\r\n');

/** The same for an error. */
export const rawAnswer = (error: PjasError, more: Record<string, string> = {}): string => {
	const {status, headers, body} = errorAnswer(error);
	return rawText({status, headers: {...headers, ...more}, text: JSON.stringify(body)});
};

/** The whole answer to a request that could not be read as HTTP. */
export const rawErrorAnswer = (parserCode: string | undefined): string =>
	rawAnswer((parserCode !== undefined && parserErrors[parserCode]) || malformed);
