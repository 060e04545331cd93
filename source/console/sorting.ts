import type {Column, Sort} from './table.js';

type Entry<Row> = {row: Row; index: number; value: string | number};

const compare = (a: string | number, b: string | number): number => {
	if (a === b) return 0;
	return a < b ? -1 : 1;
};

/** How many rows two lists have alike at their beginnings, and how many of the rest at their ends. */
const commonEnds = <Row>(one: readonly Row[], other: readonly Row[]): {head: number; tail: number} => {
	const most = Math.min(one.length, other.length);
	let head = 0;
	while (head < most && one[head] === other[head]) head++;
	let tail = 0;
	while (tail < most - head && one.at(-1 - tail) === other.at(-1 - tail)) tail++;
	return {head, tail};
};

/** Puts two lists that are in order into one. */
const merge = <Item>(one: readonly Item[], other: readonly Item[], order: (a: Item, b: Item) => number): Item[] => {
	const merged: Item[] = [];
	let next = 0;
	for (const item of other) {
		for (let first = one[next]; first !== undefined && order(first, item) <= 0; first = one[next]) {
			merged.push(first);
			next++;
		}

		merged.push(item);
	}

	for (; next < one.length; next++) merged.push(one[next] as Item);
	return merged;
};

/**
Sorts a list by a column; rows that are alike stay in the order of the list. To sort 100,000 rows takes 100 ms, so where most of the list
is as it was the last time, only what is new is sorted, and put between the others.
*/
export const createSorter = <Row extends object>(columns: readonly Column<Row>[]) => {
	let list: readonly Row[] = [];
	let by = '';
	let entries: Entry<Row>[] = [];
	let sorted: readonly Row[] = [];

	return (rows: readonly Row[], sort: Sort | undefined): readonly Row[] => {
		const nextBy = sort ? `${sort.column} ${sort.isDescending}` : '';
		if (rows === list && nextBy === by) return sorted;
		const sortBy = columns.find(({id}) => id === sort?.column)?.sortBy;
		if (!sort || !sortBy) {
			list = rows;
			by = nextBy;
			entries = [];
			sorted = rows;
			return rows;
		}

		const direction = sort.isDescending ? -1 : 1;
		const order = (a: Entry<Row>, b: Entry<Row>) => direction * compare(a.value, b.value) || a.index - b.index;
		const {head, tail} = nextBy === by ? commonEnds(list, rows) : {head: 0, tail: 0};
		const tailStart = list.length - tail;
		const kept = entries.filter(({index}) => index < head || index >= tailStart);
		const shift = rows.length - list.length;
		for (const entry of kept) if (entry.index >= tailStart) entry.index += shift;
		const added = rows
			.slice(head, rows.length - tail)
			.map((row, at): Entry<Row> => ({row, index: head + at, value: sortBy(row)}))
			.sort(order);
		entries = merge(kept, added, order);
		list = rows;
		by = nextBy;
		sorted = entries.map(({row}) => row);
		return sorted;
	};
};
