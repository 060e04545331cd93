import Router from '@koa/router';
import type {IncomingMessage} from 'node:http';
import {z} from 'zod';
import {digestSchema} from '../../source/protocol/api.js';
import {PjasError} from '../../source/protocol/errors.js';
import {type Digest, parseDigest} from '../../source/protocol/ids.js';
import {MAX_LISTING_PAGE} from '../core/limits.js';
import {type App, type AppState, createApp} from '../http/app.js';
import {validate, watchBody} from '../http/body.js';
import type {Clock, Random} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import {classicRoutes} from './classic.js';
import type {NodeFolder, NodeStore} from './folder.js';
import {sendShard} from './send-shard.js';
import {storageStatsOf} from './storage-stats.js';

export type NodeAppOptions = {
	/** The id that the node goes by. */
	nodeId: string;
	version: string;
	folder: Pick<NodeFolder, 'shards' | 'aliases' | 'name'>;
	log: Log;
	clock: Clock;
	random: Random;
};

const listingQuery = z.object({
	after: digestSchema.optional(),
	limit: z.coerce.number().int().min(1).max(MAX_LISTING_PAGE).default(MAX_LISTING_PAGE),
});

/** How long a request says that its body is; `undefined` where it comes in pieces. */
const bodyBytesOf = (request: IncomingMessage): number | undefined => {
	const header = request.headers['content-length'];
	if (header === undefined) return request.headers['transfer-encoding'] === undefined ? 0 : undefined;
	return Number(header);
};

const digestOf = (text: string | undefined): Digest => {
	const digest = parseDigest(text);
	if (digest) return digest;
	throw new PjasError('INVALID_REQUEST', 'Wrong shard name: it must be a SHA-256 in 64 lower-case hex digits');
};

const shardRoutes = (router: Router<AppState>, shards: NodeStore): void => {
	router.get('/shards', async ctx => {
		const {after, limit} = validate(listingQuery, {...ctx.query}, 'query');
		const listing = shards.listingDigest();
		ctx.status = 200;
		ctx.etag = listing;
		if (ctx.fresh) {
			ctx.status = 304;
			return;
		}

		const digests: Digest[] = [];
		let hasMore = false;
		for await (const digest of shards.list(after as Digest | undefined)) {
			hasMore = digests.length === limit;
			if (hasMore) break;
			digests.push(digest);
		}

		ctx.body = {success: true, digests, next_after: hasMore ? digests.at(-1) : null, listing_digest: listing};
	});

	router.put('/shards/:digest', async ctx => {
		const digest = digestOf(ctx.params['digest']);
		const watch = watchBody(ctx.req);
		try {
			const outcome = await shards.receive(digest, ctx.req, bodyBytesOf(ctx.req), {signal: watch.signal});
			ctx.status = outcome === 'created' ? 201 : 200;
			ctx.body = {success: true, outcome};
		} finally {
			watch.stop();
		}
	});

	// A HEAD comes here as well.
	router.get('/shards/:digest', async ctx => {
		const digest = digestOf(ctx.params['digest']);
		ctx.etag = digest;
		if (ctx.method === 'GET' && ctx.get('If-None-Match') === '') {
			await sendShard(ctx, shards, digest);
			return;
		}

		const found = await shards.stat(digest);
		if (!found) throw new PjasError('SHARD_NOT_FOUND', 'This node has no such shard');
		ctx.status = 200;
		if (ctx.fresh) {
			ctx.status = 304;
		} else if (ctx.method === 'HEAD') {
			ctx.type = 'application/octet-stream';
			ctx.length = found.sizeBytes;
		} else {
			await sendShard(ctx, shards, digest);
		}
	});

	router.delete('/shards/:digest', async ctx => {
		await shards.remove(digestOf(ctx.params['digest']));
		ctx.status = 204;
	});

	router.post('/shards/:digest/verify', async ctx => {
		const isRight = await shards.verify(digestOf(ctx.params['digest']));
		ctx.body = {success: true, ok: isRight};
	});
};

/** What a node answers. */
export const createNodeApp = ({nodeId, version, folder, log, clock, random}: NodeAppOptions): App => {
	const {shards, name} = folder;
	const app = createApp({log, clock, random});
	const router = new Router<AppState>({exclusive: true});
	router.get('/status', async ctx => {
		ctx.body = {
			node_id: nodeId,
			status: 'online',
			storage: await storageStatsOf(shards),
			version,
			...(name !== undefined && {name}),
		};
	});
	shardRoutes(router, shards);
	classicRoutes(router, folder);
	app.use(router.routes());
	return app;
};
