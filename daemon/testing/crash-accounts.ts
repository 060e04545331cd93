import {copyFile, mkdtemp, readdir, rm, stat} from 'node:fs/promises';
import path from 'node:path';
import type {ChunkView, FileView, NodeView, Stats} from '../../source/protocol/api.js';
import {openNedbCatalog} from '../adapters/nedb-catalog.js';
import {systemClock} from '../adapters/system.js';
import type {RemovalRecord} from '../core/model.js';
import {parsePackName} from '../core/shard-pack.js';
import {ask, askFor} from './crash-client.js';
import type {Ledger} from './crash-ledger.js';
import type {CrashNetwork, Member} from './crash-network.js';
import {headersFor} from './signed-node.js';
import {digestsIn, isRightAt, shardPlacesIn} from './shards-on-disk.js';
import {silentLog} from './silent-log.js';
import {until} from './processes.js';

/** Settles what a network says of itself with what is on its disks. */

const LISTING_PAGE = 50;
const BLOCK_BYTES = 512;
const DAY_MS = 24 * 60 * 60 * 1000;
const SETTLED_WITHIN_MS = 60_000;
/** How far the figures may be off. */
const TOLERANCE = 0.01;

const coordinatorNames = new Set([
	'catalog.db',
	'master.key',
	'network-keys.json',
	'activity.jsonl',
	'activity.1.jsonl',
	'audit.jsonl',
	'audit.head',
]);
const nodeNames = new Set([
	'chunks',
	'quarantine',
	'aliases',
	'tmp',
	'node_metadata.json',
	'node_identity.json',
	'coordinator_keys.json',
	'scrub.json',
	'member.json',
	'line.json',
	'node.sock',
]);

const isShardFile = (name: string) => /^[0-9a-f]{64}\.chunk$/.test(name) || parsePackName(name) !== undefined;

/** What lies in the folders of a network that was stopped and should not. */
export const leftoversOf = async ({coordinator, nodes}: CrashNetwork): Promise<string[]> => {
	const strangers = async (folder: string, isKnown: (name: string) => boolean) =>
		(await readdir(folder)).filter(name => !isKnown(name)).map(name => path.join(folder, name));
	const found = [await strangers(coordinator.folder, name => coordinatorNames.has(name))];
	for (const {folder, way} of nodes) {
		if (way === 'classic') continue;
		found.push(await strangers(folder, name => nodeNames.has(name)));
		found.push(await strangers(path.join(folder, 'chunks'), isShardFile));
		for (const empty of ['tmp', 'quarantine', 'aliases'])
			found.push(await strangers(path.join(folder, empty), () => false));
	}

	return found.flat();
};

/** The removals that a coordinator has written down, by the id of their node, while it runs. */
const removalsOf = async ({coordinator, folder}: CrashNetwork): Promise<RemovalRecord[]> => {
	const copy = await mkdtemp(path.join(folder, 'copy-'));
	try {
		await copyFile(path.join(coordinator.folder, 'catalog.db'), path.join(copy, 'catalog.db'));
		const catalog = await openNedbCatalog({folder: copy, log: silentLog, clock: systemClock});
		const nodes = await catalog.nodes();
		const removals = await Promise.all(nodes.map(async node => catalog.removals(node._id, Number.MAX_SAFE_INTEGER)));
		await catalog.close();
		return removals.flat();
	} finally {
		await rm(copy, {recursive: true});
	}
};

const chunkFilesOf = async ({folder}: Member): Promise<string[]> => readdir(path.join(folder, 'chunks'));

/** What a node says that it keeps. A classic one can't say: it is what lies on its disk. */
const listingOf = async (node: Member, coordinator: Member): Promise<string[]> => {
	const {url, folder, way} = node;
	if (way === 'classic') return digestsIn(folder);
	const digests: string[] = [];
	for (let after = ''; ;) {
		const search = `?limit=${LISTING_PAGE}${after}`;
		const headers = await headersFor(coordinator.folder, folder, {operation: 'list', search});
		const page = await ask<{digests: string[]; next_after: string | null}>(url, `/shards${search}`, headers);
		digests.push(...page.digests);
		if (page.next_after === null) return digests;
		after = `&after=${page.next_after}`;
	}
};

