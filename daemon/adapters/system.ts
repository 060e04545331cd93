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

/** The machine's own chance. */
export const systemRandom: Random = {
	bytes: count => new Uint8Array(randomBytes(count)),
	float: () => Math.random(),
};
