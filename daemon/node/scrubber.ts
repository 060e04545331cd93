import type {HeartbeatBody} from '../../source/protocol/api.js';
import {isPjasError} from '../../source/protocol/errors.js';
import type {Digest} from '../../source/protocol/ids.js';
import {type ScrubFault, scrubFaults} from '../../source/protocol/node-care.js';
import {followSignal} from '../core/follow-signal.js';
import {createTally, type Tally} from '../core/metrics.js';
import {dueAtOf, earliestEndOf, isBehind, placeOf} from '../core/scrub.js';
import type {Clock} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import type {NodeFolder, NodeStore} from './folder.js';

export type ScrubSettings = {
	/** Within this time each shard is read again. */
	periodMs: number;
	/** The most that is read in a second, on average; 0 for any. */
	bytesPerSecond: number;
};

export type ScrubberOptions = {
	shards: Pick<NodeStore, 'list' | 'stat' | 'verify' | 'figures'>;
	file: NodeFolder['scrub'];
	settings: ScrubSettings;
	/** Whether nobody else wants the disk. */
	isIdle: () => boolean;
	/** The time as the coordinator knows it. */
	now: () => number;
	clock: Pick<Clock, 'sleep' | 'monotonicMs'>;
	log: Log;
};

type Report = NonNullable<HeartbeatBody['scrub']>;

export type Scrubber = {
	/** Reads shards again and again until the signal is aborted. */
	run: (signal: AbortSignal) => Promise<void>;
	/** How far it is, and the bad shards that the coordinator does not know of yet. */
	report: () => Report | undefined;
	/** The coordinator has taken a report in. */
	acknowledge: (report: Report) => Promise<void>;
	/** The bad shards that it found, since the start. */
	found: Tally<'kind'>;
	/** The coordinator asks for a pass over everything at once; `request` is another for each that it asks for. */
	checkSelf: (request: number) => void;
};

/** While nothing is due, or the node is busy. */
const LOOK_EVERY_MS = 60_000;
const BUSY_REST_MS = 5_000;
const SAVE_EVERY_MS = 60_000;
/** A disk that did not give a shard may do so after a moment. */
const READ_AGAIN_MS = 60_000;
/** A self-check goes this much faster, and waits for nobody. */
const SELF_CHECK_SPEED = 10;
const MOST_FAULTS = 1_000;
const MOST_REPORTED = 100;
const TELL_EVERY_MS = 86_400_000;

