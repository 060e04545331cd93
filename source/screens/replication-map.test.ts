import test from 'ava';
import fc from 'fast-check';
import {
	chunkCode,
	chunkRank,
	type ChunkState,
	chunkTone,
	redundancyRank,
	redundancySentence,
	redundancyTone,
	redundancyWords,
} from './redundancy.js';
import {countChunks, createChunkStates, layoutMap, mapLines, worstFirst} from './replication-map.js';

const state = (present: number, more: Partial<ChunkState> = {}): ChunkState => ({
	present,
	wanted: 3,
	hasCorrupt: false,
	hasMissing: false,
	...more,
});

const anyState = fc.record({
	present: fc.integer({min: 0, max: 12}),
	wanted: fc.integer({min: 1, max: 6}),
	hasCorrupt: fc.boolean(),
	hasMissing: fc.boolean(),
});

test('redundancy has words, a tone and an order', t => {
	const all = [
		{full: 12, partly: 0, none: 0},
		{full: 9, partly: 3, none: 0},
		{full: 11, partly: 0, none: 1},
		{full: 8, partly: 3, none: 1},
	];
	t.deepEqual(
		all.map(each => redundancyWords(each)),
		['full', '3 of 12 short', '1 LOST', '1 LOST, 3 short'],
	);
	t.deepEqual(
		all.map(each => redundancyWords(each, 12)),
		['full', '3 short', '1 LOST', '1 LOST'],
	);
	t.deepEqual(all.map(redundancyTone), ['ok', 'warn', 'bad', 'bad']);
	t.deepEqual(
		all.map(redundancyRank),
		all.map(redundancyRank).toSorted((a, b) => a - b),
	);
	t.is(
		redundancySentence({full: 8, partly: 3, none: 1}),
		"1 of 12 chunks can't be read now; 3 of 12 chunks have fewer copies than wanted",
	);
	t.is(redundancyWords({full: 0, partly: 0, none: 0}), 'full');
});

test('a chunk has a code and a tone that say the same', t => {
	const codes = [state(3), state(2), state(1), state(0), state(2, {hasCorrupt: true}), state(12)].map(
		each => chunkCode(each) + chunkTone(each),
	);
	t.deepEqual(codes, ['3ok', '2warn', '1warn', '!bad', 'xbad', '+ok']);
});

test('what lacks more copies is worse, and a corrupt copy is worse than none of them corrupt', t => {
	const worse = [state(3), state(3, {hasCorrupt: true}), state(2), state(2, {hasCorrupt: true}), state(1), state(0)];
	const ranks = worse.map(chunkRank);
	t.deepEqual(
		ranks,
		ranks.toSorted((a, b) => a - b),
	);
	t.is(new Set(ranks).size, ranks.length);
});

test('a map holds what was put into it, and lists the worst first, each chunk once', t => {
	fc.assert(
		fc.property(fc.array(fc.option(anyState), {maxLength: 200}), given => {
			const states = createChunkStates(given.length);
			given.forEach((each, index) => each && states.put(index, each));
			given.forEach((each, index) => t.deepEqual(states.get(index), each ?? undefined));
			const order = [...worstFirst(states)];
			t.deepEqual(
				order.toSorted((a, b) => a - b),
				given.map((_, index) => index),
			);
			const keys = order.map(index => (given[index] ? [states.rank(index), index] : [-1, index]));
			keys.slice(1).forEach((key, at) => {
				const [rank = 0, index = 0] = key;
				const [rankBefore = 0, indexBefore = 0] = keys[at] ?? [];
				t.true(rank < rankBefore || (rank === rankBefore && index > indexBefore));
			});
			const counts = countChunks(states);
			t.is(counts.full + counts.short + counts.unreadable + counts.unknown, given.length);
			t.is(counts.unknown, given.filter(each => each === null).length);
			t.is(states.known(), given.filter(each => each !== null).length);
		}),
	);
});

test('a map fits its area, has a cell for every chunk, and each cell shows the worst of its chunks', t => {
	const area = fc.record({columns: fc.integer({min: 12, max: 200}), rows: fc.integer({min: 1, max: 50})});
	fc.assert(
		fc.property(fc.array(anyState, {minLength: 1, maxLength: 3000}), area, (given, room) => {
			const states = createChunkStates(given.length);
			given.forEach((each, index) => states.put(index, each));
			const layout = layoutMap(given.length, room);
			const lines = mapLines(states, layout).map(pieces => pieces.map(({text}) => text).join(''));
			t.true(lines.length <= room.rows);
			t.true(lines.every(line => line.length <= room.columns));
			const cells = lines.map(line => line.slice(layout.labelWidth)).join('');
			const worst = Array.from({length: layout.cells}, (_, cell) =>
				given
					.slice(cell * layout.chunksPerCell, (cell + 1) * layout.chunksPerCell)
					.reduce((a, b) => (chunkRank(b) > chunkRank(a) ? b : a)),
			);
			t.is(cells, worst.map(chunkCode).join(''));
		}),
		{numRuns: 50},
	);
});

test('a map says which chunk each line begins with, marks the chosen one, and shows what is not loaded', t => {
	const states = createChunkStates(30);
	for (let index = 0; index < 25; index++) states.put(index, state(index === 12 ? 2 : 3));
	const lines = mapLines(states, layoutMap(30, {columns: 14, rows: 3}), {chosen: 3});
	t.deepEqual(
		lines.map(pieces => pieces.map(({text}) => text).join('')),
		[' 0 33333333333', '11 32333333333', '22 333?????'],
	);
	t.deepEqual(
		lines[0]?.filter(({isInverse}) => isInverse === true),
		[{text: '3', tone: 'ok', isInverse: true}],
	);
	t.is(layoutMap(512, {columns: 60, rows: 3}).chunksPerCell, 4);
});
