import {randomBytes} from 'node:crypto';
import type {Clock, Random} from '../ports/clock.js';

const timer: Clock['timer'] = (ms, fire) => {
	const timeout = setTimeout(fire, ms).unref();
	return () => clearTimeout(timeout);
};

/** Sleeping, over timers of any kind. */
export const sleepOver =
	(start: Clock['timer']): Clock['sleep'] =>
	async (ms, signal) => {
		signal?.throwIfAborted();
		return new Promise((resolve, reject) => {
			const cancel = start(ms, () => {
				signal?.removeEventListener('abort', giveUp);
				resolve();
			});
			const giveUp = () => {
				cancel();
				reject(signal?.reason as Error);
			};
			signal?.addEventListener('abort', giveUp, {once: true});
		});
	};

/** The machine's own time. */
export const systemClock: Clock = {
	now: () => Date.now(),
	monotonicMs: () => performance.now(),
	sleep: sleepOver(timer),
	timer,
};

const POOL_BYTES = 4096;
let pool = new Uint8Array();
let taken = 0;

/** Random bytes out of a pool, for a call to the system costs more than a few bytes are worth. The pool keeps no copy. */
const takeBytes = (count: number): Uint8Array<ArrayBuffer> => {
	if (count > POOL_BYTES) return new Uint8Array(randomBytes(count));
	if (taken + count > pool.length) {
		pool = new Uint8Array(randomBytes(POOL_BYTES));
		taken = 0;
	}

	const bytes = pool.slice(taken, taken + count);
	pool.fill(0, taken, (taken += count));
	return bytes;
};

/** The machine's own chance. */
export const systemRandom: Random = {
	bytes: takeBytes,
	float: () => Math.random(),
};
