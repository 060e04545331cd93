import {got, type Request, type Response} from 'got';
import {pathOf, type RouteName, routes} from '../protocol/routes.js';
import type {Clock} from './clock.js';
import {AnswerError, UnreachableError} from './errors.js';
import type {Limits} from './limits.js';
import {sendBody} from './send-body.js';
import {createWatch, type Watch} from './watch.js';

export type Call = {
	name: RouteName;
	id?: string;
	query?: Record<string, string | number | undefined>;
	headers?: Record<string, string>;
	body?: AsyncIterable<Uint8Array>;
	/** How long may pass without a byte of the answer's body. */
	quietMs?: number;
	signal?: AbortSignal;
};

export type Answer = {
	/** What was asked, for messages. */
	target: string;
	status: number;
	statusText: string;
	header: (name: string) => string | undefined;
	/** Whether the whole of the request's body went out before the answer came. */
	isSent: boolean;
	/** The body, to be read once. Whoever stops earlier closes the connection. */
	pieces: () => AsyncGenerator<Uint8Array>;
	/** Closes the connection, unless the answer was read to its end. */
	close: () => void;
};

export type Http = {
	url: string;
	limits: Limits;
	clock: Pick<Clock, 'timer' | 'now'>;
	/**
	@returns The answer, whatever its status, as soon as its head is there.
	@throws {UnreachableError} None came.
	*/
	call: (call: Call) => Promise<Answer>;
};

type HttpOptions = Pick<Http, 'clock' | 'limits'> & {token: () => string | undefined};

const MOST_REDIRECTS = 5;

const reasons: Record<string, string> = {
	ECONNREFUSED: 'nothing listens there; is the coordinator running?',
	ENOTFOUND: 'no machine of that name is known',
	EAI_AGAIN: 'the name could not be looked up; is there a network?',
	EHOSTUNREACH: 'there is no way to that machine; is there a network?',
	ENETUNREACH: 'there is no way to that machine; is there a network?',
	ETIMEDOUT: 'that machine does not answer',
	ECONNRESET: 'the connection was cut off',
	EPIPE: 'the connection was cut off',
	ERR_STREAM_PREMATURE_CLOSE: 'the connection was cut off',
	ERR_HTTP_CONTENT_LENGTH_MISMATCH: 'the answer ended before it was whole',
};

/** What went wrong on the way, in words. */
const translate = (url: string, error: unknown): Error => {
	if (!(error instanceof Error)) return new UnreachableError(`${url} can't be reached: ${String(error)}`);
	const {code = ''} = error as NodeJS.ErrnoException;
	if (code === 'ERR_TOO_MANY_REDIRECTS') {
		const problem = 'sends whoever asks from one address to the next without end, as no coordinator of PJAS does';
		return new AnswerError(`${url} ${problem}`, {cause: error});
	}

	const isNoHttp = code.startsWith('HPE_') && code !== 'HPE_INVALID_EOF_STATE';
	const reason = isNoHttp ? 'what listens there does not speak HTTP' : (reasons[code] ?? error.message);
	return new UnreachableError(`${url} can't be reached: ${reason}`, {cause: error});
};

const startRequest = (target: string, token: string | undefined, {name, query = {}, headers = {}}: Call): Request => {
	const {method} = routes[name];
	return got.stream(target, {
		method,
		searchParams: query,
		headers: {'user-agent': 'pjas-tui', ...(token && {authorization: `Bearer ${token}`}), ...headers},
		throwHttpErrors: false,
		retry: {limit: 0},
		// A body is not sent twice, and nothing is deleted at another place than was said.
		followRedirect: method === 'GET',
		maxRedirects: MOST_REDIRECTS,
		// A range, a length and an entity tag are those of what is sent; so nothing packed is asked for.
		decompress: false,
	});
};

const responseOf = async (request: Request): Promise<Response> =>
	new Promise((resolve, reject) => {
		request.once('response', resolve).once('error', reject);
		request.once('close', () => reject(new Error('the connection was closed')));
	});

/** A request under way: what ends it, and why. */
const createEnding = (request: Request, url: string, watch: Watch, signal: AbortSignal | undefined) => {
	let failure: unknown;
	const end = () => {
		watch.stop();
		signal?.removeEventListener('abort', abort);
		request.destroy();
	};

	const fail = (error: unknown) => {
		failure ??= error;
		end();
	};

	const abort = () => fail(signal?.reason);
	signal?.addEventListener('abort', abort, {once: true});
	// What goes wrong is thrown where somebody waits for it.
	request.on('error', () => undefined);
	return {end, fail, whyOf: (error: unknown) => (failure ?? translate(url, error)) as Error};
};

/** Sends requests over got, so that each byte has a time limit and nothing is collected that nobody asked for. */
export const createHttp = (url: string, {token, clock, limits}: HttpOptions): Http => ({
	url,
	limits,
	clock,
	async call(call) {
		const {name, id, body, signal, quietMs = limits.answerMs} = call;
		signal?.throwIfAborted();
		const target = url + pathOf(name, id);
		const request = startRequest(target, token(), call);
		const watch = createWatch(clock, ms => {
			ending.fail(new UnreachableError(`${url} can't be reached: no answer within ${ms / 1000} seconds`));
		});
		const ending = createEnding(request, url, watch, signal);
		watch.within(limits.answerMs);
		const sending = body && sendBody(request, body, {watch, limits, fail: ending.fail});
		if (!body && routes[name].method !== 'GET') request.end();

		let response: Response;
		try {
			response = await responseOf(request);
		} catch (error) {
			ending.end();
			throw ending.whyOf(error);
		} finally {
			sending?.stop();
			watch.rest();
		}

		return {
			target,
			status: response.statusCode,
			statusText: `${response.statusCode} ${response.statusMessage ?? ''}`.trim(),
			header: header => [response.headers[header]].flat()[0],
			isSent: sending?.isWhole() ?? true,
			async *pieces() {
				const iterator = request[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
				try {
					for (;;) {
						watch.within(quietMs);
						const next = await iterator.next();
						watch.rest();
						if (next.done) return;
						yield next.value;
					}
				} catch (error) {
					throw ending.whyOf(error);
				} finally {
					ending.end();
				}
			},
			close: ending.end,
		};
	},
});
