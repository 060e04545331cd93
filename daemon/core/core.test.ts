import test from 'ava';
import fc from 'fast-check';
import type {Digest, NodeId} from '../../source/protocol/ids.js';
import {expectedMs, hedgeDelayMs, type Latency, unknownLatency, withSample} from './latency.js';
import {listingDigest} from './listing.js';
import {schemeOf, wantedShards} from './model.js';
import {type Candidate, place, placeAmong, type Pool} from './place.js';
import {dataHealth, redundancyOf} from './redundancy.js';

const node = (id: string, zone = id, owner = id, freeBytes = 1000, inFlight = 0): Candidate => ({
	id: id as NodeId,
	zone,
	owner,
	freeBytes,
	inFlight,
});

const seeded = (seed: number) => () => {
	seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
	return seed / 2 ** 31;
};

const candidates = fc.uniqueArray(
	fc.record({
		id: fc.integer({min: 0, max: 30}).map(id => `n${id}` as NodeId),
		zone: fc.constantFrom('a', 'b', 'c', 'd'),
		owner: fc.constantFrom('x', 'y', 'z'),
		freeBytes: fc.nat(100),
		inFlight: fc.nat(5),
	}),
	{selector: ({id}) => id, maxLength: 12},
);

test('placement takes no node twice, none without room, and as many as there are', t => {
	const property = fc.property(candidates, fc.nat(5), fc.nat(100), fc.integer(), (nodes, count, sizeBytes, seed) => {
		const chosen = place({candidates: nodes, count, sizeBytes, random: seeded(seed)});
		const fit = nodes.filter(({freeBytes}) => freeBytes >= sizeBytes);
		return (
			new Set(chosen.map(({id}) => id)).size === chosen.length &&
			chosen.every(each => each.freeBytes >= sizeBytes) &&
			chosen.length === Math.min(count, fit.length)
		);
	});
	t.notThrows(() => fc.assert(property));
});

test('placement uses as many zones as it can', t => {
	const property = fc.property(candidates, fc.nat(5), fc.integer(), (nodes, count, seed) => {
		const chosen = place({candidates: nodes, count, sizeBytes: 1, random: seeded(seed)});
		const zones = new Set(nodes.filter(({freeBytes}) => freeBytes >= 1).map(({zone}) => zone));
		return new Set(chosen.map(({zone}) => zone)).size === Math.min(count, zones.size);
	});
	t.notThrows(() => fc.assert(property));
});

test('within a zone placement takes another owner first', t => {
	const nodes = [node('a1', 'house', 'ann'), node('a2', 'house', 'ann'), node('b1', 'house', 'ben', 1)];
	for (let seed = 1; seed < 50; seed++) {
		const owners = place({candidates: nodes, count: 2, sizeBytes: 1, random: seeded(seed)}).map(({owner}) => owner);
		t.deepEqual(owners.sort(), ['ann', 'ben']);
	}
});

test('placement keeps away from the zones of nodes that hold the chunk already', t => {
	const holders = [node('a1', 'a')];
	const nodes = [...holders, node('a2', 'a'), node('b1', 'b', 'b', 1)];
	t.deepEqual(
		place({candidates: nodes, count: 1, sizeBytes: 1, holders, random: () => 0}).map(({id}) => id),
		['b1' as NodeId],
	);
});

test('placement is weighed by free space and by load, and is not always the same', t => {
	const random = seeded(42);
	const nodes = [node('big', 'b', 'b', 9000), node('small', 's', 's', 1000), node('busy', 'u', 'u', 9000, 8)];
	const counts = new Map<string, number>();
	for (let run = 0; run < 3000; run++) {
		const [first] = place({candidates: nodes, count: 1, sizeBytes: 1, random});
		counts.set(first?.id ?? '', (counts.get(first?.id ?? '') ?? 0) + 1);
	}

	const [big, small, busy] = ['big', 'small', 'busy'].map(id => counts.get(id) ?? 0) as [number, number, number];
	t.true(big > 6 * small && big < 13 * small, `big ${big}, small ${small}`);
	t.true(busy > small / 2 && busy < small * 2, `busy ${busy}, small ${small}`);
});

test('placement gives more to who stands better, and where all stand alike is as if nobody stood at all', t => {
	const random = seeded(7);
	const nodes = [
		{...node('old', 'o', 'o', 1000), weight: 1},
		{...node('new', 'n', 'n', 1000), weight: 0.4},
	];
	let old = 0;
	for (let run = 0; run < 3000; run++) {
		if (place({candidates: nodes, count: 1, sizeBytes: 1, random})[0]?.id === 'old') old++;
	}

	t.true(old > 2000 && old < 2300, `${old} of 3000`);

	const free = fc.array(fc.tuple(fc.integer({min: 1, max: 1e12}), fc.nat({max: 9})), {minLength: 1, maxLength: 8});
	const chance = fc.double({min: 0, max: 1, maxExcluded: true, noNaN: true});
	fc.assert(
		fc.property(free, fc.double({min: 0.25, max: 1, noNaN: true}), chance, (all, weight, drawn) => {
			const plain = all.map(([freeBytes, inFlight], at) => node(`n${at}`, `z${at}`, `o${at}`, freeBytes, inFlight));
			const idsOf = (candidates: Candidate[]) =>
				place({candidates, count: 3, sizeBytes: 1, random: () => drawn}).map(({id}) => id);
			t.deepEqual(idsOf(plain.map(each => ({...each, weight}))), idsOf(plain));
		}),
	);
});

