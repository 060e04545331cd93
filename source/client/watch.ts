import type {Clock} from './clock.js';

/** One time limit at a time, for what is waited for. */
export type Watch = {
	/** From now on so long, in place of the limit before. */
	within: (ms: number) => void;
	/** No limit, until the next one. */
	rest: () => void;
	/** No limit any more. */
	stop: () => void;
};

export const createWatch = (clock: Pick<Clock, 'timer'>, onLate: (ms: number) => void): Watch => {
	let cancel: (() => void) | undefined;
	let isStopped = false;

	const rest = () => {
		cancel?.();
		cancel = undefined;
	};

	return {
		within(ms) {
			rest();
			if (!isStopped) cancel = clock.timer(ms, () => onLate(ms));
		},
		rest,
		stop() {
			isStopped = true;
			rest();
		},
	};
};
