import {mkdir, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {type Digest, newNodeId, type NodeId} from '../../source/protocol/ids.js';
import {SEAL_KEY_BYTES} from '../../source/protocol/seal.js';
import {PROTOCOL} from '../../source/protocol/version.js';
import {openNedbCatalog} from '../adapters/nedb-catalog.js';
import {systemClock, systemRandom} from '../adapters/system.js';
import {loadMasterKey} from '../coordinator/master-key.js';
import type {NodeRecord} from '../core/model.js';
import {silentLog} from '../testing/silent-log.js';
import {standInStorage} from './growth-nodes-storage.js';
import {MADE_COPIES, madeUpload} from './made-catalog.js';

/**
Forked with a data folder, a folder for listings, how many chunks and nodes, where the nodes are and how long it may take:
makes a network's past. Chunks lie on three nodes by chance, as placement has it. What each node has to list goes into a file
of its name. Tells its parent how many chunks there are.
*/
const [dataFolder = '', listings = '', chunkText = '', nodeText = '', origin = '', withinText = ''] =
	process.argv.slice(2);
const wantedChunks = Number(chunkText);
const endMs = performance.now() + Number(withinText);
const CHUNKS_A_FILE = 10;
const AT_ONCE = 16;
const TELL_EVERY = 10_000;

const nodes = Array.from({length: Number(nodeText)}, () => newNodeId(systemRandom.bytes(16)));
const digests = new Map<NodeId, Digest[]>(nodes.map(node => [node, []]));

const someNodes = (): NodeId[] => {
	const chosen = new Set<NodeId>();
	while (chosen.size < Math.min(MADE_COPIES, nodes.length)) {
		const node = nodes[Math.floor(systemRandom.float() * nodes.length)];
		if (node !== undefined) chosen.add(node);
	}

	return [...chosen];
};

const recordOf = (node: NodeId, number: number, now: number): NodeRecord => ({
	_id: node,
	kind: 'direct',
	name: `stand-in ${number}`,
	owner: `member ${number}`,
	zone: `house ${number}`,
	address: `${origin}/${node}`,
	version: '2.0.0',
	protocol: PROTOCOL,
	...{allocatedBytes: standInStorage.allocated_bytes, usedBytes: standInStorage.used_bytes},
	freeBytes: standInStorage.free_bytes,
	shardCount: digests.get(node)?.length ?? 0,
	registeredAt: now,
	lastSeenAt: now,
	// Nobody has the bytes that an audit would ask for: the next one is due in an hour.
	audits: {passed: 1, failed: 0, inARow: 1, lastAt: now, lastPassedAt: now},
	revision: 0,
});

const masterKey = await loadMasterKey({
	...{folder: dataFolder, fromEnvironment: undefined, isNeeded: true, random: systemRandom},
});
const catalog = await openNedbCatalog({folder: dataFolder, log: silentLog, clock: systemClock});
let made = 0;
let number = 0;
let told = 0;

const makeFiles = async (): Promise<void> => {
	while (number * CHUNKS_A_FILE < wantedChunks && performance.now() < endMs) {
		const count = Math.min(CHUNKS_A_FILE, wantedChunks - number * CHUNKS_A_FILE);
		const {file, chunks} = madeUpload(number++, count, someNodes);
		const wrappedKey = masterKey.wrap(file._id, systemRandom.bytes(SEAL_KEY_BYTES));
		await catalog.commitUpload({...file, wrappedKey}, chunks);
		for (const {shards} of chunks) for (const {digest, node} of shards) digests.get(node)?.push(digest);
		made += count;
		if (made - told < TELL_EVERY) continue;
		told = made;
		process.send?.({chunks: made});
	}
};

await Promise.all(Array.from({length: AT_ONCE}, makeFiles));
await mkdir(listings, {recursive: true});
for (const [node, list] of digests) await writeFile(join(listings, node), JSON.stringify(list.sort()));
const now = Date.now();
for (const [at, node] of nodes.entries()) await catalog.putNode(recordOf(node, at + 1, now));
await catalog.close();
process.send?.({chunks: made});
process.disconnect();