/** What the chunk files take, as `du` counts; a classic node counts their bytes. */
const takenBytes = async (nodes: readonly Member[]): Promise<number> => {
	const sizes = nodes.map(async node => {
		const files = await chunkFilesOf(node);
		const each = files.map(async name => {
			const {blocks, size} = await stat(path.join(node.folder, 'chunks', name));
			return node.way === 'classic' ? size : blocks * BLOCK_BYTES;
		});
		return (await Promise.all(each)).reduce((sum, bytes) => sum + bytes, 0);
	});
	return (await Promise.all(sizes)).reduce((sum, bytes) => sum + bytes, 0);
};

/** Where the catalogue says that shards are: `<node id>/<digest>`. */
const placesOf = async (url: string): Promise<{places: Set<string>; problems: string[]}> => {
	const {files} = await ask<{files: FileView[]}>(url, '/api/files?limit=1000');
	const places = new Set<string>();
	const problems: string[] = [];
	for (const {file_id: id, filename, chunks_count: wanted} of files) {
		const {chunks} = await askFor<{chunks: ChunkView[]}>(url, 'replication', id);
		if (chunks.length !== wanted) problems.push(`${filename} has ${chunks.length} of ${wanted} chunks`);
		for (const {index, shards} of chunks) {
			for (const shard of shards) {
				places.add(`${shard.node_id}/${shard.digest}`);
				if (shard.state !== 'online') problems.push(`${filename}: a shard of chunk ${index} is ${shard.state}`);
			}
		}
	}

	return {places, problems};
};

export type Accounts = {shards: number; orphans: number; problems: string[]};

/** Waits until the removals that are due are done, then compares. Nobody may use the network meanwhile. */
export const accountsOf = async (network: CrashNetwork, ledger: Ledger): Promise<Accounts> => {
	const {url, nodes, coordinator, nodeOf} = network;
	const {nodes: views} = await askFor<{nodes: NodeView[]}>(url, 'nodes');
	const idOf = (node: Member) => views.find(view => nodeOf(view) === node)?.node_id ?? '';
	const {places, problems} = await placesOf(url);
	/** A classic node can't delete, and nobody can ask what it has: what is left on it does not count. */
	const countsOn = (node: Member) => (digest: string) =>
		node.way !== 'classic' || places.has(`${idOf(node)}/${digest}`);
	const heldBy = async (node: Member) => (await listingOf(node, coordinator)).filter(countsOn(node));
	const held = async () =>
		(await Promise.all(nodes.map(async node => (await heldBy(node)).map(digest => `${idOf(node)}/${digest}`)))).flat();

	// Nothing is due any more, and every node's listing has been compared with the catalogue.
	const {removals, onDisk} = await until(
		'removals that are due are done, and orphans are known',
		async () => {
			const all = await removalsOf(network);
			if (all.some(({notBefore}) => notBefore <= Date.now())) return undefined;
			const shards = await held();
			const known = new Set<string>(all.map(({_id}) => _id));
			return shards.every(place => places.has(place) || known.has(place)) && {removals: all, onDisk: shards};
		},
		SETTLED_WITHIN_MS,
	);

	for (const node of nodes) {
		const digests = digestsIn(node.folder);
		if (digests.join() !== (await listingOf(node, coordinator)).join())
			problems.push(`${node.label} lists others than it has`);
		for (const place of shardPlacesIn(node.folder).filter(({digest}) => countsOn(node)(digest))) {
			if (!isRightAt(place)) problems.push(`${node.label}: ${place.digest} holds other bytes`);
		}
	}

	const there = new Set(onDisk);
	for (const place of places) if (!there.has(place)) problems.push(`${place} is not on its disk`);
	const orphans = onDisk.filter(place => !places.has(place));
	const removedPlaces = ledger.removedPlaces();
	for (const place of orphans) {
		if (removedPlaces.has(place)) problems.push(`${place} is of a file that was removed`);
		const removal = removals.find(({_id}) => _id === place);
		const leftMs = (removal?.notBefore ?? 0) - Date.now();
		if (removal?.reason !== 'orphan' || leftMs > DAY_MS) problems.push(`${place} is no orphan within its grace`);
	}

	if (onDisk.length !== places.size + orphans.length) {
		problems.push(`${onDisk.length} shards are on disk, ${places.size} wanted and ${orphans.length} orphans`);
	}

	// Figures come with the next heartbeats.
	const taken = await takenBytes(nodes);
	const isClose = ({usedStorage}: Stats) => Math.abs(usedStorage - taken) <= TOLERANCE * taken;
	await until(`usedStorage is close to ${taken}`, async () =>
		isClose((await askFor<{stats: Stats}>(url, 'stats')).stats),
	);
	return {shards: onDisk.length, orphans: orphans.length, problems};
};
