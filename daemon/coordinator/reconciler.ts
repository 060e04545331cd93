import {isPjasError} from '../../source/protocol/errors.js';
import type {ChunkId, Digest, NodeId} from '../../source/protocol/ids.js';
import {listingDigest} from '../core/listing.js';
import {removalOf, type RemovalRecord} from '../core/model.js';
import {strangersKeptUntil} from '../core/restored.js';
import type {Catalog} from '../ports/catalog.js';
import type {Clock, Random} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import type {Worker} from '../ports/worker.js';
import type {Fleet, NodeState} from './fleet.js';
import {nameInText} from './name-in-text.js';
import type {Note} from './note.js';
import type {Remover} from './remover.js';
import type {ShardHealth} from './shard-health.js';

type ReconcilerOptions = {
	catalog: Catalog;
	fleet: Fleet;
	health: ShardHealth;
	clock: Clock;
	random: Pick<Random, 'float'>;
	log: Log;
	note: Note;
	remover: Pick<Remover, 'discard' | 'sparing'>;
	wake: () => void;
	/** When the catalogue came out of a backup, where it did. */
	restoredAt?: number | undefined;
};

export type Reconciler = Worker & {
	/** Asks for a node's listing to be compared with the catalogue, unless its digest says that they are the same. */
	request: (node: NodeId, theirDigest?: string) => void;
};

/** An upload may have put shards that the catalogue learns of only at its end. */
const ORPHAN_GRACE_MS = 24 * 60 * 60 * 1000;
/** Each node's listing is compared again within a day, and not all nodes' at one time. */
const COMPARE_EVERY_MS = 24 * 60 * 60 * 1000;
const LOOK_EVERY_MS = 60_000;
const LEAST_SHARE = 0.5;
const MOST_RECHECKED = 100;
const REMOVALS_A_PAGE = 1000;
const STRANGERS_A_GROUP = 1000;

type Expected = {chunk: ChunkId; isMissing: boolean; isCorrupt: boolean};

export const createReconciler = (options: ReconcilerOptions): Reconciler => {
	const {catalog, fleet, health, clock, random, log, note, remover, wake, restoredAt} = options;
	const requests = new Map<NodeId, string | undefined>();
	/** When each node that is there is compared next, whatever happens. */
	const dues = new Map<NodeId, number>();
	let lookedAtMs = -Infinity;

	const expectedOn = async (node: NodeId): Promise<Map<Digest, Expected>> => {
		const expected = new Map<Digest, Expected>();
		for await (const chunk of catalog.chunksOn(node)) {
			for (const shard of chunk.shards) {
				if (shard.node !== node) continue;
				const isMissing = shard.fault?.kind === 'missing';
				expected.set(shard.digest, {chunk: chunk._id, isMissing, isCorrupt: shard.fault?.kind === 'corrupt'});
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

	/** Whether a node has a shard's bytes: what it lists are names. A copy that is counted on makes others superfluous. */
	const isSound = async (node: NodeId, digest: Digest): Promise<boolean> => {
		try {
			return await fleet.use(node, {}, store => store.verify(digest));
		} catch (error) {
			if (isPjasError(error, 'SHARD_NOT_FOUND') || isPjasError(error, 'SHARD_UNREADABLE')) return false;
			throw error;
		}
	};

	/** A repair may have given it up just now, so that it is about to be removed. */
	const countIfSound = async (node: NodeId, digest: Digest, chunk: ChunkId) =>
		remover.sparing(node, digest, async () => {
			if (await isSound(node, digest)) await health.countIn(chunk, {node, digest});
		});

	const noteFound = async (node: NodeId, found: readonly [Digest, Expected][]) => {
		for (const [digest, {chunk}] of found) await countIfSound(node, digest, chunk);
	};

	/**
	Shards that were bad when somebody looked: a disk that did not give them may do so again. One that still is bad is out of
	the store afterwards, and missing from then on.
	*/
	const lookAgain = async (node: NodeId, bad: readonly [Digest, Expected][]) => {
		for (const [digest, {chunk}] of bad.slice(0, MOST_RECHECKED)) {
			try {
				const isRight = await fleet.use(node, {}, store => store.verify(digest));
				if (isRight) await health.record(chunk, [{node, digest, result: 'ok'}]);
			} catch (error) {
				if (!isPjasError(error, 'SHARD_NOT_FOUND') && !isPjasError(error, 'SHARD_UNREADABLE')) throw error;
			}
		}
	};

	/**
	Shards that the catalogue does not know at this node: those that a file has are counted, as where a member's disk came
	back under another name; the others are orphans. Says how many are.
	*/
	const takeIn = async ({record: {_id: node}}: NodeState, strangers: readonly Digest[]): Promise<number> => {
		const orphans: RemovalRecord[] = [];
		const now = clock.now();
		const notBefore = Math.max(now + ORPHAN_GRACE_MS, strangersKeptUntil(restoredAt, now) ?? 0);
		for (const digest of strangers) {
			const chunk = await catalog.chunkWith(digest);
			if (!chunk) orphans.push(removalOf(node, digest, notBefore, 'orphan'));
			else if (catalog.hasRecord(chunk.file)) await countIfSound(node, digest, chunk._id);
		}

		await remover.discard(orphans);
		return orphans.length;
	};

	const compare = async (state: NodeState, theirDigest: string | undefined): Promise<void> => {
		const node = state.record._id;
		if (state.record.kind === 'classic') return;
		const expected = await expectedOn(node);
		await lookAgain(
			node,
			[...expected].filter(([, {isCorrupt}]) => isCorrupt),
		);
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

	/** Asks for those whose last comparison was long ago, once in a while: it costs by the number of all nodes. A classic node can't list what it has. */
	const requestDue = () => {
		if (clock.monotonicMs() < lookedAtMs + LOOK_EVERY_MS) return;
		lookedAtMs = clock.monotonicMs();
		const now = clock.now();
		const nodes = fleet.all().filter(({isOnline, record}) => isOnline && record.kind !== 'classic');
		const ids = new Set(nodes.map(({record}) => record._id));
		for (const id of [...dues.keys()].filter(each => !ids.has(each))) dues.delete(id);
		for (const id of ids) {
			const dueAt = dues.get(id);
			if (dueAt !== undefined && dueAt <= now && !requests.has(id)) requests.set(id, undefined);
			// One that is further away was set before the clock was set back.
			if (dueAt !== undefined && dueAt > now && dueAt <= now + COMPARE_EVERY_MS) continue;
			const share = LEAST_SHARE + (1 - LEAST_SHARE) * random.float();
			dues.set(id, now + share * COMPARE_EVERY_MS);
		}
	};

	return {
		name: 'reconciler',
		request(node, theirDigest) {
			requests.set(node, theirDigest);
			wake();
		},
		async step() {
			requestDue();
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
