import Router from '@koa/router';
import {z} from 'zod';
import {digestSchema} from '../../source/protocol/api.js';
import {PjasError} from '../../source/protocol/errors.js';
import {type Digest, parseDigest} from '../../source/protocol/ids.js';
import {MAX_LISTING_PAGE} from '../core/limits.js';
import {type AppState, createApp} from '../http/app.js';
import {validate} from '../http/body.js';
import type {Clock, Random} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import {classicRoutes} from './classic.js';
import type {NodeFolder, NodeStore} from './folder.js';
import {receiveShard} from './receive-shard.js';
import {sendShard} from './send-shard.js';
import {createShortcut, type Handler} from './shortcut.js';
import {storageStatsOf} from './storage-stats.js';

export type NodeHandlerOptions = {
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
		await receiveShard(ctx.req, ctx.res, shards, digestOf(ctx.params['digest']));
		ctx.respond = false;
	});

	// A HEAD comes here as well.
	router.get('/shards/:digest', async ctx => {
		const digest = digestOf(ctx.params['digest']);
		ctx.etag = digest;
		if (ctx.method === 'GET' && ctx.get('If-None-Match') === '') {
			await sendShard(ctx.res, shards, digest);
			ctx.respond = false;
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
			await sendShard(ctx.res, shards, digest);
			ctx.respond = false;
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
export const createNodeHandler = ({nodeId, version, folder, log, clock, random}: NodeHandlerOptions): Handler => {
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
	const shortcut = createShortcut({shards, log, clock, random});
	app.use(shortcut.rethrow);
	app.use(router.routes());
	return shortcut.around(app.callback());
};
