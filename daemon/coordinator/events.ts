import {Readable} from 'node:stream';
import type {EventData, EventName} from '../../source/protocol/events.js';
import {PjasError} from '../../source/protocol/errors.js';
import type {Principal} from '../core/access.js';
import type {Clock} from '../ports/clock.js';

export type EventsOptions = {
	/** Another one each time the process starts: ids of before mean nothing then. */
	bootId: string;
	clock: Pick<Clock, 'sleep'>;
	/** How many events are remembered for those who come back or are slow. */
	capacity?: number;
	mostSubscribers?: number;
};

export type Subscription = {
	/**
	What came since the last call, as server-sent events, in at most about 64 KiB; '' where nothing did. Whoever missed
	some gets a `reset` in their place.
	*/
	take: () => string;
	close: () => void;
};

/** Whether somebody may know of an event. */
export type Audience = (principal: Principal) => boolean;

export type Events = {
	/** @param audience - Who is told; without one, everybody who listens. */
	publish: <Name extends Exclude<EventName, 'reset'>>(type: Name, data: EventData<Name>, audience?: Audience) => void;
	/**
	@param lastEventId - The last event that the subscriber saw; without one it gets what comes from now on.
	@param onNews - Called when there is something to take: once for all that is published in one turn.
	@param principal - Who listens: what it may not know is left out.
	@throws {PjasError} `TOO_MANY_REQUESTS` where there are enough subscribers.
	*/
	subscribe: (lastEventId: string | undefined, principal: Principal, onNews?: () => void) => Subscription;
	/** A subscription as the body of a `text/event-stream`. It ends when the signal is aborted. */
	toStream: (lastEventId: string | undefined, principal: Principal, signal: AbortSignal) => Readable;
	readonly subscribers: number;
};

const DEFAULT_CAPACITY = 1_000;
const DEFAULT_MOST_SUBSCRIBERS = 1_000;
const MOST_REMEMBERED_CHARACTERS = 8 * 1024 * 1024;
const MOST_TAKEN_CHARACTERS = 64 * 1024;
const HEARTBEAT_MS = 15_000;
const RECONNECT_AFTER_MS = 2_000;
const RETRY_AFTER_SECONDS = 30;
const HEARTBEAT = ': still here\n\n';

/**
The hub of `GET /api/events`. Events are numbered and kept, as they are sent, in one ring; a subscriber is no more than a
position in it, so it costs nothing to be slow: who falls out of the ring is told to fetch everything anew.
*/
export const createEvents = (options: EventsOptions): Events => {
	const {bootId, clock, capacity = DEFAULT_CAPACITY, mostSubscribers = DEFAULT_MOST_SUBSCRIBERS} = options;
	const ring: {text: string; audience: Audience}[] = [];
	let ringCharacters = 0;
	let newest = 0;
	const oldest = () => newest - ring.length + 1;

	const listeners = new Set<() => void>();
	let isTelling = false;

	const idOf = (number: number) => `${bootId}-${number}`;
	const format = (type: EventName, number: number, data: unknown) =>
		`id: ${idOf(number)}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`;

	/** The number of the event with this id where all that came after it is still known. */
	const numberOf = (id: string): number | undefined => {
		if (!id.startsWith(`${bootId}-`)) return undefined;
		const digits = id.slice(bootId.length + 1);
		const number = /^\d{1,15}$/.test(digits) ? Number(digits) : -1;
		return number >= oldest() - 1 && number <= newest ? number : undefined;
	};

	const tell = () => {
		isTelling = false;
		for (const listener of listeners) listener();
	};

	const subscribe: Events['subscribe'] = (lastEventId, principal, onNews = () => undefined) => {
		if (listeners.size >= mostSubscribers) {
			throw new PjasError('TOO_MANY_REQUESTS', `${listeners.size} programs listen to events already: try again later`, {
				retryAfterSeconds: RETRY_AFTER_SECONDS,
			});
		}

		const seen = lastEventId === undefined ? newest : numberOf(lastEventId);
		let next = (seen ?? newest) + 1;
		let isLost = seen === undefined;
		const listener = () => onNews();
		listeners.add(listener);

		return {
			take() {
				let text = '';
				if (isLost || next < oldest()) {
					text = format('reset', newest, {});
					next = newest + 1;
					isLost = false;
				}

				while (next <= newest && text.length < MOST_TAKEN_CHARACTERS) {
					const event = ring[next - oldest()];
					if (event?.audience(principal)) text += event.text;
					next++;
				}

				return text;
			},
			close() {
				listeners.delete(listener);
			},
		};
	};

	return {
		publish(type, data, audience = () => true) {
			newest++;
			const text = format(type, newest, data);
			ring.push({text, audience});
			ringCharacters += text.length;
			while (ring.length > capacity || ringCharacters > MOST_REMEMBERED_CHARACTERS) {
				ringCharacters -= ring.shift()?.text.length ?? 0;
			}

			if (isTelling || listeners.size === 0) return;
			isTelling = true;
			setImmediate(tell);
		},
		subscribe,
		toStream(lastEventId, principal, signal) {
			let isWanted = false;
			const rest = new AbortController();
			const pushNews = () => {
				while (isWanted) {
					const news = subscription.take();
					if (news === '') return;
					isWanted = stream.push(news);
				}
			};

			const beat = async () => {
				for (;;) {
					await clock.sleep(HEARTBEAT_MS, rest.signal);
					if (isWanted) isWanted = stream.push(HEARTBEAT);
				}
			};

			const end = () => {
				isWanted = false;
				rest.abort();
				subscription.close();
				signal.removeEventListener('abort', finish);
			};

			const finish = () => {
				end();
				stream.push(null);
			};

			const subscription = subscribe(lastEventId, principal, pushNews);
			const stream = new Readable({
				read() {
					isWanted = true;
					pushNews();
				},
				destroy(error, done) {
					end();
					done(error);
				},
			});
			// An id without data is no event: it only tells where to go on from, should the connection break at once.
			const start = lastEventId === undefined ? `id: ${idOf(newest)}\n` : '';
			stream.push(`retry: ${RECONNECT_AFTER_MS}\n${start}\n`);
			beat().catch(() => undefined);
			if (signal.aborted) finish();
			else signal.addEventListener('abort', finish, {once: true});
			return stream;
		},
		get subscribers() {
			return listeners.size;
		},
	};
};
