import {createHash, randomBytes} from 'node:crypto';
import {once} from 'node:events';
import {mkdtemp, rm} from 'node:fs/promises';
import {Agent, type IncomingMessage, request} from 'node:http';
import {join} from 'node:path';
import type {Digest} from '../../source/protocol/ids.js';
import type {Print} from './compare.js';
import {usageOf} from './measure.js';
import type {Options} from './options.js';
import {atOnce} from './phases.js';
import {type Keeper, type Operation, startKeepers} from './shards-keepers.js';

type ShardRun = {seconds: number; cpuSeconds: number};

/** What each process that keeps shards took for so many of one size, in each run. */
export type ShardFigures = {keeper: string; sizeBytes: number; shards: number; put: ShardRun[]; get: ShardRun[]}[];

const LARGE_BYTES = 10 * 1024 * 1024;
const LARGE_AT_ONCE = 4;
const SMALL_AT_ONCE = 16;

const agent = new Agent({keepAlive: true});
const methods: Record<Operation, string> = {put: 'PUT', get: 'GET', remove: 'DELETE'};

/** Of one size, no two the same: each begins with its number, and all go on alike. */
type Shards = {digests: readonly Digest[]; sizeBytes: number; limit: number; rest: Buffer};

const headOf = (index: number): Buffer => {
	const head = Buffer.alloc(4);
	head.writeUInt32BE(index);
	return head;
};

const shardsOf = (count: number, sizeBytes: number, limit: number): Shards => {
	const rest = randomBytes(sizeBytes - headOf(0).length);
	const digests = Array.from(
		{length: count},
		(_, index) => createHash('sha256').update(headOf(index)).update(rest).digest('hex') as Digest,
	);
	return {digests, sizeBytes, limit, rest};
};

/** Makes one request, and returns how many bytes came back. */
const call = async (keeper: Keeper, operation: Operation, shards: Shards, index: number): Promise<number> => {
	const digest = shards.digests[index] ?? ('' as Digest);
	const isPut = operation === 'put';
	const headers = {
		...keeper.headersOf(operation, digest),
		...(isPut && {'content-length': shards.sizeBytes}),
	};
	const path = keeper.pathOf(digest);
	const sent = request({host: '127.0.0.1', port: keeper.port, method: methods[operation], path, headers, agent});
	if (isPut) sent.write(headOf(index));
	sent.end(isPut ? shards.rest : undefined);
	const [answer] = (await once(sent, 'response')) as [IncomingMessage];
	let sizeBytes = 0;
	answer.on('data', (piece: Buffer) => (sizeBytes += piece.length));
	await once(answer, 'end');
	const status = answer.statusCode ?? 0;
	if (status >= 300) throw new Error(`${keeper.name} answered ${methods[operation]} ${path} with ${status}`);
	return sizeBytes;
};

const runAll = async (keeper: Keeper, operation: Operation, shards: Shards): Promise<ShardRun> => {
	const before = usageOf(keeper.pid).cpuSeconds;
	const start = performance.now();
	await atOnce(shards.digests.length, shards.limit, async index => {
		const sizeBytes = await call(keeper, operation, shards, index);
		if (operation === 'get' && sizeBytes !== shards.sizeBytes) {
			throw new Error(`${keeper.name}: ${sizeBytes} bytes came back, not ${shards.sizeBytes}`);
		}
	});
	const seconds = (performance.now() - start) / 1000;
	return {seconds, cpuSeconds: usageOf(keeper.pid).cpuSeconds - before};
};

const runOn = async (keeper: Keeper, shards: Shards): Promise<{put: ShardRun; get: ShardRun}> => {
	const put = await runAll(keeper, 'put', shards);
	const get = await runAll(keeper, 'get', shards);
	await runAll(keeper, 'remove', shards);
	return {put, get};
};

const measure = async (keepers: readonly Keeper[], {runs, load}: Options, print: Print): Promise<ShardFigures> => {
	const sizes = [
		{sizeBytes: load.smallBytes, count: load.smallFiles, limit: SMALL_AT_ONCE},
		{sizeBytes: LARGE_BYTES, count: Math.ceil(load.bigBytes / LARGE_BYTES), limit: LARGE_AT_ONCE},
	];
	const figures: ShardFigures = [];
	for (const {sizeBytes, count, limit} of sizes) {
		const shards = shardsOf(count, sizeBytes, limit);
		const own: ShardFigures = keepers.map(({name}) => ({keeper: name, sizeBytes, shards: count, put: [], get: []}));
		// The first run warms up.
		for (let run = 0; run <= runs; run++) {
			for (const [at, keeper] of keepers.entries()) {
				const {put, get} = await runOn(keeper, shards);
				if (run === 0) continue;
				own[at]?.put.push(put);
				own[at]?.get.push(get);
			}

			if (run > 0) print(`  nginx         ${count} shards of ${sizeBytes} bytes, run ${run}`);
		}

		figures.push(...own);
	}

	return figures;
};

/** Shards straight to and from one node, beside nginx and beside bare servers that do less, on the same disk. */
export const benchShards = async (options: Options, print: Print): Promise<ShardFigures> => {
	const folder = await mkdtemp(join(options.folder, 'pjas-bench-'));
	const keepers: Keeper[] = [];
	try {
		await startKeepers(folder, keepers, print);
		return await measure(keepers, options, print);
	} finally {
		agent.destroy();
		for (const keeper of keepers) await keeper.stop();
		await rm(folder, {recursive: true, force: true});
	}
};
