import {isPjasError} from '../../source/protocol/errors.js';
import type {ChunkId, Digest, NodeId} from '../../source/protocol/ids.js';
import {listingDigest} from '../core/listing.js';
import {removalOf, type RemovalRecord} from '../core/model.js';
import type {Catalog} from '../ports/catalog.js';
import type {Clock} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import type {Worker} from '../ports/worker.js';
import type {Fleet, NodeState} from './fleet.js';
import {nameInText} from './name-in-text.js';
import type {Note} from './note.js';
import type {ShardHealth} from './shard-health.js';

type ReconcilerOptions = {
	catalog: Catalog;
	fleet: Fleet;
	health: ShardHealth;
	clock: Clock;
	log: Log;
	note: Note;
	discard: (removals: RemovalRecord[]) => Promise<void>;
	wake: () => void;
};

export type Reconciler = Worker & {
	/** Asks for a node's listing to be compared with the catalogue, unless its digest says that they are the same. */
	request: (node: NodeId, theirDigest?: string) => void;
};

/** An upload may have put shards that the catalogue learns of only at its end. */
const ORPHAN_GRACE_MS = 24 * 60 * 60 * 1000;
const REMOVALS_A_PAGE = 1000;
const STRANGERS_A_GROUP = 1000;

type Expected = {chunk: ChunkId; isMissing: boolean};

export const createReconciler = (options: ReconcilerOptions): Reconciler => {
	const {catalog, fleet, health, clock, log, note, discard, wake} = options;
	const requests = new Map<NodeId, string | undefined>();

	const expectedOn = async (node: NodeId): Promise<Map<Digest, Expected>> => {
		const expected = new Map<Digest, Expected>();
		for await (const chunk of catalog.chunksOn(node)) {
			for (const shard of chunk.shards) {
				if (shard.node === node)
					expected.set(shard.digest, {chunk: chunk._id, isMissing: shard.fault?.kind === 'missing'});
			}
		}

		return expected;
	};

	const removalsOn = async (node: NodeId): Promise<Set<Digest>> => {
		const digests = new Set<Digest>();
		for (let after: string | undefined; ;) {
			const page = await catalog.removals(node, REMOVALS_A_PAGE, after);
			for (const {digest} of page) digests.add(digest);
			after = page.at(-1)?._id;
			if (page.length < REMOVALS_A_PAGE) return digests;
		}
	};

	const noteLost = async (state: NodeState, lost: readonly [Digest, Expected][]) => {
		const node = state.record._id;
		for (const [digest, {chunk}] of lost) await health.record(chunk, [{node, digest, result: 'missing'}]);
		if (lost.length === 0) return;
		const many = lost.length === 1 ? '1 shard that it should keep' : `${lost.length} shards that it should keep`;
		note('WARN', `Node ${nameInText(state.record.name)} lacks ${many}`, {node});
	};

	const noteFound = async (node: NodeId, found: readonly [Digest, Expected][]) => {
		for (const [digest, {chunk}] of found) {
			if ((await fleet.use(node, {}, store => store.stat(digest))) !== undefined) {
				await health.record(chunk, [{node, digest, result: 'ok'}]);
			}
		}
	};

	/**
	Shards that the catalogue does not know at this node: those that a file has are counted, as where a member's disk came
	back under another name; the others are orphans. Says how many are.
	*/
	const takeIn = async ({record: {_id: node}}: NodeState, strangers: readonly Digest[]): Promise<number> => {
		const orphans: RemovalRecord[] = [];
		const notBefore = clock.now() + ORPHAN_GRACE_MS;
		for (const digest of strangers) {
			const chunk = await catalog.chunkWith(digest);
			if (!chunk) orphans.push(removalOf(node, digest, notBefore, 'orphan'));
			else if (await catalog.getFile(chunk.file)) await health.record(chunk._id, [{node, digest, result: 'ok'}]);
		}

		await discard(orphans);
		return orphans.length;
	};

	const compare = async (state: NodeState, theirDigest: string | undefined): Promise<void> => {
		const node = state.record._id;
		if (state.record.kind === 'classic') return;
		const expected = await expectedOn(node);
		const sound = [...expected].filter(([, {isMissing}]) => !isMissing).map(([digest]) => digest);
		if (theirDigest === listingDigest(sound.sort())) return;

		const known = await removalsOn(node);
		const held = new Set<Digest>();
		let orphans = 0;
		await fleet.use(node, {}, async store => {
			let strangers: Digest[] = [];
			for await (const digest of store.list()) {
				if (expected.has(digest)) held.add(digest);
				else if (!known.has(digest)) strangers.push(digest);
				if (strangers.length < STRANGERS_A_GROUP) continue;
				orphans += await takeIn(state, strangers);
				strangers = [];
			}

			orphans += await takeIn(state, strangers);
		});
		await noteLost(
			state,
			[...expected].filter(([digest, {isMissing}]) => !isMissing && !held.has(digest)),
		);
		await noteFound(
			node,
			[...expected].filter(([digest, {isMissing}]) => isMissing && held.has(digest)),
		);
		log.info('compared the listing of a node', {node, expected: expected.size, orphans});
	};

	return {
		name: 'reconciler',
		request(node, theirDigest) {
			requests.set(node, theirDigest);
			wake();
		},
		async step() {
			const [next] = requests;
			if (!next) return 'idle';
			const [node, theirDigest] = next;
			const state = fleet.get(node);
			if (!state?.isOnline) {
				requests.delete(node);
				return 'busy';
			}

			try {
				await compare(state, theirDigest);
			} catch (error) {
				if (!isPjasError(error)) throw error;
				log.warn('the listing of a node could not be compared; it is tried when it comes back', {node, error});
			}

			requests.delete(node);
			return 'busy';
		},
	};
};
