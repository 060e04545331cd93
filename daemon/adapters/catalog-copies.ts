import {type CopiesLeft, copiesLeftKind} from '../core/redundancy.js';

/**
How many shards a group's chunks want, and its nodes' numbers in order, a character each: the groups of a large network are
nearly as many as its chunks, and as objects they would take more memory than all else that is known of those.
*/
export type GroupKey = string & {readonly groupKey: unique symbol};

/** Two halves of a pair of characters would make one number of two. */
const FIRST_HALF = 0xd8_00;
const HALVES = 0x8_00;

const characterOf = (number: number): string => String.fromCodePoint(number < FIRST_HALF ? number : number + HALVES);

/** The number whose character begins at a place. */
const numberAt = (text: string, place: number): number => {
	const code = text.codePointAt(place) ?? 0;
	return code < FIRST_HALF ? code : code - HALVES;
};

/** Numbers from here on take two units of a text. */
const FIRST_PAIR = 0x1_00_00 - HALVES;

export const groupKeyOf = (wanted: number, nodes: readonly number[]): GroupKey =>
	[wanted, ...nodes].map(characterOf).join('') as GroupKey;

export const numbersOf = (key: GroupKey): number[] => Array.from(key, character => numberAt(character, 0));

/** Tells whether the node of this number has shards in a group. */
export const hasShardsIn = (node: number): ((key: GroupKey) => boolean) => {
	const character = characterOf(node);
	return key => key.includes(character, 1);
};

const nothing = (): CopiesLeft => ({full: 0, partly: 0, one: 0, none: 0});

/** Chunks by how many of their copies count, kept up to date as chunks change and nodes come to count or cease to. */
export class CopyCounts {
	#sums = nothing();
	/** Whether the copies of the node of that number count. */
	readonly #isCounted: boolean[] = [];

	get sums(): CopiesLeft {
		return {...this.#sums};
	}

	/** All chunks. */
	get size(): number {
		const {full, partly, one, none} = this.#sums;
		return full + partly + one + none;
	}

	isCounted(node: number): boolean {
		return this.#isCounted[node] ?? false;
	}

	/** There are more chunks of a group, or less. */
	change(key: GroupKey, by: number): void {
		let present = 0;
		for (let place = 1; place < key.length;) {
			const node = numberAt(key, place);
			if (this.isCounted(node)) present++;
			place += node < FIRST_PAIR ? 1 : 2;
		}

		this.#sums[copiesLeftKind(numberAt(key, 0), present)] += by;
	}

	/** A node comes to count, or ceases to: with how many chunks there are of each group that it is in. */
	turn(node: number, groups: readonly (readonly [GroupKey, number])[]): void {
		for (const [key, chunks] of groups) this.change(key, -chunks);
		this.#isCounted[node] = !this.isCounted(node);
		for (const [key, chunks] of groups) this.change(key, chunks);
	}

	/** Many nodes do: with how many chunks there are of all groups. */
	turnMany(nodes: readonly number[], groups: Iterable<readonly [GroupKey, number]>): void {
		for (const node of nodes) this.#isCounted[node] = !this.isCounted(node);
		this.#sums = nothing();
		for (const [key, chunks] of groups) this.change(key, chunks);
	}
}