/** Re-reads a node's shards while it has nothing else to do, and finds those that went bad before anybody misses them. */
export const createScrubber = (options: ScrubberOptions): Scrubber => {
	const {shards, file, settings, isIdle, now, clock, log} = options;
	const found = createTally<'kind'>(scrubFaults.map(kind => ({kind})));
	let state: NonNullable<Awaited<ReturnType<NodeFolder['scrub']['read']>>> | undefined;
	let isAllRead = false;
	let isSaved = true;
	let savedAt = -Infinity;
	let toldAt = -Infinity;
	let asked: number | undefined;
	/** The shard that the disk did not give, and may the next time. */
	let unread: Digest | undefined;
	let nudge: () => void = () => undefined;

	type State = NonNullable<typeof state>;

	const save = async () => {
		if (!state || isSaved) return;
		isSaved = true;
		savedAt = clock.monotonicMs();
		await file.write(state).catch((error: unknown) => {
			isSaved = false;
			log.warn('how far the scrub is could not be written down; it goes on, and after a restart repeats some', {error});
		});
	};

	const change = (changes: Partial<State>) => {
		if (!state) return;
		state = {...state, ...changes};
		isSaved = false;
	};

	const begin = (changes: Partial<State> = {}): void => {
		const {completed, selfCheck, faults = []} = state ?? {};
		state = {
			startedAt: now(),
			isSelfCheck: false,
			faults,
			...(completed && {completed}),
			...(selfCheck !== undefined && {selfCheck}),
			...changes,
		};
		isAllRead = false;
		isSaved = false;
	};

	const end = async () => {
		if (!state) return;
		const {startedAt, isSelfCheck} = state;
		log.info(isSelfCheck ? 'the self-check is done' : 'a scrub of all shards is done', {faults: state.faults.length});
		begin({completed: {startedAt, endedAt: now()}});
		await save();
	};

	const noteFault = async (digest: Digest, kind: ScrubFault) => {
		const others = (state?.faults ?? []).filter(fault => fault.digest !== digest);
		change({faults: [...others, {digest, kind}].slice(-MOST_FAULTS)});
		found.add({kind});
		log.error('the scrub found a bad shard; the coordinator is told of it', {digest, kind});
		await save();
	};

	const nextShard = async (): Promise<Digest | undefined> => {
		for await (const digest of shards.list(state?.upTo)) return digest;
		return undefined;
	};

	/** What became of a shard; `again`: the disk did not give it, and is asked once more. */
	const look = async (digest: Digest, signal: AbortSignal): Promise<ScrubFault | 'right' | 'again'> => {
		try {
			return (await shards.verify(digest, {signal})) ? 'right' : 'corrupt';
		} catch (error) {
			if (isPjasError(error, 'SHARD_NOT_FOUND')) return 'missing';
			if (!isPjasError(error, 'SHARD_UNREADABLE')) throw error;
			return unread === digest ? 'unreadable' : 'again';
		}
	};

	/** Reads a shard, and gives the time that so much reading should take. */
	const readNext = async (digest: Digest, signal: AbortSignal): Promise<number> => {
		const sizeBytes = (await shards.stat(digest))?.sizeBytes ?? 0;
		const found = await look(digest, signal);
		if (found === 'again') {
			unread = digest;
			return READ_AGAIN_MS;
		}

		change({upTo: digest});
		if (found !== 'right') await noteFault(digest, found);
		const rate = settings.bytesPerSecond * (state?.isSelfCheck ? SELF_CHECK_SPEED : 1);
		return rate === 0 ? 0 : (sizeBytes / rate) * 1000;
	};

	const progress = () => {
		if (isAllRead) return 1;
		return state?.upTo === undefined ? 0 : placeOf(state.upTo);
	};

	const tellWhereBehind = async () => {
		if (!state || state.isSelfCheck || clock.monotonicMs() - toldAt < TELL_EVERY_MS) return;
		const {usedBytes} = await shards.figures();
		const pass = {startedAt: state.startedAt, progress: progress(), storedBytes: usedBytes, ...settings};
		if (!isBehind(pass, now())) return;
		toldAt = clock.monotonicMs();
		const advice = 'raise --scrub-rate or --scrub-days, or give this node less to keep';
		log.warn(`the scrub will not read every shard in time: ${advice}`, {progress: progress()});
	};

	/** Does what is to be done now, and gives how long there is nothing to do. */
	const step = async (signal: AbortSignal): Promise<number> => {
		if (asked !== undefined && asked !== state?.selfCheck) {
			log.warn('the coordinator asks for a self-check: all shards are read again at once');
			begin({isSelfCheck: true, selfCheck: asked});
			await save();
		}

		if (!state) return LOOK_EVERY_MS;
		// Where the clock was set back, a pass that has yet to begin would be waited for.
		if (state.startedAt > now()) change({startedAt: now()});
		const {startedAt, isSelfCheck} = state;
		const digest = await nextShard();
		if (digest === undefined) {
			isAllRead = true;
			const waitMs = isSelfCheck ? 0 : earliestEndOf(startedAt, settings.periodMs) - now();
			if (waitMs > 0) return waitMs;
			await end();
			return LOOK_EVERY_MS;
		}

		isAllRead = false;
		await tellWhereBehind();
		const waitMs = isSelfCheck ? 0 : dueAtOf(digest, startedAt, settings.periodMs) - now();
		if (waitMs > 0) return waitMs;
		if (!isSelfCheck && !isIdle()) return BUSY_REST_MS;
		return readNext(digest, signal);
	};

	const rest = async (ms: number, signal: AbortSignal) => {
		const {controller, release} = followSignal(signal);
		nudge = () => controller.abort(new Error('there is news'));
		await clock.sleep(ms, controller.signal).catch(() => undefined);
		nudge = () => undefined;
		release();
	};

	const load = async () => {
		state = await file.read();
		// A clock that was wrong then must not put off the scrub for years.
		if (!state || state.startedAt > now()) begin();
	};

	return {
		found,
		async run(signal) {
			await load();
			const isOver = () => signal.aborted;
			while (!isOver()) {
				let waitMs = LOOK_EVERY_MS;
				try {
					waitMs = await step(signal);
					if (clock.monotonicMs() - savedAt >= SAVE_EVERY_MS) await save();
				} catch (error) {
					if (!isOver()) log.warn('the scrub could not go on; it is tried again', {error});
				}

				if (!isOver()) await rest(Math.min(waitMs, LOOK_EVERY_MS), signal);
			}

			await save();
		},
		report() {
			if (!state) return undefined;
			const {startedAt, upTo, completed, faults} = state;
			return {
				started_at: Math.floor(startedAt),
				...(upTo !== undefined && {up_to: upTo}),
				progress: progress(),
				...(completed && {completed: {started_at: completed.startedAt, ended_at: completed.endedAt}}),
				faults: faults.slice(0, MOST_REPORTED),
			};
		},
		async acknowledge({faults}) {
			if (faults.length === 0 || !state) return;
			const known = new Set(faults.map(({digest}) => digest));
			change({faults: state.faults.filter(({digest}) => !known.has(digest))});
			await save();
		},
		checkSelf(request) {
			if (asked === request) return;
			asked = request;
			nudge();
		},
	};
};
