import type {Clock} from '../ports/clock.js';

/** How fast something goes of late. */
export type Rate = {
	add: (bytes: number) => void;
	/** All of late. */
	sum: () => number;
	/** Bytes, as a whole number. */
	perSecond: () => number;
};

const MOST_SAMPLES = 1000;

/** @param overMs - What counts as of late. */
export const createRate = (clock: Pick<Clock, 'monotonicMs'>, overMs: number): Rate => {
	let samples: {atMs: number; bytes: number}[] = [];

	const dropOld = () => {
		const since = clock.monotonicMs() - overMs;
		samples = samples.filter(({atMs}) => atMs > since);
	};

	const sum = () => {
		dropOld();
		return samples.reduce((total, {bytes}) => total + bytes, 0);
	};

	return {
		sum,
		add(bytes) {
			dropOld();
			const last = samples.at(-1);
			if (last && samples.length >= MOST_SAMPLES) last.bytes += bytes;
			else samples.push({atMs: clock.monotonicMs(), bytes});
		},
		perSecond: () => Math.round(sum() / (overMs / 1000)),
	};
};
