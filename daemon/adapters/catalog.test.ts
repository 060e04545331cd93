import test from 'ava';
import fc from 'fast-check';
import type {FileId} from '../../source/protocol/ids.js';
import {catalogSuite, type OpenCatalog} from '../ports/catalog.suite.js';
import {fold, NameSearch} from './catalog-name-search.js';
import {SortedIds} from './catalog-sorted-ids.js';
import {memoryCatalog} from './memory-catalog.js';
import type {NedbCatalogOptions} from './nedb-catalog.js';
import {openCatalogIn, temporaryFolder} from './nedb-testing.suite.js';

const nedb =
	(options: Partial<NedbCatalogOptions>): OpenCatalog =>
	async t => {
		const folder = await temporaryFolder(t);
		let catalog = await openCatalogIn(t, folder, options);
		const reopen = async () => {
			await catalog.close();
			catalog = await openCatalogIn(t, folder, options);
			return catalog;
		};
		return {catalog, reopen};
	};

catalogSuite(test, 'memory', async () => Promise.resolve({catalog: memoryCatalog()}));
catalogSuite(test, 'NeDB', nedb({}));
catalogSuite(test, 'NeDB that always compacts', nedb({compactRatio: 0, compactMinBytes: 0}));

const textOf = (number: number) => String(number).padStart(5, '0');

test('sorted ids are a set in order, whatever comes and goes', t => {
	const change = fc.record({id: fc.nat(4000).map(textOf), isAdded: fc.boolean()});
	const question = fc.record({id: fc.option(fc.nat(4000).map(textOf), {nil: undefined}), limit: fc.nat(1500)});
	const start = fc.record({count: fc.nat(4000), step: fc.constantFrom(1, 7, 4001 - 1, 2017)});
	fc.assert(
		fc.property(start, fc.array(change), fc.array(question), ({count, step}, changes, questions) => {
			const ids = new SortedIds<string>();
			const model = new Set<string>();
			const first = Array.from({length: count}, (_, at) => ({id: textOf((at * step) % 4001), isAdded: true}));
			const middle = first.filter((_, at) => at % 3 > 0).map(({id}) => ({id, isAdded: false}));
			for (const {id, isAdded} of [...first, ...middle, ...changes]) {
				if (isAdded) {
					ids.add(id);
					model.add(id);
				} else {
					ids.delete(id);
					model.delete(id);
				}
			}

			const sorted = [...model].sort();
			t.deepEqual(ids.after(undefined, Infinity), sorted);
			t.is(ids.isEmpty, sorted.length === 0);
			for (const {id, limit} of questions) {
				const later = sorted.filter(other => id === undefined || other > id);
				const earlier = sorted.filter(other => id === undefined || other < id).reverse();
				t.deepEqual(ids.after(id, limit), later.slice(0, limit));
				t.deepEqual(ids.before(id, limit), earlier.slice(0, limit));
			}
		}),
		{numRuns: 50},
	);
});

test('an id is drawn out of many as likely as another, also where deletions left much room', t => {
	const ids = new SortedIds<string>();
	for (let number = 0; number < 20_000; number++) ids.add(textOf(number));
	for (let number = 0; number < 10_000; number++) if (number % 50 > 0) ids.delete(textOf(number));
	let seed = 1;
	const random = () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
	let low = 0;
	for (let draw = 0; draw < 20_000; draw++) {
		const id = ids.draw(random) ?? '';
		t.true(ids.after(undefined, 1)[0] !== undefined && /^\d{5}$/.test(id));
		if (Number(id) < 10_000) low++;
	}

	// 200 of 10,200 are low: 392 of 20,000 draws.
	t.true(low > 300 && low < 490, `${low}`);
});

test('a part of a name finds what a look at every name finds, whatever came, went or was renamed between searches', async t => {
	const id = fc.nat(2500).map(number => textOf(number) as FileId);
	const name = fc.oneof(
		fc.string({unit: fc.constantFrom('a', 'b', 'c', '\u00e9', '.'), minLength: 1, maxLength: 12}),
		fc.nat(50).map(number => `IMG_${number}.jpg`),
	);
	const change = fc.record({id, name: fc.option(name, {nil: undefined})});
	const text = fc.oneof(name, fc.string({minLength: 1, maxLength: 3}), fc.constantFrom('img', 'nowhere', '.JPG'));
	const round = fc.record({changes: fc.array(change), text, before: fc.option(id, {nil: undefined})});
	const property = fc.asyncProperty(
		fc.array(name, {minLength: 1, maxLength: 20}),
		fc.array(round),
		async (first, rounds) => {
			const listed = new SortedIds<FileId>();
			const names = new Map<FileId, string>();
			const search = new NameSearch({listed, nameOf: each => names.get(each) ?? ''});
			const set = (each: FileId, next: string | undefined) => {
				if (next === undefined) listed.delete(each);
				else listed.add(each);
				if (next === undefined || names.has(each)) search.noteGone(each);
				if (next === undefined) {
					names.delete(each);
					return;
				}

				names.set(each, fold(next));
				search.noteListed(each);
			};

			for (let number = 0; number < 1800; number++) set(textOf(number) as FileId, first[number % first.length]);
			for (const {changes, text: part, before} of rounds) {
				for (const {id: each, name: next} of changes) set(each, next);
				const found: FileId[] = [];
				for await (const page of search.find(fold(part), before)) found.push(...page);
				const wanted = [...names].filter(
					([each, of]) => of.includes(fold(part)) && (before === undefined || each < before),
				);
				t.deepEqual(
					found,
					wanted
						.map(([each]) => each)
						.sort()
						.reverse(),
				);
			}
		},
	);
	await fc.assert(property, {numRuns: 30});
});
