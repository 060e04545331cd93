import type {IncomingMessage, ServerResponse} from 'node:http';
import {parseDigest} from '../../source/protocol/ids.js';
import {batchPaths} from '../core/shard-batch.js';
import type {AppContext} from '../http/app.js';
import type {Clock, Random} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import type {Asked} from '../trust/tickets.js';
import type {Authorize} from './authorize.js';
import type {NodeStore} from './folder.js';
import type {Handler} from './handler.js';
import {type Line, refuseWhereResting} from './line.js';
import type {ReceiveBatch} from './receive-batch.js';
import {receiveShard} from './receive-shard.js';
import type {SendBatch} from './send-batch.js';
import {sendShard} from './send-shard.js';

export type Shortcut = {
	/** Middleware for the application, before its routes: throws what a request failed with that went around it. */
	rethrow: (ctx: AppContext, next: () => Promise<unknown>) => Promise<void>;
	/** Gives the handler that goes around the application's. */
	around: (serve: Handler) => Handler;
};

export type ShortcutOptions = {
	shards: Pick<NodeStore, 'receive' | 'open'>;
	receiveBatch: ReceiveBatch;
	sendBatch: SendBatch;
	authorize: Authorize;
	line?: Line | undefined;
	log: Log;
	clock: Clock;
	random: Random;
};

const PREFIX = '/shards/';
const PUT_BATCH_PREFIX = `${batchPaths.put}?put=`;
const GET_BATCH_PREFIX = `${batchPaths.get}?get=`;
const LONGEST_COUNTED = 2 ** 32;

/** Numbers in hex behind a random start, so that those of one process differ from each other and from another's. */
const createRequestIds = (random: Random): (() => string) => {
	const start = Buffer.from(random.bytes(4)).toString('hex');
	let drawn = 0;
	return () => {
		drawn = (drawn + 1) % LONGEST_COUNTED;
		return start + drawn.toString(16).padStart(8, '0');
	};
};

/** What a request puts or gets, where it asks for nothing beside. */
const plainlyAsked = ({method, url = '', headers}: IncomingMessage): Asked | undefined => {
	if (headers['x-request-id'] !== undefined || headers['if-none-match'] !== undefined) return undefined;
	if (method === 'POST' && url.startsWith(PUT_BATCH_PREFIX)) return {operation: 'put-batch'};
	if (method === 'POST' && url.startsWith(GET_BATCH_PREFIX)) return {operation: 'get-batch'};
	if ((method !== 'PUT' && method !== 'GET') || !url.startsWith(PREFIX)) return undefined;
	const digest = parseDigest(url.slice(PREFIX.length));
	return digest && {operation: method === 'PUT' ? 'put' : 'get', digest};
};

/**
A way around an application for plain puts and gets of shards, one or several, which are nearly all that a node is asked: to go through it
costs more than the rest of them. Everything else goes through it, and a request that fails does so then, so that errors are
answered in one place.
*/
export const createShortcut = (options: ShortcutOptions): Shortcut => {
	const {shards, receiveBatch, sendBatch, authorize, line, log, clock, random} = options;
	const newRequestId = createRequestIds(random);
	const failures = new WeakMap<IncomingMessage, {error: unknown}>();

	const logOnClose = (request: IncomingMessage, response: ServerResponse, requestId: string): void => {
		const startMs = clock.monotonicMs();
		response.once('close', () => {
			// The application has its own entry for what failed.
			if (failures.has(request)) return;
			const ms = Math.round(clock.monotonicMs() - startMs);
			const {statusCode: status, writableFinished: isWhole} = response;
			log.debug('request', {request: requestId, method: request.method, url: request.url, status, ms, isWhole});
		});
	};

	const answer = async (request: IncomingMessage, response: ServerResponse, asked: Asked): Promise<void> => {
		const requestId = newRequestId();
		logOnClose(request, response, requestId);
		response.setHeader('X-Request-Id', requestId);
		const prove = authorize(request, asked);
		const {operation, digest} = asked;
		refuseWhereResting(line, operation);
		if (operation === 'get-batch') return sendBatch(request, response, prove);
		if (!digest) return receiveBatch(request, response, prove);
		if (operation === 'put') return receiveShard(request, response, shards, digest, prove, line?.down.take);
		response.setHeader('ETag', `"${digest}"`);
		return sendShard(response, shards, digest, prove, {line: line?.up});
	};

	return {
		async rethrow(ctx, next) {
			const failure = failures.get(ctx.req);
			if (failure) throw failure.error;
			await next();
		},
		around: serve => (request, response) => {
			const asked = plainlyAsked(request);
			if (!asked) {
				serve(request, response);
				return;
			}

			answer(request, response, asked).catch((error: unknown) => {
				failures.set(request, {error});
				serve(request, response);
			});
		},
	};
};
