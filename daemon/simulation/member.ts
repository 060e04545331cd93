import type {StorageStats} from '../../source/protocol/api.js';
import {PjasError} from '../../source/protocol/errors.js';
import type {Digest, NodeId} from '../../source/protocol/ids.js';
import type {GetOptions, ShardOptions, ShardStore} from '../ports/shard-store.js';
import type {Disk} from './disk.js';

/** A member's node: its disk, its line, and how it is at this moment. */
export type Member = {
	id: NodeId;
	name: string;
	owner: string;
	zone: string;
	disk: Disk;
	/** Switched on. */
	isUp: boolean;
	/** Alive, but nobody gets through to it. */
	isCut: boolean;
	/** Its disk died, and it never comes back. */
	isDead: boolean;
	/** It says that it is there, and answers nothing that it is asked of its shards. */
	isMute: boolean;
	/** Its disk takes nothing, whatever it says of its room. */
	isFull: boolean;
	/** Shards that came when whoever sent them had given up. */
	late: Set<Digest>;
	/** How long a question takes, and how long each byte. */
	latencyMs: number;
	msPerByte: number;
};

export const isReachable = ({isUp, isCut, isDead}: Member): boolean => isUp && !isCut && !isDead;

/** Whether what it is asked of its shards comes to an answer. */
const isAnswering = (member: Member): boolean => isReachable(member) && !member.isMute;

export const statsOf = ({disk}: Member): StorageStats => {
	const allocated = disk.allocatedBytes();
	const used = disk.usedBytes();
	return {
		used_bytes: used,
		allocated_bytes: allocated,
		free_bytes: Math.max(0, allocated - used),
		chunk_count: disk.kept.size,
		usage_percent: 0,
	};
};

type LineOptions = {
	/** Waits, in the network's time, whoever asked. */
	wait: (ms: number) => Promise<void>;
	/** Waits as long as whoever asked does. */
	waitFor: (ms: number, signal?: AbortSignal) => Promise<void>;
	isLucky: (probability: number) => boolean;
	/** Told of each shard that came; `isGivenUp`: nobody waits for it any more. */
	onArrival?: (digest: Digest, isGivenUp: boolean) => void;
	/** The same for each that was removed. */
	onRemoval?: (digest: Digest, isGivenUp: boolean) => void;
};

/** As long as a node that says nothing is waited for. */
const TIMEOUT_MS = 30_000;
const REFUSED_MS = 50;

/**
A node's store as it is at the other end of its line. What was sent may be done although no answer comes: the node went away
between, or whoever asked gave up.
*/
export const lineTo = (member: Member, {wait, waitFor, isLucky, onArrival, onRemoval}: LineOptions): ShardStore => {
	const {disk} = member;

	const fail = async (signal?: AbortSignal): Promise<never> => {
		const isSilent = member.isCut || member.isMute || isLucky(0.5);
		await waitFor(isSilent ? TIMEOUT_MS : REFUSED_MS, signal);
		throw new PjasError(isSilent ? 'NODE_TIMEOUT' : 'NODE_FAILED', `Node ${member.name} does not answer`);
	};

	const ask = async <T>(bytes: number, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> => {
		signal?.throwIfAborted();
		if (!isAnswering(member)) return fail(signal);
		const sendMs = member.latencyMs / 2 + bytes * member.msPerByte;
		const done = (async () => {
			await wait(sendMs);
			if (!isAnswering(member)) return {isDone: false as const};
			return {isDone: true as const, result: await work()};
		})();
		done.catch(() => undefined);
		await waitFor(sendMs, signal);
		const outcome = await done;
		if (!outcome.isDone) return fail(signal);
		await waitFor(member.latencyMs / 2, signal);
		return isAnswering(member) ? outcome.result : fail(signal);
	};

	const sizeOf = (digest: Parameters<Disk['get']>[0]) => disk.sizeOf(digest);

	return {
		put: async (digest, body, {signal}: ShardOptions = {}) =>
			ask(body.length, signal, async () => {
				if (member.isFull) throw new PjasError('INSUFFICIENT_STORAGE', 'The disk is full');
				await disk.put(digest, body);
				onArrival?.(digest, signal?.aborted ?? false);
			}),
		get: async (digest, {signal, into}: GetOptions = {}) =>
			ask(sizeOf(digest), signal, async () => disk.get(digest, into && {into})),
		stat: async (digest, {signal}: ShardOptions = {}) => ask(0, signal, async () => disk.stat(digest)),
		remove: async (digest, {signal}: ShardOptions = {}) =>
			ask(0, signal, async () => {
				await disk.remove(digest);
				onRemoval?.(digest, signal?.aborted ?? false);
			}),
		verify: async (digest, {signal}: ShardOptions = {}) => ask(sizeOf(digest), signal, async () => disk.verify(digest)),
		prove: async (digest, challenge, {signal}: ShardOptions = {}) =>
			ask(0, signal, async () => disk.prove(digest, challenge)),
		async *list(after, {signal}: ShardOptions = {}) {
			const digests = await ask(0, signal, async () => {
				const all = [];
				for await (const digest of disk.list(after)) all.push(digest);
				return all;
			});
			yield* digests;
		},
	};
};
