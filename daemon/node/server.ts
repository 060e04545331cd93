import Router from '@koa/router';
import {z} from 'zod';
import {digestSchema} from '../../source/protocol/api.js';
import {PjasError} from '../../source/protocol/errors.js';
import {type Digest, parseDigest} from '../../source/protocol/ids.js';
import {MAX_LISTING_PAGE, MAX_SHARD_BYTES} from '../core/limits.js';
import {batchPaths} from '../core/shard-batch.js';
import {type AppContext, type AppState, createApp} from '../http/app.js';
import {validate} from '../http/body.js';
import {hasMetricsToken, METRICS_TYPE} from '../http/metrics.js';
import type {Clock, Random} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import {askedOf, type Authorize, authorizeAnyone, hasTicket, noProof, type Prove} from './authorize.js';
import {classicRoutes} from './classic.js';
import type {NodeFolder, NodeStore} from './folder.js';
import type {Handler} from './handler.js';
import {countingHeads, type Line, refuseWhereResting} from './line.js';
import {createBatchReceiver, type ReceiveBatch} from './receive-batch.js';
import {receiveShard} from './receive-shard.js';
import {createBatchSender, type SendBatch} from './send-batch.js';
import {sendShard} from './send-shard.js';
import {createShortcut} from './shortcut.js';
import {storageStatsOf} from './storage-stats.js';

export type NodeHandlerOptions = {
	/** The id that the node goes by. */
	nodeId: string;
	version: string;
	folder: Pick<NodeFolder, 'shards' | 'aliases' | 'name'>;
	/** Who may ask for anything. */
	authorize: Authorize;
	/** Holds what goes over the line to what its member allows; without it, nothing does. */
	line?: Line;
	/** Its metrics as text for Prometheus, for who brings the token; without it, they are nobody's. */
	metrics?: {token: string; text: () => Promise<string>} | undefined;
	log: Log;
	clock: Clock;
	random: Random;
};

const listingQuery = z.object({
	after: digestSchema.optional(),
	limit: z.coerce.number().int().min(1).max(MAX_LISTING_PAGE).default(MAX_LISTING_PAGE),
});

const challengeQuery = z.object({
	nonce: z.string().regex(/^[\da-f]{64}$/),
	offset: z.coerce.number().int().min(0).max(MAX_SHARD_BYTES),
	length: z.coerce.number().int().min(0).max(MAX_SHARD_BYTES),
});

const digestOf = (text: string | undefined): Digest => {
	const digest = parseDigest(text);
	if (digest) return digest;
	throw new PjasError('INVALID_REQUEST', 'Wrong shard name: it must be a SHA-256 in 64 lower-case hex digits');
};

/** How the answers of requests are proven, for those that are under way. */
type Proofs = {of: (ctx: AppContext) => Prove};

/** Serves nobody but who may ask, and proves what is answered. Of its state, anybody may know whether the node is there. */
const createGuard = (authorize: Authorize, shards: NodeStore, line: Line | undefined) => {
	const proofs = new WeakMap<AppContext['req'], Prove>();
	const guard = async (ctx: AppContext, next: () => Promise<unknown>): Promise<void> => {
		const asked = askedOf(ctx.method, ctx.path);
		if (asked?.operation === 'status' && authorize !== authorizeAnyone && !hasTicket(ctx.req)) {
			await shards.figures().catch((error: unknown) => {
				throw new PjasError('NODE_FAILED', 'This node can serve nobody now', {cause: error});
			});
			ctx.body = {status: 'online'};
			return;
		}

		const prove = authorize(ctx.req, asked);
		proofs.set(ctx.req, prove);
		ctx.state.headersFor = prove;
		refuseWhereResting(line, asked?.operation);
		await next();
		if (ctx.respond === false || ctx.headerSent) return;
		if (typeof ctx.body === 'object' && ctx.body !== null) {
			const text = JSON.stringify(ctx.body);
			ctx.type = 'json';
			ctx.body = text;
			ctx.set(prove(ctx.status, text));
		} else if (ctx.status === 204) {
			ctx.set(prove(204, ''));
		}
	};

	return {guard, of: (ctx: AppContext): Prove => proofs.get(ctx.req) ?? noProof};
};

type Batches = {receiveBatch: ReceiveBatch; sendBatch: SendBatch};
type ShardRoutes = {shards: NodeStore; batches: Batches; proofs: Proofs; line: Line | undefined};

const shardRoutes = (router: Router<AppState>, {shards, batches, proofs, line}: ShardRoutes): void => {
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

	router.post(batchPaths.put, async ctx => {
		await batches.receiveBatch(ctx.req, ctx.res, proofs.of(ctx));
		ctx.respond = false;
	});

	router.post(batchPaths.get, async ctx => {
		await batches.sendBatch(ctx.req, ctx.res, proofs.of(ctx));
		ctx.respond = false;
	});

	router.put('/shards/:digest', async ctx => {
		await receiveShard(ctx.req, ctx.res, shards, digestOf(ctx.params['digest']), proofs.of(ctx), line?.down.take);
		ctx.respond = false;
	});

	// A HEAD comes here as well.
	router.get('/shards/:digest', async ctx => {
		const digest = digestOf(ctx.params['digest']);
		ctx.etag = digest;
		if (ctx.method === 'GET' && ctx.get('If-None-Match') === '') {
			await sendShard(ctx.res, shards, digest, proofs.of(ctx), {line: line?.up});
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
			ctx.set(proofs.of(ctx)(200, found.sizeBytes));
		} else {
			await sendShard(ctx.res, shards, digest, proofs.of(ctx), {line: line?.up});
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

	router.post('/shards/:digest/prove', async ctx => {
		const digest = digestOf(ctx.params['digest']);
		const challenge = validate(challengeQuery, {...ctx.query}, 'query');
		ctx.body = {success: true, proof: await shards.prove(digest, challenge)};
	});
};

const serveMetrics =
	({token, text}: NonNullable<NodeHandlerOptions['metrics']>) =>
	async (ctx: AppContext, next: () => Promise<unknown>): Promise<void> => {
		if (ctx.path !== '/metrics' || (ctx.method !== 'GET' && ctx.method !== 'HEAD')) {
			await next();
			return;
		}

		if (!hasMetricsToken(ctx.req, token)) {
			ctx.set('WWW-Authenticate', 'Bearer realm="PJAS"');
			throw new PjasError('UNAUTHENTICATED', 'Send the token of --metrics-token as "Authorization: Bearer …"');
		}

		ctx.set('Cache-Control', 'no-store');
		ctx.type = METRICS_TYPE;
		ctx.body = await text();
	};

/** What a node answers. */
export const createNodeHandler = (options: NodeHandlerOptions): Handler => {
	const {nodeId, version, folder, authorize, line, metrics, log, clock, random} = options;
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
	const guard = createGuard(authorize, shards, line);
	const batches = {
		receiveBatch: createBatchReceiver(shards, log, line?.down),
		sendBatch: createBatchSender(shards, log, line?.up),
	};
	shardRoutes(router, {shards, batches, proofs: guard, line});
	classicRoutes(router, folder, line);
	const shortcut = createShortcut({shards, ...batches, authorize, line, log, clock, random});
	if (metrics) app.use(serveMetrics(metrics));
	app.use(guard.guard);
	app.use(shortcut.rethrow);
	app.use(router.routes());
	const serve = shortcut.around(app.callback());
	return line ? countingHeads(line, serve) : serve;
};
