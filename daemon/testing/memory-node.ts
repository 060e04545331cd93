import {createHash} from 'node:crypto';
import type {Socket} from 'node:net';
import type {Duplex} from 'node:stream';
import {buffer as bufferOf} from 'node:stream/consumers';
import type {Digest, NodeId} from '../../source/protocol/ids.js';
import {MemoryShards} from '../adapters/memory-shards.js';
import {systemClock, systemRandom} from '../adapters/system.js';
import {listingDigest} from '../core/listing.js';
import {listen} from '../http/listen.js';
import type {NodeFolder, NodeStore} from '../node/folder.js';
import {authorizeAnyone} from '../node/authorize.js';
import {createNodeHandler} from '../node/server.js';
import {silentLog} from './silent-log.js';

export type MemoryNode = {
	url: string;
	shards: MemoryShards;
	/** Serves a link. */
	attach: (link: Duplex) => void;
	/** How many connections are open. */
	connections: () => number;
	close: () => Promise<void>;
};

/** Shards in memory, as a node's own store. */
const nodeStoreOf = (shards: MemoryShards, allocatedBytes: number): NodeStore => ({
	put: shards.put.bind(shards),
	get: shards.get.bind(shards),
	stat: shards.stat.bind(shards),
	remove: shards.remove.bind(shards),
	list: shards.list.bind(shards),
	verify: shards.verify.bind(shards),
	prove: shards.prove.bind(shards),
	async receive(digest, stream, _sizeBytes, options) {
		const body = await bufferOf(stream);
		const outcome = shards.kept.has(digest) ? 'exists' : 'created';
		await shards.put(digest, body, options);
		return outcome;
	},
	async receiveUnnamed(stream, _sizeBytes, options) {
		const body = await bufferOf(stream);
		const digest = createHash('sha256').update(body).digest('hex') as Digest;
		await shards.put(digest, body, options);
		return {digest, sizeBytes: body.length};
	},
	open: async (digest, options) => ({bytes: await shards.get(digest, options), release: () => undefined}),
	figures: async () => {
		const {usedBytes} = shards;
		const freeBytes = Math.max(0, allocatedBytes - usedBytes);
		return Promise.resolve({usedBytes, allocatedBytes, freeBytes, count: shards.kept.size});
	},
	listingDigest: () => listingDigest([...shards.kept.keys()].sort()),
});

/** A node as it answers over HTTP, but with its shards in memory. */
export const startMemoryNode = async (shards: MemoryShards = new MemoryShards()): Promise<MemoryNode> => {
	const aliases = new Map<string, Digest>();
	const folder: Pick<NodeFolder, 'shards' | 'aliases' | 'name'> = {
		name: 'memory',
		shards: nodeStoreOf(shards, 2 ** 40),
		aliases: {
			check: () => undefined,
			get: async id => Promise.resolve(aliases.get(id)),
			set: async (id, digest) => Promise.resolve(void aliases.set(id, digest)),
		},
	};
	const nodeId = `pjas-${'0'.repeat(31)}1` as NodeId;
	const handler = createNodeHandler({
		nodeId,
		version: '2.0.0',
		folder,
		authorize: authorizeAnyone,
		log: silentLog,
		clock: systemClock,
		random: systemRandom,
	});
	const server = await listen({handler, host: '127.0.0.1', port: 0, log: silentLog});
	let connections = 0;
	server.server.on('connection', (socket: Socket) => {
		connections++;
		socket.once('close', () => connections--);
	});
	return {
		url: server.url,
		shards,
		attach: server.attach,
		connections: () => connections,
		close: async () => server.close({graceMs: 0}),
	};
};
