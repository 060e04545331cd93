import {randomBytes} from 'node:crypto';
import type {Clock, Random} from '../ports/clock.js';

const timer: Clock['timer'] = (ms, fire) => {
	const timeout = setTimeout(fire, ms).unref();
	return () => clearTimeout(timeout);
};

/** The machine's own time. */
export const systemClock: Clock = {
	now: () => Date.now(),
	monotonicMs: () => performance.now(),
	sleep: async (ms, signal) => {
		signal?.throwIfAborted();
		return new Promise((resolve, reject) => {
			const cancel = timer(ms, () => {
				signal?.removeEventListener('abort', giveUp);
				resolve();
			});
			const giveUp = () => {
				cancel();
				reject(signal?.reason as Error);
			};
			signal?.addEventListener('abort', giveUp, {once: true});
		});
	},
	timer,
};

/** The machine's own chance. */
export const systemRandom: Random = {
	bytes: count => new Uint8Array(randomBytes(count)),
	float: () => Math.random(),
};
