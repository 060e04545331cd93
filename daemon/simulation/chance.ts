import type {Random} from '../ports/clock.js';

/** Chance that a seed decides: the same calls in the same order give the same. */
export type Chance = Random & {
	/** A whole number from 0 up to, not including, `below`. */
	int: (below: number) => number;
	/** A number from `low` up to `high`. */
	between: (low: number, high: number) => number;
	isLucky: (probability: number) => boolean;
	/** How long until something happens that happens every `mean` on average. */
	wait: (mean: number) => number;
	pick: <T>(items: readonly T[]) => T | undefined;
	/** Chance of its own, so that what one part draws changes nothing for another. */
	fork: () => Chance;
};

/** SplitMix32: spreads a seed over the generator's state. */
const spreader = (seed: number) => {
	let state = seed | 0;
	return () => {
		state = (state + 0x9e_37_79_b9) | 0;
		let mixed = Math.imul(state ^ (state >>> 16), 0x21_f0_aa_ad);
		mixed = Math.imul(mixed ^ (mixed >>> 15), 0x73_5a_2d_97);
		return (mixed ^ (mixed >>> 15)) >>> 0;
	};
};

/**
The generator sfc32, from PractRand. It is no secret to anybody: never for keys.

@param seed - A whole number from 0.
*/
export const chanceOf = (seed: number): Chance => {
	const spread = spreader(Math.trunc(seed / 2 ** 32) ^ seed);
	let [a, b, c] = [spread(), spread(), spread()];
	let counter = 1;
	const next = (): number => {
		const sum = (((a + b) | 0) + counter) | 0;
		counter = (counter + 1) | 0;
		a = b ^ (b >>> 9);
		b = (c + (c << 3)) | 0;
		c = ((c << 21) | (c >>> 11)) + sum;
		return sum >>> 0;
	};
	for (let warm = 0; warm < 12; warm++) next();

	const float = () => next() / 2 ** 32;
	const int = (below: number) => Math.floor(float() * below);
	return {
		float,
		bytes: count => Uint8Array.from({length: count}, () => next() & 255),
		int,
		between: (low, high) => low + float() * (high - low),
		isLucky: probability => float() < probability,
		wait: mean => -mean * Math.log(1 - float()),
		pick: items => items[int(items.length)],
		fork: () => chanceOf(next()),
	};
};
