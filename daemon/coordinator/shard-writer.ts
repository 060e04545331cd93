import {isPjasError, PjasError} from '../../source/protocol/errors.js';
import type {Digest, NodeId} from '../../source/protocol/ids.js';
import {type RemovalRecord, removalOf, type ShardRecord} from '../core/model.js';
import {type Candidate, placeAmong, type Pool, poolOf} from '../core/place.js';
import type {Clock, Random} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import type {Fleet} from './fleet.js';

export type SealedChunk = {digest: Digest; sealed: Uint8Array};

type WriterOptions = {
	fleet: Fleet;
	clock: Clock;
	random: Random;
	log: Log;
	replicas: number;
	minReplicas: number;
	/** Takes note of shards that a node may have got although the chunk doesn't count on them. */
	discard: (removals: RemovalRecord[]) => Promise<void>;
};

export type ShardWriter = {
	/** Throws what a chunk of this size would meet now: no nodes, too few, or no room. */
	assertRoom: (sizeBytes: number) => void;
	/** Puts a sealed chunk on as many nodes as are wanted, with others in place of those that fail. */
	store: (chunk: SealedChunk, signal: AbortSignal) => Promise<ShardRecord[]>;
};

/** The nodes of one chunk: those that have a copy or are about to, and those that failed. */
type Tried = {holding: Set<Candidate>; failed: Set<NodeId>};

const RETRY_AFTER_SECONDS = 10;

const count = (many: number, noun: string) => `${many} ${noun}${many === 1 ? '' : 's'}`;

/**
Whether a node that failed so surely has nothing of the shard. A connection that is refused says nothing: it may be the
second try of a request that the node took before it went away.
*/
const hasNothing = (error: unknown): boolean =>
	isPjasError(error, 'INSUFFICIENT_STORAGE') ||
	isPjasError(error, 'TOO_MANY_REQUESTS') ||
	isPjasError(error, 'NODE_RESTING');

export const createShardWriter = (options: WriterOptions): ShardWriter => {
	const {fleet, clock, random, log, replicas, minReplicas, discard} = options;

	const required = () => Math.max(1, Math.min(minReplicas, fleet.size()));

	/** Why fewer than the required copies can be kept, in words and with a code. */
	const shortage = (sizeBytes: number, needed: number, written = 0): PjasError => {
		const {ready, cooling} = fleet.candidates();
		const online = [...ready, ...cooling];
		const roomy = online.filter(node => node.freeBytes >= sizeBytes);
		const advice = {retryAfterSeconds: RETRY_AFTER_SECONDS};
		if (online.length === 0) {
			const known = fleet.size();
			const state = known === 0 ? 'no node ever joined' : `none of ${count(known, 'node')} is online`;
			return new PjasError('NO_NODES_AVAILABLE', `No nodes available: ${state}. Start a node, then try again`, advice);
		}

		if (online.length < needed) {
			const problem = `Not enough nodes: ${online.length} online, ${needed} needed to keep a file safe`;
			return new PjasError('NOT_ENOUGH_NODES', `${problem}. Start another node, then try again`, advice);
		}

		if (roomy.length < needed) {
			const problem = `Not enough free space: ${count(roomy.length, 'online node')} can take this, ${needed} needed`;
			return new PjasError('INSUFFICIENT_STORAGE', `${problem}. Delete files or give nodes more space`, {
				retryAfterSeconds: 60,
			});
		}

		const problem = `Not enough nodes answered: ${written} of ${needed} needed copies could be written`;
		return new PjasError('NOT_ENOUGH_NODES', `${problem}. Try again in a moment`, advice);
	};

	/** Up to `wanted` nodes; those that failed a moment ago only as far as copies are `needed`. */
	const chooseNodes = (sizeBytes: number, wanted: number, needed: number, tried: Tried): Candidate[] => {
		const holders = [...tried.holding];
		const draw = (pool: Pool, count: number) =>
			placeAmong({
				pool,
				count,
				sizeBytes,
				holders,
				accepts: node => !tried.failed.has(node.id),
				random: random.float,
			});
		const chosen = draw(fleet.pool(), wanted);
		const missing = needed - chosen.length;
		if (missing <= 0) return chosen;
		holders.push(...chosen);
		return [...chosen, ...draw(poolOf(fleet.candidates().cooling), missing)];
	};

	const store: ShardWriter['store'] = async ({digest, sealed}, signal) => {
		const sizeBytes = sealed.length;
		// As it is now: a node that joins meanwhile must not raise what those that were chosen have to reach.
		const needed = required();
		const tried: Tried = {holding: new Set(), failed: new Set()};
		const shards: ShardRecord[] = [];
		const doubtful: NodeId[] = [];

		const takeNodes = (wanted: number): Candidate[] => {
			const nodes = chooseNodes(sizeBytes, wanted, needed - tried.holding.size, tried);
			for (const node of nodes) tried.holding.add(node);
			return nodes;
		};

		const putOn = async (node: Candidate): Promise<boolean> => {
			try {
				await fleet.use(node.id, {writeBytes: sizeBytes}, target => target.put(digest, sealed, {signal}));
				shards.push({digest, node: node.id, verifiedAt: clock.now()});
				return true;
			} catch (error) {
				tried.holding.delete(node);
				tried.failed.add(node.id);
				if (!hasNothing(error)) doubtful.push(node.id);
				if (!signal.aborted) log.warn('a shard could not be put on a node', {node: node.id, digest, error});
				return false;
			}
		};

		/** One copy: on this node, or on others in turn until one takes it or none is left. */
		const keepCopy = async (node: Candidate): Promise<void> => {
			for (let next: Candidate | undefined = node; next;) {
				if ((await putOn(next)) || signal.aborted) return;
				next = takeNodes(1)[0];
			}
		};

		await Promise.all(takeNodes(replicas).map(keepCopy));
		const isEnough = shards.length >= needed && !signal.aborted;
		const unwanted = isEnough ? doubtful : [...doubtful, ...shards.map(shard => shard.node)];
		if (unwanted.length > 0) {
			await discard(unwanted.map(node => removalOf(node, digest, clock.now(), 'upload-failed')));
		}

		signal.throwIfAborted();
		if (!isEnough) throw shortage(sizeBytes, needed, shards.length);
		return shards;
	};

	return {
		assertRoom(sizeBytes) {
			const needed = required();
			if (!fleet.hasRoom(sizeBytes, needed)) throw shortage(sizeBytes, needed);
		},
		store,
	};
};
