import type {LogEntry} from '../protocol/api.js';
import type {Examination, MemberLog, MemberStatus} from '../protocol/member-api.js';
import type {Clock} from './clock.js';
import type {Connection, Throughput} from './live-state.js';
import {createStore} from './live-store.js';
import {createThroughputMeter} from './live-throughput.js';
import type {MemberApi} from './member.js';

/** What a member's console knows of the own node, as a snapshot: a part that did not change is the same object as before. */
export type MemberState = {
	connection: Connection;
	/** `undefined` until the first answer. */
	status: MemberStatus | undefined;
	/** The newest entries since the node runs, oldest first; bounded. */
	log: readonly LogEntry[] | undefined;
	/** What its line carried: `inRate` is what it sent, `outRate` what it took in. */
	throughput: readonly Throughput[];
	/** What it found wrong with itself, so far. */
	examination: Examination | undefined;
};

export type MemberLive = {
	get: () => MemberState;
	/** Called after each change, at most once a turn of the event loop. Returns how to stop it. */
	subscribe: (listener: () => void) => () => void;
	start: () => void;
	/** Asks at once instead of waiting. */
	retryNow: () => void;
	/** Does something with the node; what it answers is shown at once. */
	act: (deed: (api: MemberApi) => Promise<MemberStatus>) => Promise<MemberStatus>;
	/** Asks it something that is not followed. */
	ask: <Answer>(question: (api: MemberApi) => Promise<Answer>) => Promise<Answer>;
	/** Has the node look for what is wrong with it. */
	examine: () => Promise<void>;
	stop: () => void;
};

type Options = {
	/** Finds the node anew each time: it may have been started since. May throw. */
	connect: () => MemberApi;
	clock: Clock;
};

const ASK_EVERY_MS = 1_000;
const EXAMINING_EVERY_MS = 300;
const RETRY_AFTER_MS = 2_000;
const LOG_PAGE = 500;
const MOST_ENTRIES = 2_000;

const levels = {info: 'INFO', warn: 'WARN', error: 'ERROR'} as const;

const entryOf = ({id, at, level, message}: MemberLog['entries'][number]): LogEntry => ({
	...{id, message, level: levels[level], timestamp_ms: at},
	timestamp: new Date(at).toISOString().slice(0, 19).replace('T', ' '),
});

const isSame = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other);

/** Asks the own node again and again how it is, as long as it runs, and waits for it where it does not. */
export const createMemberLive = ({connect, clock}: Options): MemberLive => {
	let connection: Connection = {state: 'connecting'};
	let status: MemberStatus | undefined;
	let log: readonly LogEntry[] | undefined;
	/** Which run of the node the log is of. */
	let logOf: number | undefined;
	let examination: Examination | undefined;
	let cancelNext: (() => void) | undefined;
	let isAsking = false;
	let isStopped = false;
	/** How many deeds were answered: what was asked before one is older than its answer. */
	let deeds = 0;

	const changed = () => {
		if (!isStopped) store.changed();
	};

	const meter = createThroughputMeter(clock, changed);

	const takeStatus = (next: MemberStatus) => {
		meter.note({bytesIn: next.month.up, bytesOut: next.month.down});
		if (isSame(status, next)) return;
		status = next;
		changed();
	};

	const takeLog = ({entries, started_at: startedAt}: MemberLog) => {
		const isOther = startedAt !== logOf;
		logOf = startedAt;
		if (log && !isOther && entries.length === 0) return;
		log = [...(isOther ? [] : (log ?? [])), ...entries.map(entryOf)].slice(-MOST_ENTRIES);
		changed();
	};

	const takeExamination = (next: Examination) => {
		if (isSame(examination, next)) return;
		examination = next;
		changed();
	};

	const isExamining = () =>
		examination !== undefined && examination.started_at !== null && examination.ended_at === null;

	const fetchLog = async (api: MemberApi) => {
		const newest = log?.at(-1)?.id;
		const page = await api.log({limit: LOG_PAGE, ...(newest !== undefined && {after: newest})});
		// A node that was started anew numbers anew: what came before that number is wanted too.
		takeLog(page.started_at === logOf || newest === undefined ? page : await api.log({limit: LOG_PAGE}));
	};

	const fetchAll = async () => {
		const api = connect();
		const before = deeds;
		const found = await api.status();
		if (before === deeds) takeStatus(found);
		await fetchLog(api);
		// A node without a doctor is shown without.
		if (examination === undefined || isExamining() || connection.state !== 'live') {
			await api.examination().then(takeExamination, () => undefined);
		}
	};

	const fail = (error: unknown) => {
		meter.noteBreak();
		const nowMs = clock.now();
		const sinceMs = connection.state === 'stale' ? connection.sinceMs : nowMs;
		const text = error instanceof Error ? error.message : String(error);
		connection = {state: 'stale', sinceMs, nextTryAtMs: nowMs + RETRY_AFTER_MS, error: text};
		changed();
	};

	const askIn = (waitMs: number) => {
		if (!isStopped) cancelNext = clock.timer(waitMs, () => void ask());
	};

	const ask = async () => {
		cancelNext?.();
		cancelNext = undefined;
		if (isAsking || isStopped) return;
		isAsking = true;
		let waitMs = RETRY_AFTER_MS;
		try {
			await fetchAll();
			if (connection.state !== 'live') {
				connection = {state: 'live'};
				changed();
			}

			waitMs = isExamining() ? EXAMINING_EVERY_MS : ASK_EVERY_MS;
		} catch (error) {
			fail(error);
		} finally {
			isAsking = false;
		}

		askIn(waitMs);
	};

	const store = createStore((): MemberState => ({
		connection,
		status,
		log,
		throughput: meter.get(),
		examination,
	}));

	return {
		get: store.get,
		subscribe: store.subscribe,
		start: () => void ask(),
		retryNow: () => void ask(),
		async act(deed) {
			const answer = await deed(connect());
			deeds++;
			takeStatus(answer);
			return answer;
		},
		ask: async question => question(connect()),
		async examine() {
			takeExamination(await connect().examine());
			void ask();
		},
		stop() {
			isStopped = true;
			cancelNext?.();
			meter.stop();
			store.stop();
		},
	};
};
