import type Router from '@koa/router';
import {z} from 'zod';
import {isPjasError, PjasError} from '../../source/protocol/errors.js';
import {type Digest, parseDigest} from '../../source/protocol/ids.js';
import {MAX_SHARD_BYTES} from '../core/limits.js';
import type {AppContext, AppState} from '../http/app.js';
import {parseJson, readPrefix, watchBody} from '../http/body.js';
import {answerJson, errorAnswer} from '../http/errors.js';
import {noProof} from './authorize.js';
import type {NodeFolder} from './folder.js';
import {type Line, refuseWhereResting} from './line.js';
import {sendShard} from './send-shard.js';

/**
The prototype's calls. A chunk there has an id that its coordinator drew, and its metadata stands before its bytes in one
body. Here the bytes are a shard like any other, and the id is an alias of it; an id that is the shard's digest needs none.
*/
const MAX_METADATA_BYTES = 64 * 1024;

const metadataSchema = z.object({
	chunk_id: z.string(),
	file_id: z.string().max(1000).nullish(),
	filename: z.string().max(10_000).nullish(),
	chunk_size: z.number().nullish(),
});

type Folder = Pick<NodeFolder, 'shards' | 'aliases'>;

const lengthsOf = (ctx: AppContext): {metadataBytes: number; chunkBytes: number} => {
	const header = ctx.get('X-Metadata-Length').trim();
	const metadataBytes = /^\d{1,9}$/.test(header) ? Number(header) : 0;
	if (metadataBytes < 1 || metadataBytes > MAX_METADATA_BYTES) {
		const allowed = `a whole number from 1 to ${MAX_METADATA_BYTES}`;
		throw new PjasError('INVALID_REQUEST', `Wrong header X-Metadata-Length: it must be ${allowed}`);
	}

	const contentLength = ctx.req.headers['content-length'];
	if (contentLength === undefined) {
		throw new PjasError('INVALID_REQUEST', 'The header Content-Length is missing: the chunk is read by it');
	}

	const chunkBytes = Number(contentLength) - metadataBytes;
	if (chunkBytes < 0) throw new PjasError('INVALID_REQUEST', 'The body is shorter than its X-Metadata-Length');
	if (chunkBytes > MAX_SHARD_BYTES) {
		throw new PjasError('BODY_TOO_LARGE', `A chunk has at most ${MAX_SHARD_BYTES} bytes`);
	}

	return {metadataBytes, chunkBytes};
};

const idOf = (ctx: AppContext): string => {
	const {id} = ctx.query;
	if (typeof id !== 'string' || id === '') throw new PjasError('INVALID_REQUEST', 'Missing chunk id: say ?id=');
	return id;
};

const findShard = async (id: string, {shards, aliases}: Folder): Promise<Digest> => {
	aliases.check(id);
	const named = parseDigest(id);
	const digest = named && (await shards.stat(named)) ? named : await aliases.get(id);
	if (digest) return digest;
	throw new PjasError('SHARD_NOT_FOUND', 'This node has no such chunk');
};

export const classicRoutes = (router: Router<AppState>, folder: Folder, line?: Line): void => {
	const {shards, aliases} = folder;

	router.post('/chunk', async ctx => {
		const {metadataBytes, chunkBytes} = lengthsOf(ctx);
		refuseWhereResting(line, 'put');
		const watch = watchBody(ctx.req);
		try {
			const bytes = await readPrefix(ctx.req, metadataBytes, {signal: watch.signal});
			const {chunk_id: id} = parseJson(bytes, metadataSchema, 'chunk metadata');
			aliases.check(id);
			const {digest} = await shards.receiveUnnamed(ctx.req, chunkBytes, {signal: watch.signal, pace: line?.down.take});
			if (id !== digest) await aliases.set(id, digest);
			ctx.body = {success: true, stored_bytes: chunkBytes};
		} catch (error) {
			if (!isPjasError(error, 'INSUFFICIENT_STORAGE')) throw error;
			// The prototype's nodes say it so, and its coordinators know no 507.
			answerJson(ctx, 500, errorAnswer(error).body);
		} finally {
			watch.stop();
		}
	});

	router.get('/chunk', async ctx => {
		refuseWhereResting(line, 'get');
		const digest = await findShard(idOf(ctx), folder);
		// A classic caller can't tell a wrong byte from a right one, so the shard is hashed before it is sent.
		if (!(await shards.verify(digest))) {
			throw new PjasError('SHARD_NOT_FOUND', 'This chunk is not what it was any more: get it from another node');
		}

		await sendShard(ctx.res, shards, digest, noProof, {line: line?.up});
		ctx.respond = false;
	});
};
