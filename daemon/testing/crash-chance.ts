import {createCipheriv} from 'node:crypto';

/** Chance that can be had again: everything follows from the seed. */
export type Chance = {
	/** A number from 0 up to 1. */
	float: () => number;
	/** A whole number from `least` to `most`. */
	between: (least: number, most: number) => number;
	pick: <T>(from: readonly T[]) => T;
	/** Some of them, in any order. */
	some: <T>(from: readonly T[], count: number) => T[];
	isOneIn: (many: number) => boolean;
	/** Bytes that no other call gives. */
	bytes: (sizeBytes: number) => Buffer<ArrayBuffer>;
};

/** Mulberry32, by Tommy Ettinger: small, and good enough to draw what happens in a test. */
const floats = (seed: number) => {
	let state = seed >>> 0;
	return () => {
		state = (state + 0x6d2b79f5) >>> 0;
		let mixed = Math.imul(state ^ (state >>> 15), state | 1);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
	};
};

export const chanceOf = (seed: number): Chance => {
	const float = floats(seed);
	const between = (least: number, most: number) => least + Math.floor(float() * (most - least + 1));
	return {
		float,
		between,
		pick(from) {
			const [first] = from;
			if (first === undefined) throw new RangeError('There is nothing to pick from');
			return from[between(0, from.length - 1)] ?? first;
		},
		some(from, count) {
			const left = [...from];
			return Array.from({length: Math.min(count, left.length)}, () =>
				left.splice(between(0, left.length - 1), 1),
			).flat();
		},
		isOneIn: many => between(1, many) === 1,
		bytes(sizeBytes) {
			const key = Buffer.alloc(16);
			for (let at = 0; at < key.length; at += 4) key.writeUInt32LE(Math.floor(float() * 2 ** 32), at);
			return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(sizeBytes));
		},
	};
};
