import {type ErrorCode, PjasError} from '../../source/protocol/errors.js';
import type {NodeId} from '../../source/protocol/ids.js';
import {mayTakeShards} from '../core/condition.js';
import {expectedMs, type Latency, withSample} from '../core/latency.js';
import {MAX_SHARD_BYTES, onDiskBytes} from '../core/limits.js';
import type {NodeRecord} from '../core/model.js';
import type {Candidate, Pool} from '../core/place.js';
import {lineWeight} from '../core/line-speed.js';
import {placementWeight} from '../core/standing.js';
import type {Clock} from '../ports/clock.js';
import type {Dial, ShardStore} from '../ports/shard-store.js';
import {KnownNode, Rooms} from './known-node.js';

/** A node as the coordinator knows it at this moment. What a restart may forget is here and not in its record. */
export type NodeState = {
	/** The record with the newest figures; the stored one may be older in those. */
	record: NodeRecord;
	isOnline: boolean;
	inFlight: number;
	/** Bytes of shards on their way to it. */
	reservedBytes: number;
	latency: Latency;
	/** Failures since the last success. */
	failures: number;
	/** Until then (monotonic milliseconds) it is asked only where nobody else can serve. */
	coolUntilMs: number;
};

type UseOptions = {
	/** Size of the shard that is written. */
	writeBytes?: number;
	/** Size of the shard that is read; its time counts for the node's latency. */
	readBytes?: number;
};

export type Fleet = {
	all: () => NodeState[];
	get: (id: NodeId) => NodeState | undefined;
	/** The node that calls itself so. */
	find: (claimedId: string) => NodeState | undefined;
	/** Takes in a node's record, new or changed. */
	set: (record: NodeRecord) => NodeState;
	/** It is as if the node had never joined. */
	forget: (id: NodeId) => void;
	isOnline: (id: NodeId) => boolean;
	/** Whether what it holds counts as copies: it is there, and trusted. */
	counts: (id: NodeId) => boolean;
	/** Whether it failed a moment ago. */
	isCooling: (state: NodeState) => boolean;
	/** How many nodes are known. */
	size: () => number;
	/** Nodes that shards can go to now. Those that failed a moment ago come apart. Costs by the number of nodes. */
	candidates: () => {ready: Candidate[]; cooling: Candidate[]};
	/** Those that are ready, as they are now; what is asked of it later is of the same moment. */
	pool: () => Pool;
	/** Whether so many nodes that shards can go to, be it that they failed a moment ago, have room for so many bytes. */
	hasRoom: (sizeBytes: number, count: number) => boolean;
	/** Whether shards can go to a node now. */
	isReady: (id: NodeId) => boolean;
	/** Does something with a node's store, and keeps account of load, failures, latency and room. */
	use: <T>(id: NodeId, options: UseOptions, work: (store: ShardStore) => Promise<T>) => Promise<T>;
};

const FIRST_COOL_MS = 1_000;
const LONGEST_COOL_MS = 60_000;
/** Where there are not so many more nodes than are asked for, all are looked at. */
const FEW = 2;
const DRAWS_FOR_ONE = 4;

export const toCandidate = (state: NodeState, now: number): Candidate => {
	const {record, reservedBytes, inFlight} = state;
	return {
		id: record._id,
		zone: record.zone,
		owner: record.owner,
		freeBytes: record.freeBytes - reservedBytes,
		inFlight,
		weight: placementWeight(record, now) * lineWeight(record.line, reservedBytes + MAX_SHARD_BYTES),
		...(record.line?.hours && {isPartTime: true}),
	};
};

const codeOf = (error: unknown): ErrorCode | undefined => (error instanceof PjasError ? error.code : undefined);

