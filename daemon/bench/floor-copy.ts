import {createHash, randomFillSync} from 'node:crypto';
import {Agent, request} from 'node:http';
import {FLOOR_BLOCK_BYTES, FLOOR_TAG_BYTES} from './floor-blocks.js';

/**
What stands between the floor's nodes while blocks are copied from one to another; forked with their ports. A message is what
it is to do, and is answered when that is done: `fill` puts so many blocks on one node each, `copy` copies each to the next.
*/
export type CopyTask = {fill: number} | {copy: {atOnce: number}};

const ports = process.argv.slice(2).map(Number);
const agent = new Agent({keepAlive: true, maxSockets: 64});
const digests: string[] = [];

const portOf = (index: number): number => ports[index % ports.length] ?? 0;

/** Starts to store a block; what is written to the call is its body. */
const put = (port: number, digest: string, sizeBytes: number | string, done: (error?: Error) => void) => {
	const headers = {'content-length': sizeBytes};
	const call = request({port, host: '127.0.0.1', method: 'PUT', path: `/${digest}`, headers, agent}, answer => {
		answer.resume().on('end', () => {
			done(
				answer.statusCode === 201 ? undefined : new Error(`A floor node answered ${answer.statusCode ?? 'nothing'}`),
			);
		});
	});
	return call.on('error', done);
};

const settle = (resolve: () => void, reject: (error: Error) => void) => (error?: Error) => {
	if (error) reject(error);
	else resolve();
};

const fill = async (count: number): Promise<void> => {
	const block = Buffer.alloc(FLOOR_BLOCK_BYTES + FLOOR_TAG_BYTES);
	for (let index = 0; index < count; index++) {
		randomFillSync(block);
		const digest = createHash('sha256').update(block).digest('hex');
		await new Promise<void>((resolve, reject) => {
			put(portOf(index), digest, block.length, settle(resolve, reject)).end(block);
		});
		digests.push(digest);
	}
};

const copyBlock = async (index: number): Promise<void> =>
	new Promise((resolve, reject) => {
		const digest = digests[index] ?? '';
		const call = request({port: portOf(index), host: '127.0.0.1', path: `/${digest}`, agent}, answer => {
			const sizeBytes = answer.headers['content-length'] ?? '0';
			answer.on('error', reject).pipe(put(portOf(index + 1), digest, sizeBytes, settle(resolve, reject)));
		});
		call.on('error', reject).end();
	});

const copy = async (atOnce: number): Promise<void> => {
	const rest = digests.keys();
	const lane = async () => {
		for (const index of rest) await copyBlock(index);
	};
	await Promise.all(Array.from({length: atOnce}, lane));
};

process.on('message', (task: CopyTask) => {
	const work = 'fill' in task ? fill(task.fill) : copy(task.copy.atOnce);
	work.then(
		() => process.send?.({done: true}),
		(error: unknown) => process.send?.({error: String(error)}),
	);
});
process.on('disconnect', () => process.exit());
process.send?.({port: 0});
