import {PjasError} from '../../source/protocol/errors.js';
import type {Clock} from '../ports/clock.js';
import {isLoopback, networkOf} from './addresses.js';
import type {Client} from './client.js';

/** How many requests are served to each of many. */
export type RateLimit = {
	/** Takes a request of whoever is counted, a network or an account: 0, or how many milliseconds it comes too early. */
	take: (who: string) => number;
	/** How many are remembered. */
	readonly size: number;
};

export type RateLimitOptions = {
	/** So many may come at once, too. */
	perMinute: number;
	clock: Pick<Clock, 'monotonicMs'>;
	/** How many are remembered at most, before the ones who were quiet longest are forgotten. */
	most?: number;
};

/**
Takes a request of a client, or of the account that it is signed in to. Programs of this machine are let through: whoever
runs there can do worse.

@throws {PjasError} `TOO_MANY_REQUESTS`, with the time to wait.
*/
export const assertModest = (limit: RateLimit, {address}: Client, who = networkOf(address)): void => {
	if (address === '' || isLoopback(address)) return;
	const waitMs = limit.take(who);
	if (waitMs === 0) return;
	throw new PjasError('TOO_MANY_REQUESTS', 'Too many requests came from you: wait as long as Retry-After says', {
		retryAfterSeconds: waitMs / 1000,
	});
};

type Bucket = {tokens: number; atMs: number};

const MINUTE_MS = 60_000;
const DEFAULT_MOST = 20_000;

/**
Token buckets that hold a minute's worth. A bucket that nobody took from for a minute is full, so two generations of buckets
do: the older one is dropped every minute, or when the younger has enough. No timers, and nothing to sweep.

`rate-limiter-flexible` does the same with a timer for each address, and remembers as many as come.
*/
export const createRateLimit = ({perMinute, clock, most = DEFAULT_MOST}: RateLimitOptions): RateLimit => {
	const perMs = perMinute / MINUTE_MS;
	let young = new Map<string, Bucket>();
	let old = new Map<string, Bucket>();
	let turnedMs = clock.monotonicMs();

	const turn = (nowMs: number) => {
		old = nowMs - turnedMs >= 2 * MINUTE_MS ? new Map<string, Bucket>() : young;
		young = new Map();
		turnedMs = nowMs;
	};

	const bucketOf = (key: string, nowMs: number): Bucket => {
		const kept = young.get(key);
		if (kept) return kept;
		const bucket = old.get(key) ?? {tokens: perMinute, atMs: nowMs};
		old.delete(key);
		young.set(key, bucket);
		return bucket;
	};

	return {
		take(who) {
			const nowMs = clock.monotonicMs();
			if (nowMs - turnedMs >= MINUTE_MS || young.size >= most / 2) turn(nowMs);
			const bucket = bucketOf(who, nowMs);
			bucket.tokens = Math.min(perMinute, bucket.tokens + (nowMs - bucket.atMs) * perMs);
			bucket.atMs = nowMs;
			if (bucket.tokens < 1) return Math.ceil((1 - bucket.tokens) / perMs);
			bucket.tokens--;
			return 0;
		},
		get size() {
			return young.size + old.size;
		},
	};
};