export const createFleet = ({dial, clock}: {dial: Dial; clock: Clock}): Fleet => {
	const states = new Map<NodeId, KnownNode>();
	/** The same, each at its place, so that chance can pick some. */
	const order: KnownNode[] = [];
	const rooms = new Rooms();
	const claims = new Map<string, NodeState>();

	// Most never failed: for those it needs no look at the clock.
	const isCooling = ({coolUntilMs}: NodeState) => coolUntilMs > 0 && coolUntilMs > clock.monotonicMs();

	/** A stalled node costs a whole time-out each time, so it rests long at once; others rest twice as long each time. */
	const coolDown = (state: NodeState, code: ErrorCode) => {
		state.failures++;
		const growing = FIRST_COOL_MS * 2 ** Math.min(state.failures - 1, 6);
		const restMs = code === 'NODE_TIMEOUT' ? LONGEST_COOL_MS : Math.min(LONGEST_COOL_MS, growing);
		state.coolUntilMs = clock.monotonicMs() + restMs;
	};

	const noteSuccess = (state: NodeState, {writeBytes, readBytes}: UseOptions, elapsedMs: number) => {
		state.failures = 0;
		state.coolUntilMs = 0;
		if (readBytes !== undefined) state.latency = withSample(state.latency, readBytes, elapsedMs);
		if (writeBytes !== undefined) {
			const taken = onDiskBytes(writeBytes);
			const {usedBytes, freeBytes, shardCount} = state.record;
			state.record = {
				...state.record,
				usedBytes: usedBytes + taken,
				freeBytes: Math.max(0, freeBytes - taken),
				shardCount: shardCount + 1,
			};
		}
	};

	/** A read that was given up, for another node was faster, has shown how slow this one is at least. */
	const noteFailure = (state: NodeState, error: unknown, {readBytes}: UseOptions, elapsedMs: number) => {
		const code = codeOf(error);
		if (readBytes !== undefined && elapsedMs > expectedMs(state.latency, readBytes)) {
			state.latency = withSample(state.latency, readBytes, elapsedMs);
		}

		if (code === 'NODE_FAILED' || code === 'NODE_TIMEOUT' || code === 'SHARD_UNREADABLE') coolDown(state, code);
		if (code === 'INSUFFICIENT_STORAGE') state.record = {...state.record, freeBytes: 0};
	};

	const set = (record: NodeRecord): NodeState => {
		const known = states.get(record._id);
		const state = known ?? new KnownNode(record, order.length, rooms);
		if (state.record.classicId) claims.delete(state.record.classicId);
		if (record.classicId) claims.set(record.classicId, state);
		state.record = record;
		if (!known) {
			states.set(record._id, state);
			order.push(state);
		}

		return state;
	};

	const forget: Fleet['forget'] = id => {
		const state = states.get(id);
		if (!state) return;
		if (state.record.classicId) claims.delete(state.record.classicId);
		states.delete(id);
		const {place} = state;
		state.place = undefined;
		const last = order.pop();
		if (!last || place === order.length || place === undefined) return;
		order[place] = last;
		last.place = place;
	};

	const mayTake = (state: NodeState, now: number) => state.isOnline && mayTakeShards(state.record, now);

	const readyAmong = (some: readonly NodeState[], now: number): Candidate[] =>
		some.filter(state => mayTake(state, now) && !isCooling(state)).map(state => toCandidate(state, now));

	/** Picks nodes until enough of them are ready and have room, and gives up where hardly any is. */
	const draw = (count: number, sizeBytes: number, now: number, random: () => number): Candidate[] => {
		const drawn = new Set<number>();
		const ready: Candidate[] = [];
		for (let tries = DRAWS_FOR_ONE * count; tries > 0 && ready.length < count; tries--) {
			const place = Math.floor(random() * order.length);
			const state = rooms.hasRoom(place, sizeBytes) && !drawn.has(place) ? order[place] : undefined;
			if (!state) continue;
			drawn.add(place);
			if (mayTake(state, now) && !isCooling(state)) ready.push(toCandidate(state, now));
		}

		return ready;
	};

	/** Those that have room for so many bytes. */
	const roomyOf = (sizeBytes: number): NodeState[] => {
		const roomy: NodeState[] = [];
		for (const [place, state] of order.entries()) if (rooms.hasRoom(place, sizeBytes)) roomy.push(state);
		return roomy;
	};

	const pool: Fleet['pool'] = () => {
		const now = clock.now();
		let all: Candidate[] | undefined;
		const roomy: Pool['roomy'] = sizeBytes =>
			all ? all.filter(({freeBytes}) => freeBytes >= sizeBytes) : readyAmong(roomyOf(sizeBytes), now);
		return {
			all: () => (all ??= readyAmong(order, now)),
			roomy,
			some: (count, sizeBytes, random) =>
				order.length <= FEW * count ? roomy(sizeBytes) : draw(count, sizeBytes, now, random),
		};
	};

	const hasRoom: Fleet['hasRoom'] = (sizeBytes, count) => {
		const now = clock.now();
		let found = 0;
		// So many are found soon where most have room; and what has none costs little to look at.
		return (
			count <= 0 ||
			order.some((state, place) => rooms.hasRoom(place, sizeBytes) && mayTake(state, now) && ++found >= count)
		);
	};

	const use: Fleet['use'] = async (id, options, work) => {
		const state = states.get(id);
		if (!state) throw new PjasError('NODE_NOT_FOUND', `Node ${id} is not known`);
		if (state.record.bannedAt !== undefined) throw new PjasError('NODE_BANNED', `Node ${id} is banned`);

		const reserved = options.writeBytes === undefined ? 0 : onDiskBytes(options.writeBytes);
		const startMs = clock.monotonicMs();
		state.inFlight++;
		state.reservedBytes += reserved;
		try {
			const result = await work(dial(state.record));
			noteSuccess(state, options, clock.monotonicMs() - startMs);
			return result;
		} catch (error) {
			noteFailure(state, error, options, clock.monotonicMs() - startMs);
			throw error;
		} finally {
			state.inFlight--;
			state.reservedBytes -= reserved;
		}
	};

	return {
		all: () => [...states.values()],
		get: id => states.get(id),
		find: claimedId => states.get(claimedId as NodeId) ?? claims.get(claimedId),
		set,
		forget,
		size: () => states.size,
		pool,
		hasRoom,
		isReady(id) {
			const state = states.get(id);
			return state !== undefined && mayTake(state, clock.now()) && !isCooling(state);
		},
		isOnline: id => states.get(id)?.isOnline ?? false,
		counts(id) {
			const state = states.get(id);
			return state !== undefined && state.isOnline && state.record.suspension === undefined;
		},
		isCooling,
		candidates() {
			const now = clock.now();
			const online = order.filter(state => mayTake(state, now));
			return {
				ready: readyAmong(online, now),
				cooling: online.filter(isCooling).map(state => toCandidate(state, now)),
			};
		},
		use,
	};
};
