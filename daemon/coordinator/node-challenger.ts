import {isPjasError} from '../../source/protocol/errors.js';
import type {NodeId} from '../../source/protocol/ids.js';
import {SEAL_TAG_BYTES} from '../../source/protocol/seal.js';
import {type Challenge, drawChallenge} from '../core/challenge.js';
import {followSignal} from '../core/follow-signal.js';
import type {ChunkRecord, ShardRecord} from '../core/model.js';
import {type Answer, doubted, mayAudit, type Witness} from '../core/node-audit.js';
import type {Catalog} from '../ports/catalog.js';
import type {Clock, Random} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import type {Fleet} from './fleet.js';
import {hashBytes} from './hash-bytes.js';
import type {MemoryBudget} from './memory-budget.js';
import {borrowPolitely} from './polite-memory.js';

/** What is known of a node's shard after it was asked: `right` where it was borne out by others, or read. */
export type Verdict = 'right' | 'missing' | 'corrupt' | 'unreadable' | 'silent';

export type Examination = {
	verdicts: ReadonlyMap<NodeId, Verdict>;
	/** Whose shards were read whole. */
	read: readonly NodeId[];
};

export type NodeChallengerOptions = {
	catalog: Pick<Catalog, 'chunkOnByChance' | 'hasRecord'>;
	fleet: Fleet;
	budget: MemoryBudget;
	clock: Clock;
	random: Random;
	log: Log;
};

export type NodeChallenger = {
	/** A chunk by chance of which the node should hold a sound shard. */
	chooseChunk: (node: NodeId) => Promise<ChunkRecord | undefined>;
	/** Has a node show that it holds its shard of a chunk, and whoever else holds one bear witness. */
	examine: (chunk: ChunkRecord, subject: NodeId, signal: AbortSignal) => Promise<Examination>;
};

/** Some of a node's chunks may be those that it is known to lack. */
const MOST_DRAWS = 16;
const ANSWER_WITHIN_MS = 60_000;

const shardOn = (chunk: ChunkRecord, node: NodeId): ShardRecord | undefined =>
	chunk.shards.find(shard => shard.node === node && !shard.fault);

/** What an error says of a shard; everything that is not the node's own word is silence. */
const answerOf = (error: unknown): Exclude<Answer, {kind: 'proof'}> => {
	if (isPjasError(error, 'SHARD_NOT_FOUND')) return {kind: 'missing'};
	if (isPjasError(error, 'SHARD_CORRUPT') || isPjasError(error, 'DIGEST_MISMATCH')) return {kind: 'corrupt'};
	return {kind: isPjasError(error, 'SHARD_UNREADABLE') ? 'unreadable' : 'silent'};
};

export const createNodeChallenger = (options: NodeChallengerOptions): NodeChallenger => {
	const {catalog, fleet, budget, clock, random, log} = options;

	/** Does something that must be done in time. */
	const inTime = async <T>(signal: AbortSignal, work: (limited: AbortSignal) => Promise<T>): Promise<T> => {
		const {controller, release} = followSignal(signal);
		const cancel = clock.timer(ANSWER_WITHIN_MS, () => controller.abort(new Error('the node did not answer in time')));
		try {
			return await work(controller.signal);
		} finally {
			cancel();
			release();
		}
	};

	const ask = async ({digest, node}: ShardRecord, challenge: Challenge, signal: AbortSignal): Promise<Answer> => {
		try {
			const proof = await inTime(signal, async limited =>
				fleet.use(node, {}, store => store.prove(digest, challenge, {signal: limited})),
			);
			return {kind: 'proof', proof};
		} catch (error) {
			signal.throwIfAborted();
			const answer = answerOf(error);
			log[answer.kind === 'silent' ? 'info' : 'warn']('a node gave no proof of a shard', {node, digest, error});
			return answer;
		}
	};

	const readWhole = async (chunk: ChunkRecord, {digest, node}: ShardRecord, signal: AbortSignal): Promise<Verdict> => {
		const sizeBytes = chunk.sizeBytes + SEAL_TAG_BYTES;
		const lease = await borrowPolitely({budget, clock}, sizeBytes, signal);
		try {
			const into = lease.bytes.subarray(0, sizeBytes);
			const bytes = await inTime(signal, async limited =>
				fleet.use(node, {readBytes: sizeBytes}, store => store.get(digest, {signal: limited, into})),
			);
			const isRight = bytes.length === sizeBytes && (await hashBytes(bytes)) === digest;
			return isRight ? 'right' : 'corrupt';
		} catch (error) {
			signal.throwIfAborted();
			log.info('a shard could not be read for an audit', {node, digest, error});
			return answerOf(error).kind;
		} finally {
			lease.release();
		}
	};

	/** All who hold the shard and can answer a challenge. The word of a node that is suspended is not asked for. */
	const witnessesOf = ({shards}: ChunkRecord): ShardRecord[] =>
		shards.filter(({node, fault}) => {
			const record = fleet.get(node)?.record;
			const isAble = record !== undefined && record.kind !== 'classic' && mayAudit(record, clock.now());
			return !fault && isAble && fleet.counts(node);
		});

	const challengeAll = async (chunk: ChunkRecord, signal: AbortSignal): Promise<Witness[]> => {
		const challenge = drawChallenge(chunk.sizeBytes + SEAL_TAG_BYTES, random);
		return Promise.all(
			witnessesOf(chunk).map(async shard => ({
				node: shard.node,
				owner: fleet.get(shard.node)?.record.owner ?? shard.node,
				answer: await ask(shard, challenge, signal),
			})),
		);
	};

	return {
		async chooseChunk(node) {
			for (let draw = 0; draw < MOST_DRAWS; draw++) {
				const chunk = await catalog.chunkOnByChance(node, random.float);
				if (!chunk) return undefined;
				if (shardOn(chunk, node) && catalog.hasRecord(chunk.file)) return chunk;
			}

			return undefined;
		},
		async examine(chunk, subject, signal) {
			const record = fleet.get(subject)?.record;
			const isRead = record?.kind === 'classic' || record?.suspension !== undefined;
			const witnesses = isRead ? [] : await challengeAll(chunk, signal);
			const verdicts = new Map<NodeId, Verdict>(
				witnesses.map(({node, answer}) => [node, answer.kind === 'proof' ? 'right' : answer.kind]),
			);
			const read = new Set(isRead ? [] : doubted(subject, witnesses, random.float()));
			// It may be one that knows no challenges yet.
			if ((verdicts.get(subject) ?? 'silent') === 'silent') read.add(subject);
			for (const node of read) {
				const shard = shardOn(chunk, node);
				if (shard) verdicts.set(node, await readWhole(chunk, shard, signal));
			}

			return {verdicts, read: [...read]};
		},
	};
};
