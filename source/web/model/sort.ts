export const sortKeys = ['name', 'size', 'date'] as const;
export type SortKey = (typeof sortKeys)[number];
export type Order = {key: SortKey; isDown: boolean};

type Sortable = {name: string; size: number; date: number};

const byName = new Intl.Collator(undefined, {numeric: true, sensitivity: 'base'});

/** Sorts by what people see; what is equal is sorted by name. */
export const sorted = <Row>(rows: readonly Row[], {key, isDown}: Order, read: (row: Row) => Sortable): Row[] => {
	const compare = (a: Sortable, b: Sortable) =>
		key === 'name' ? byName.compare(a.name, b.name) : a[key] - b[key] || -byName.compare(a.name, b.name);
	return rows
		.map(row => ({row, seen: read(row)}))
		.sort((a, b) => (isDown ? -1 : 1) * compare(a.seen, b.seen))
		.map(({row}) => row);
};

/** Pressing a column sorts by it: names from A on, else the largest and the newest first; pressing it again turns that. */
export const pressed = (order: Order, key: SortKey): Order =>
	order.key === key ? {key, isDown: !order.isDown} : {key, isDown: key !== 'name'};
