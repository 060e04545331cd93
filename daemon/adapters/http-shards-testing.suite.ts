import {randomBytes} from 'node:crypto';
import {once} from 'node:events';
import {createServer, type RequestListener} from 'node:http';
import type {AddressInfo} from 'node:net';
import type {ExecutionContext} from 'ava';
import {isPjasError} from '../../source/protocol/errors.js';
import type {Digest} from '../../source/protocol/ids.js';
import type {ShardStore} from '../ports/shard-store.js';
import {digestOf} from '../ports/shard-store.suite.js';
import {createNodeAgent} from './http-shards-call.js';
import {httpShards} from './http-shards.js';

/** The shards of a node at an address. */
export const open = (t: ExecutionContext, baseUrl: string, timeoutMs = 10_000): ShardStore => {
	const agent = createNodeAgent(baseUrl, 4);
	t.teardown(() => agent.destroy());
	return httpShards({baseUrl, agent, timeoutMs});
};

/** Answers in a node's place; gives the address. */
export const serve = async (t: ExecutionContext, listener: RequestListener): Promise<string> => {
	const server = createServer(listener).listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.teardown(() => {
		server.close();
		server.closeAllConnections();
	});
	return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

export type Body = {bytes: Buffer; digest: Digest};
export const bodies = (count: number, sizeBytes = 1000): Body[] =>
	Array.from({length: count}, () => {
		const bytes = randomBytes(sizeBytes);
		return {bytes, digest: digestOf(bytes)};
	});

/** What became of each: `kept` where all is well, else its code. */
export const codesOf = (settled: readonly PromiseSettledResult<unknown>[], well = 'kept') =>
	settled.map(each => {
		if (each.status === 'fulfilled') return well;
		return isPjasError(each.reason) ? each.reason.code : String(each.reason);
	});