test('placement copes with chance at its edges and with nobody', t => {
	t.deepEqual(place({candidates: [], count: 3, sizeBytes: 1, random: () => 0}), []);
	for (const chance of [0, 0.999_999_999_999]) {
		t.is(place({candidates: [node('a'), node('b')], count: 2, sizeBytes: 1, random: () => chance}).length, 2);
	}

	t.is(place({candidates: [node('a', 'a', 'a', 0)], count: 1, sizeBytes: 0, random: () => 0}).length, 1);
});

/** A pool that counts how many nodes were looked at. */
const countingPool = (nodes: readonly Candidate[]) => {
	let looked = 0;
	const pool: Pool = {
		all() {
			looked += nodes.length;
			return nodes;
		},
		roomy(sizeBytes) {
			looked += nodes.length;
			return nodes.filter(({freeBytes}) => freeBytes >= sizeBytes);
		},
		some(count, _sizeBytes, random) {
			const some = new Set(Array.from({length: count}, () => nodes[Math.floor(random() * nodes.length)]));
			looked += some.size;
			return [...some].filter(each => each !== undefined);
		},
	};
	return {pool, looked: () => looked};
};

test('placement among many nodes is as far apart as among all, and takes as many', t => {
	const property = fc.property(candidates, fc.nat(5), fc.nat(100), fc.integer(), (nodes, count, sizeBytes, seed) => {
		const random = seeded(Math.abs(seed));
		const {pool} = countingPool(nodes);
		const few: Pool = {...pool, some: (most, sizeBytes) => pool.some(Math.min(most, 3), sizeBytes, random)};
		const chosen = placeAmong({pool: few, count, sizeBytes, random});
		const all = place({candidates: nodes, count, sizeBytes, random});
		const zonesOf = (some: readonly Candidate[]) => new Set(some.map(({zone}) => zone)).size;
		return chosen.length === all.length && zonesOf(chosen) === zonesOf(all);
	});
	t.notThrows(() => fc.assert(property));
});

test('placement costs the same among ten thousand nodes as among a thousand, and gives each its share', t => {
	const random = seeded(99);
	const lookedAt = (size: number) => {
		const nodes = Array.from({length: size}, (_, at) => node(`n${at}`, `z${at}`, `o${at}`, 1000 + 9000 * (at % 2)));
		const {pool, looked} = countingPool(nodes);
		let large = 0;
		for (let run = 0; run < 300; run++) {
			const chosen = placeAmong({pool, count: 3, sizeBytes: 1, random});
			large += chosen.filter(({freeBytes}) => freeBytes === 10_000).length;
		}

		// Of eleven bytes that are free, ten are on the large ones.
		t.true(large > 780 && large < 860, `${large} of 900`);
		return looked() / 300;
	};
	const [small, many] = [lookedAt(1000), lookedAt(10_000)];
	t.true(many <= 100 && small <= 100, `${small}, ${many}`);
});

test('chunks are counted by the nodes that are there', t => {
	const groups = [
		{wanted: 3, nodes: ['a', 'b', 'c'] as NodeId[], chunks: 5},
		{wanted: 3, nodes: ['a', 'b'] as NodeId[], chunks: 2},
		{wanted: 3, nodes: ['d'] as NodeId[], chunks: 1},
		{wanted: 3, nodes: [], chunks: 1},
	];
	const all = redundancyOf(groups, id => id !== 'd');
	t.deepEqual(all, {full: 5, partly: 2, none: 2});
	t.is(dataHealth(all), 55);
	t.is(dataHealth({full: 999, partly: 1, none: 0}), 99);
	t.is(dataHealth({full: 0, partly: 0, none: 0}), 100);
});

test('a node that gets slower is hedged later, one that is steady sooner', t => {
	const after = (samplesMs: number[]): Latency =>
		samplesMs.reduce((latency, ms) => withSample(latency, 1024 * 1024, ms), unknownLatency);
	const steady = after(Array.from({length: 50}, () => 20));
	const slow = after(Array.from({length: 50}, () => 800));
	t.is(hedgeDelayMs(unknownLatency, 1), 500);
	t.true(hedgeDelayMs(steady, 1) < hedgeDelayMs(slow, 1));
	t.true(hedgeDelayMs(slow, 1) >= 800);
	t.true(Math.abs(expectedMs(steady, 10 * 1024 * 1024) - 200) < 1);
	t.true(hedgeDelayMs(after([1, 1, 1]), 1) >= 100);
});

test('the digest of a listing is the hash of its lines', t => {
	t.is(listingDigest([]), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
	t.not(listingDigest(['a' as Digest]), listingDigest(['a' as Digest, 'b' as Digest]));
});

test('a scheme says how many shards are wanted', t => {
	t.is(wantedShards(schemeOf(3)), 3);
});
