import {setMaxListeners} from 'node:events';
import type {Clock} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import type {Worker} from '../ports/worker.js';

export type Running = {
	/** Ends the present rest. */
	wake: () => void;
	/** Resolves when the worker stands still. */
	stop: () => Promise<void>;
};

const LONGEST_REST_AFTER_FAILURE_MS = 60_000;

/** Takes a worker's steps until it is stopped: at once while it is busy, else after a rest or when woken. */
export const runWorker = (
	worker: Worker,
	{clock, log, restMs}: {clock: Pick<Clock, 'timer'>; log: Log; restMs: number},
): Running => {
	const end = new AbortController();
	// All that a worker does at once listens to it.
	setMaxListeners(0, end.signal);
	let endRest: () => void = () => undefined;
	/** Since the last rest: what it is about may lie behind the place that a pass of several steps has come to. */
	let isWoken = false;
	const isEnding = () => end.signal.aborted;

	const pause = async (ms: number) => {
		if (!isWoken && !isEnding()) {
			let cancel: () => void = () => undefined;
			await new Promise<void>(resolve => {
				endRest = resolve;
				cancel = clock.timer(ms, resolve);
			});
			cancel();
		}

		isWoken = false;
	};

	const run = async () => {
		let failures = 0;
		while (!isEnding()) {
			try {
				const state = await worker.step(end.signal);
				failures = 0;
				if (state === 'idle') await pause(restMs);
			} catch (error) {
				if (isEnding()) return;
				failures++;
				log.error('a worker failed; it goes on after a rest', {worker: worker.name, error});
				await pause(Math.min(LONGEST_REST_AFTER_FAILURE_MS, restMs * 2 ** Math.min(failures, 10)));
			}
		}
	};

	const running = run();
	return {
		wake() {
			isWoken = true;
			endRest();
		},
		async stop() {
			end.abort(new Error('stopping'));
			endRest();
			await running;
		},
	};
};
