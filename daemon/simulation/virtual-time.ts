import {setImmediate as afterAllThatIsReady} from 'node:timers/promises';
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

const isBefore = (one: Event, other: Event) =>
	one.dueMs < other.dueMs || (one.dueMs === other.dueMs && one.order < other.order);

/**
Nothing that runs in it may wait for anything but this time and promises, so that after a turn of the event loop all is
done that can be done now: the same seed gives the same order.
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
			await afterAllThatIsReady();
			for (let next = heap.first(); next && next.dueMs <= untilMs; next = heap.first()) {
				heap.dropFirst();
				if (!next.fire) continue;
				nowMs = next.dueMs;
				events++;
				next.fire();
				await afterAllThatIsReady();
			}

			nowMs = untilMs;
		},
		events: () => events,
	};
};
