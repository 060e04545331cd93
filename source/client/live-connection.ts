import type {Clock} from './clock.js';
import type {Api, ApiEvent} from './contract.js';
import {AnswerError} from './errors.js';
import type {Connection} from './live-state.js';
import type {Probe} from './probe.js';

export type LiveConnection = {
	get: () => Connection;
	start: () => void;
	/** Everything that was fetched after the opening is here. */
	setLive: () => void;
	/** Something that belongs to the connection did not work: it is made anew. */
	fail: (error: unknown) => void;
	retryNow: () => void;
	stop: () => void;
};

export type LiveConnectionOptions = {
	api: Api;
	clock: Clock;
	random: () => number;
	probe: Probe;
	/** The events come from now on: those that were missed too, or a `reset` first. */
	onOpen: () => void;
	onEvent: (event: ApiEvent) => void;
	/** The connection broke. `isConfused`: what the coordinator said made no sense, so what is known may be wrong. */
	onBreak: (isConfused: boolean) => void;
	onChange: () => void;
};

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;
const PROBE_EVERY_MS = 1_500;
/** A connection that lasted so long was a good one: the next wait is a short one again. */
const GOOD_AFTER_MS = 10_000;

/** Each wait twice as long as the one before, give or take a quarter, so that many consoles don't come back at once. */
const waitOf = (failures: number, random: number, error: unknown): number => {
	const growing = FIRST_WAIT_MS * 2 ** Math.min(failures, 10) * (0.75 + random / 2);
	const wanted = error instanceof AnswerError ? (error.retryAfterMs ?? 0) : 0;
	return Math.round(Math.min(LONGEST_WAIT_MS, Math.max(FIRST_WAIT_MS, growing, wanted)));
};

/** Keeps the stream of events open. While it can't, it waits longer and longer, but looks often whether it is worth a try. */
export const createLiveConnection = (options: LiveConnectionOptions): LiveConnection => {
	const {api, clock, random, probe, onOpen, onEvent, onBreak, onChange} = options;
	let connection: Connection = {state: 'connecting'};
	let attempt: AbortController | undefined;
	let lastEventId: string | undefined;
	let failures = 0;
	let waiting: {cancelTry: () => void; cancelProbe: () => void; wasDown: boolean} | undefined;

	const set = (next: Connection) => {
		connection = next;
		onChange();
	};

	const endWaiting = () => {
		waiting?.cancelTry();
		waiting?.cancelProbe();
		waiting = undefined;
	};

	/** Looks whether the coordinator has come back. One that was there all the time has other reasons: then waiting helps. */
	const look = async (mine: NonNullable<typeof waiting>) => {
		mine.cancelProbe = clock.timer(PROBE_EVERY_MS, () => void look(mine));
		const isUp = await probe();
		if (waiting !== mine) return;
		if (isUp && mine.wasDown) connect();
		mine.wasDown ||= !isUp;
	};

	/** Whether waiting can't help: somebody must sign in, as somebody who may. */
	const isRefusal = (error: unknown): error is AnswerError & {code: 'UNAUTHENTICATED' | 'FORBIDDEN'} =>
		error instanceof AnswerError && (error.code === 'UNAUTHENTICATED' || error.code === 'FORBIDDEN');

	const wait = (error: unknown) => {
		if (isRefusal(error)) {
			set({state: 'refused', reason: error.code, error: error.message});
			return;
		}

		const delayMs = waitOf(failures++, random(), error);
		const nowMs = clock.now();
		const mine = {cancelTry: clock.timer(delayMs, connect), cancelProbe: () => undefined, wasDown: false};
		waiting = mine;
		void look(mine);
		const sinceMs = connection.state === 'stale' ? connection.sinceMs : nowMs;
		const text = error instanceof Error ? error.message : String(error);
		set({state: 'stale', sinceMs, nextTryAtMs: nowMs + delayMs, error: text});
	};

	const listen = async (mine: AbortController) => {
		let openedAtMs: number | undefined;
		try {
			const events = api.events({
				...(lastEventId !== undefined && {lastEventId}),
				signal: mine.signal,
				onId(id) {
					if (attempt === mine) lastEventId = id;
				},
				onOpen() {
					if (attempt !== mine) return;
					openedAtMs = clock.now();
					onOpen();
				},
			});
			for await (const event of events) {
				if (attempt !== mine) return;
				onEvent(event);
				lastEventId = event.id;
			}

			throw new Error(`${api.url} ended the stream of events`);
		} catch (error) {
			if (attempt !== mine) return;
			attempt = undefined;
			mine.abort();
			const isConfused = openedAtMs !== undefined && error instanceof AnswerError;
			if (isConfused) lastEventId = undefined;
			if (openedAtMs !== undefined && clock.now() - openedAtMs >= GOOD_AFTER_MS) failures = 0;
			onBreak(isConfused);
			wait(error);
		}
	};

	const connect = () => {
		endWaiting();
		attempt = new AbortController();
		void listen(attempt);
	};

	return {
		get: () => connection,
		start: connect,
		setLive() {
			if (attempt && connection.state !== 'live') set({state: 'live'});
		},
		fail: error => attempt?.abort(error),
		retryNow() {
			if (waiting || connection.state === 'refused') connect();
		},
		stop() {
			endWaiting();
			attempt?.abort();
			attempt = undefined;
		},
	};
};
