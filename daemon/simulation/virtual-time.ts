import {nextTick} from 'node:process';
import {setImmediate as turnOfTheLoop} from 'node:timers/promises';
import {createMinHeap} from '../core/min-heap.js';

type Event = {dueMs: number; order: number; fire: (() => void) | undefined};

/** Time that passes only as fast as there is something to do. */
export type VirtualTime = {
	/** Milliseconds since the start. */
	nowMs: () => number;
	/** Calls `fire` once after so many milliseconds, unless what is returned is called before. */
	timer: (ms: number, fire: () => void) => () => void;
	/** Lets all happen that is due up to this moment, in order; one thing at a time, each to its end. */
	run: (untilMs: number) => Promise<void>;
	/** How many things happened. */
	events: () => number;
};

/**
Resolves once all promises are settled that can be: Node takes what is given to `nextTick` when no promise is left to go on.
That costs less than a turn of the event loop.
https://nodejs.org/docs/latest-v20.x/api/process.html#processnexttickcallback-args
*/
export const afterAllThatIsReady = async (): Promise<void> => new Promise(resolve => nextTick(resolve));

/** So often the event loop has a turn all the same: what is no promise, as a garbage collector's, waits for it. */
const EVENTS_A_TURN = 1000;

const isBefore = (one: Event, other: Event) =>
	one.dueMs < other.dueMs || (one.dueMs === other.dueMs && one.order < other.order);

/**
Nothing that runs in it may wait for anything but this time and promises, so that all that can be done now is done before
time goes on: the same seed gives the same order.
*/
export const createVirtualTime = (): VirtualTime => {
	const heap = createMinHeap(isBefore);
	let nowMs = 0;
	let order = 0;
	let events = 0;

	return {
		nowMs: () => nowMs,
		timer(ms, fire) {
			const event: Event = {dueMs: nowMs + Math.max(0, ms), order: order++, fire};
			heap.push(event);
			return () => (event.fire = undefined);
		},
		async run(untilMs) {
			await turnOfTheLoop();
			for (let next = heap.first(); next && next.dueMs <= untilMs; next = heap.first()) {
				heap.dropFirst();
				if (!next.fire) continue;
				nowMs = next.dueMs;
				events++;
				next.fire();
				await (events % EVENTS_A_TURN === 0 ? turnOfTheLoop() : afterAllThatIsReady());
			}

			nowMs = untilMs;
		},
		events: () => events,
	};
};
