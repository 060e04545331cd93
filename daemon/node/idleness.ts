import type {Clock} from '../ports/clock.js';
import type {Handler} from './handler.js';

export type Idleness = {
	/** Gives a handler that does the same, and is watched. */
	around: (serve: Handler) => Handler;
	/** Whether nothing is asked now, nor was a moment ago. */
	isIdle: () => boolean;
};

const REST_MS = 5_000;

/** Knows whether a node has nothing to do: what can wait then does not slow down what is asked. */
export const createIdleness = (clock: Pick<Clock, 'monotonicMs'>): Idleness => {
	let underWay = 0;
	let lastAt = -Infinity;
	return {
		around: serve => (request, response) => {
			underWay++;
			response.once('close', () => {
				underWay--;
				lastAt = clock.monotonicMs();
			});
			return serve(request, response);
		},
		isIdle: () => underWay === 0 && clock.monotonicMs() - lastAt >= REST_MS,
	};
};
