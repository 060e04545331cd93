import test from 'ava';
import fc from 'fast-check';
import {createSorter} from './sorting.js';
import type {Column, Sort} from './table.js';

type Fruit = {id: number; name: string};

const columns: Column<Fruit>[] = [
	{id: 'id', title: 'ID', min: 1, priority: 0, cell: ({id}) => String(id), sortBy: ({id}) => id},
	{id: 'name', title: 'NAME', min: 1, priority: 1, cell: ({name}) => name, sortBy: ({name}) => name},
];

test('sorting what changed gives what sorting everything anew gives', t => {
	const seed = Date.now();
	t.log(`seed ${seed}`);
	const fruit = fc.record({id: fc.nat(5), name: fc.stringMatching(/^[ab]{0,2}$/)});
	const sort = fc.option(fc.record<Sort>({column: fc.constantFrom('id', 'name', 'none'), isDescending: fc.boolean()}), {
		nil: undefined,
	});
	const change = fc.record({
		at: fc.nat(10),
		removed: fc.nat(3),
		added: fc.array(fruit, {maxLength: 3}),
		sort: fc.option(sort, {nil: 'as before' as const}),
	});
	fc.assert(
		fc.property(
			fc.array(fruit, {maxLength: 12}),
			sort,
			fc.array(change, {maxLength: 8}),
			(first, sortBefore, changes) => {
				const sorter = createSorter(columns);
				let list = first;
				let by = sortBefore;
				t.deepEqual(sorter(list, by), createSorter(columns)(list, by));
				for (const {at, removed, added, sort: next} of changes) {
					list = list.toSpliced(at, removed, ...added);
					if (next !== 'as before') by = next;
					const expected = createSorter(columns)(list, by);
					const sorted = sorter(list, by);
					t.true(sorted.length === expected.length && sorted.every((row, index) => row === expected[index]));
				}
			},
		),
		{seed},
	);
});

test('the same list in the same order is the same array', t => {
	const list = [
		{id: 2, name: 'b'},
		{id: 1, name: 'a'},
	];
	const sorter = createSorter(columns);
	const sort = {column: 'id', isDescending: false};
	t.is(sorter(list, sort), sorter(list, {...sort}));
	t.deepEqual(
		sorter(list, sort).map(({id}) => id),
		[1, 2],
	);
	t.is(sorter(list, undefined), list);
});
