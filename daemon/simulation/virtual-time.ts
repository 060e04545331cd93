import {setImmediate as afterAllThatIsReady} from 'node:timers/promises';

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

/** A binary heap: the next event is its first. */
const createHeap = () => {
	const events: Event[] = [];
	const swap = (one: number, other: number) => {
		const [a, b] = [events[one] as Event, events[other] as Event];
		events[one] = b;
		events[other] = a;
	};

	const isInOrder = (above: number, below: number) => !isBefore(events[below] as Event, events[above] as Event);

	return {
		first: () => events[0],
		push(event: Event) {
			events.push(event);
			for (let at = events.length - 1; at > 0;) {
				const above = (at - 1) >>> 1;
				if (isInOrder(above, at)) return;
				swap(above, at);
				at = above;
			}
		},
		dropFirst() {
			const last = events.pop();
			if (events.length === 0 || !last) return;
			events[0] = last;
			for (let at = 0; ;) {
				let least = at;
				for (const below of [2 * at + 1, 2 * at + 2]) {
					if (below < events.length && !isInOrder(least, below)) least = below;
				}

				if (least === at) return;
				swap(at, least);
				at = least;
			}
		},
	};
};

/**
Nothing that runs in it may wait for anything but this time and promises, so that after a turn of the event loop all is
done that can be done now: the same seed gives the same order.
*/
export const createVirtualTime = (): VirtualTime => {
	const heap = createHeap();
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
