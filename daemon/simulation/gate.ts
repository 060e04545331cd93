import {sleepOver} from '../adapters/system.js';
import type {Catalog} from '../ports/catalog.js';
import type {Clock} from '../ports/clock.js';
import type {VirtualTime} from './virtual-time.js';

/**
What stands between a coordinator's process and the world. Once it is shut nothing comes back through it: whatever waits
waits for ever, as in a process that was killed.
*/
export type Gate = {
	isOpen: () => boolean;
	shut: () => void;
	/** What comes of some work, while the gate is open. */
	pass: <T>(work: () => Promise<T>) => Promise<T>;
};

/**
@param hesitate - Waits a moment, or not, before and after each piece of work.
*/
export const createGate = (hesitate: () => Promise<void> | undefined): Gate => {
	let isShut = false;
	const isOpen = () => !isShut;
	const never = new Promise<never>(() => undefined);
	return {
		isOpen,
		shut: () => (isShut = true),
		async pass(work) {
			const before = hesitate();
			if (before) await before;
			if (!isOpen()) return never;
			try {
				const result = await work();
				const after = hesitate();
				if (after) await after;
				return isOpen() ? result : await never;
			} catch (error) {
				if (!isOpen()) return never;
				throw error;
			}
		},
	};
};

type Verb = (...parameters: unknown[]) => unknown;

/** The verbs that answer at once, and those that answer record by record. */
type AtOnce = {[V in keyof Catalog]: ReturnType<Catalog[V]> extends Promise<unknown> ? never : V}[keyof Catalog];
const others: Record<AtOnce, 'at once' | 'listing'> = {
	chunksAmiss: 'listing',
	chunksOf: 'listing',
	chunksOn: 'listing',
	countUploads: 'at once',
	hasRecord: 'at once',
	ownedBytes: 'at once',
	copiesLeft: 'at once',
	placementGroupsOf: 'at once',
	removalNodes: 'at once',
	shardBytes: 'at once',
	shardCounts: 'at once',
	totals: 'at once',
	trashTotals: 'at once',
};
const kindOf = (name: keyof Catalog) => (others as Partial<Record<keyof Catalog, 'at once' | 'listing'>>)[name];

/** Does a piece of a verb's work: `parameters` are the call's, for who tells calls apart. */
type Around = <T>(verb: keyof Catalog, parameters: unknown[], work: () => Promise<T>) => Promise<T>;

/** Records of a listing that are read at once, without anything between them. */
const RECORDS_AT_ONCE = 5;

/** A catalogue with something around each of its calls but those that answer at once; around some records of a listing. */
export const catalogWith = (catalog: Catalog, around: Around): Catalog => {
	async function* listing(name: keyof Catalog, parameters: unknown[], all: AsyncIterable<unknown>): AsyncGenerator {
		const records = all[Symbol.asyncIterator]();
		const some: unknown[] = [];
		const read = async () => {
			while (some.length < RECORDS_AT_ONCE) {
				const next = await records.next();
				if (next.done) return false;
				some.push(next.value);
			}

			return true;
		};
		for (let hasMore = true; hasMore; some.length = 0) {
			hasMore = await around(name, parameters, read);
			yield* some;
		}
	}

	const surround = (name: keyof Catalog, verb: Verb): Verb => {
		const kind = kindOf(name);
		if (kind === 'at once') return verb;
		if (kind === 'listing') {
			return (...parameters) => listing(name, parameters, verb(...parameters) as AsyncIterable<unknown>);
		}

		return async (...parameters) => around(name, parameters, async () => Promise.resolve(verb(...parameters)));
	};

	const verbs = Object.entries(catalog).map(([name, verb]) => [name, surround(name as keyof Catalog, verb as Verb)]);
	return Object.fromEntries(verbs) as Catalog;
};

/**
The catalogue as a process sees it. A write may be durable although its process never hears of it.

@param onCall - Told of each call of a verb.
*/
export const catalogThrough = (gate: Gate, catalog: Catalog, onCall: () => void): Catalog =>
	catalogWith(catalog, async (_verb, _parameters, work) => {
		onCall();
		return gate.pass(work);
	});

/** The time as a process sees it: the wall's may be set, the other only goes on. */
export const clockThrough = (gate: Pick<Gate, 'isOpen'>, time: VirtualTime, wallMs: () => number): Clock => {
	const timer: Clock['timer'] = (ms, fire) =>
		time.timer(ms, () => {
			if (gate.isOpen()) fire();
		});
	return {now: wallMs, monotonicMs: time.nowMs, timer, sleep: sleepOver(timer)};
};
