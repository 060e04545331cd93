import test from 'ava';
import fc from 'fast-check';
import {chunkIdOf, type Digest, type FileId, type NodeId} from '../../source/protocol/ids.js';
import {SEAL_TAG_BYTES} from '../../source/protocol/seal.js';
import {type ChunkRecord, schemeOf, type ShardRecord, wantedShards} from './model.js';
import {poolOf} from './place.js';
import {needOf, planRepair, type RepairNode, type RepairState, withCopies} from './repair.js';

const GRACE_MS = 900_000;
/** Of the file's upload, which its id starts with. */
const UPLOADED_AT = 1_700_000_000_000;
const NOW = UPLOADED_AT + 100 * GRACE_MS;
const file = `${UPLOADED_AT.toString(16).padStart(12, '0')}${'0'.repeat(20)}` as FileId;
const digest = 'ab'.repeat(32) as Digest;
const nodeId = (number: number) => `pjas-${String(number).padStart(8, '0')}` as NodeId;

type Node = Partial<Omit<RepairNode, 'id'>>;
type Network = Record<number, RepairNode>;

const nodeOf = (number: number, node: Node = {}): RepairNode => ({
	id: nodeId(number),
	zone: `zone ${number}`,
	owner: `owner ${number}`,
	freeBytes: 1e9,
	inFlight: 0,
	presence: 'online',
	since: 0,
	...node,
});

const networkOf = (nodes: Node[]): Network =>
	Object.fromEntries(nodes.map((node, at) => [at + 1, nodeOf(at + 1, node)]));

const chunkOf = (index: number, holders: (number | ShardRecord)[], wanted = 3): ChunkRecord => ({
	_id: chunkIdOf(file, index),
	file,
	index,
	sizeBytes: 1000,
	scheme: schemeOf(wanted),
	shards: holders.map(holder =>
		typeof holder === 'number' ? {digest, node: nodeId(holder), verifiedAt: UPLOADED_AT} : holder,
	),
	revision: 1,
});

const bad = (number: number, at: number): ShardRecord => ({
	digest,
	node: nodeId(number),
	verifiedAt: UPLOADED_AT,
	fault: {kind: 'corrupt', at},
});

const stateOf = (network: Network, ...chunks: ChunkRecord[]): RepairState => {
	const nodes = new Map(Object.values(network).map(node => [node.id, node]));
	return {
		chunks,
		node: id => nodes.get(id),
		pool: poolOf([...nodes.values()].filter(({presence}) => presence === 'online')),
		graceMs: GRACE_MS,
	};
};

const planOf = (network: Network, ...chunks: ChunkRecord[]) => planRepair(stateOf(network, ...chunks), NOW, () => 0.5);
const away = (forMs: number): Node => ({presence: 'away', since: NOW - forMs});

test('a copy that was lost a while ago is made again; a nap costs nothing', t => {
	const napping = networkOf([{}, {}, away(GRACE_MS - 1), {}]);
	t.deepEqual(planOf(napping, chunkOf(0, [1, 2, 3])), {copies: [], trims: [], blocked: []});
	t.deepEqual(needOf(chunkOf(0, [1, 2, 3]), stateOf(napping), NOW), {
		kind: 'wait',
		copies: 2,
		dueAt: NOW + 1,
		isShort: true,
	});
	const [copy] = planOf(networkOf([{}, {}, away(GRACE_MS), {}]), chunkOf(0, [1, 2, 3])).copies;
	t.like(copy, {copies: 2, digest, targets: [nodeId(4)]});
	t.deepEqual([...(copy?.sources ?? [])].sort(), [nodeId(1), nodeId(2)]);
});

test('where one copy is left a second is made at once, and the third when it is sure that it is needed', t => {
	const napping = networkOf([{}, away(1000), away(1000), {}, {}]);
	t.is(planOf(napping, chunkOf(0, [1, 2, 3])).copies[0]?.targets.length, 1);
	const lost = networkOf([{}, away(GRACE_MS), away(GRACE_MS), {}, {}]);
	t.is(planOf(lost, chunkOf(0, [1, 2, 3])).copies[0]?.targets.length, 2);
});

test('after a start, nodes are given the time to be heard of', t => {
	const starting = networkOf([{}, {presence: 'awaited'}, {presence: 'awaited'}, {}]);
	t.is(needOf(chunkOf(0, [1, 2, 3]), stateOf(starting), NOW).kind, 'well');
	const alone = networkOf([{presence: 'awaited'}, away(GRACE_MS), away(GRACE_MS), {}]);
	t.like(planOf(alone, chunkOf(0, [1, 2, 3])), {copies: [], blocked: [{reason: 'no-source'}]});
});

test('a copy that went bad is replaced: on another node, or where there is none on its own', t => {
	const four = networkOf([{}, {}, {}, {}]);
	t.deepEqual(planOf(four, chunkOf(0, [1, 2, bad(3, NOW - GRACE_MS)])).copies[0]?.targets, [nodeId(4)]);
	t.is(needOf(chunkOf(0, [1, 2, bad(3, NOW - 1)]), stateOf(four), NOW).kind, 'wait');
	const three = networkOf([{}, {}, {}]);
	const plan = planOf(three, chunkOf(0, [1, 2, bad(3, NOW - GRACE_MS)]));
	t.deepEqual(plan.copies[0]?.targets, [nodeId(3)]);
	t.deepEqual(plan.copies[0]?.sources, [nodeId(1), nodeId(2)]);
});

test('what an upload could not make is made after the same grace', t => {
	const nodes = networkOf([{}, {}, {}]);
	t.is(needOf(chunkOf(0, [1, 2]), stateOf(nodes), UPLOADED_AT + 1).kind, 'wait');
	t.is(needOf(chunkOf(0, [1]), stateOf(nodes), UPLOADED_AT + 1).kind, 'copy');
	t.is(needOf(chunkOf(0, [1, 2]), stateOf(nodes), UPLOADED_AT + GRACE_MS).kind, 'copy');
});

test('what cannot be repaired has a reason', t => {
	const lost = away(GRACE_MS);
	const reasonOf = (nodes: Node[]) => planOf(networkOf(nodes), chunkOf(0, [1, 2, 3])).blocked[0]?.reason;
	t.is(reasonOf([lost, lost, lost, {}]), 'no-source');
	t.is(reasonOf([{}, {}, lost]), 'too-few-nodes');
	t.is(reasonOf([{}, {}, lost, {freeBytes: 1000}]), 'no-space');
});

test('copies on a node that is barred do not count, and it gets none', t => {
	const plan = planOf(networkOf([{}, {}, {presence: 'barred', since: 0}, {}]), chunkOf(0, [1, 2, 3]));
	t.deepEqual(plan.copies[0]?.targets, [nodeId(4)]);
	t.false(plan.copies[0]?.sources.includes(nodeId(3)));
});

test('the best spread stays where there are too many, then what lies on the emptiest nodes', t => {
	const zoned = networkOf([{zone: 'a'}, {zone: 'b'}, {zone: 'a', freeBytes: 5}, {zone: 'c', freeBytes: 1}]);
	const [trim] = planOf(zoned, chunkOf(0, [1, 2, 3, 4])).trims;
	t.deepEqual(
		trim?.drop.map(({node}) => node),
		[nodeId(3)],
	);
	const owned = networkOf([{owner: 'o'}, {}, {}, {owner: 'o', freeBytes: 2e9}]);
	t.deepEqual(
		planOf(owned, chunkOf(0, [1, 2, 3, 4])).trims[0]?.drop.map(({node}) => node),
		[nodeId(1)],
	);
});

test('what is surely lost is forgotten once there is enough without it, not before', t => {
	const nodes = networkOf([{}, away(GRACE_MS), away(GRACE_MS), {}, {}]);
	const chunk = chunkOf(0, [1, 2, 3]);
	const after = (...made: number[]) =>
		withCopies(chunk, {digest, made: made.map(nodeId)}, stateOf(nodes), NOW).shards.map(({node}) => node);
	t.deepEqual(after(4), [1, 2, 3, 4].map(nodeId));
	t.deepEqual(after(4, 5), [1, 4, 5].map(nodeId));
	t.deepEqual(planOf(nodes, chunkOf(1, [1, 4, 5, 2])).trims[0]?.keep.length, 3);
});

const nodeArbitrary = fc.record({
	zone: fc.constantFrom('a', 'b', 'c', 'd'),
	owner: fc.constantFrom('o', 'p', 'q', 'r'),
	freeBytes: fc.constantFrom(0, 500, 5000, 1e6),
	presence: fc.constantFrom<RepairNode['presence']>('online', 'online', 'online', 'away', 'awaited', 'barred'),
	since: fc.constantFrom(0, NOW - GRACE_MS, NOW - 1000),
});

const shardArbitrary = (count: number) =>
	fc.uniqueArray(
		fc.record({
			number: fc.integer({min: 1, max: count}),
			fault: fc.option(
				fc.record({
					kind: fc.constantFrom('missing' as const, 'corrupt' as const),
					at: fc.constantFrom(0, NOW - 1000),
				}),
				{nil: undefined, freq: 4},
			),
		}),
		{selector: ({number}) => number, minLength: 1, maxLength: 6},
	);

const caseArbitrary = fc
	.array(nodeArbitrary, {minLength: 1, maxLength: 9})
	.chain(nodes =>
		fc.record({
			network: fc.constant(networkOf(nodes)),
			holders: fc.array(shardArbitrary(nodes.length), {minLength: 1, maxLength: 6}),
			wanted: fc.integer({min: 1, max: 4}),
			chance: fc.double({min: 0, max: 0.999, noNaN: true}),
		}),
	)
	.map(({network, holders, wanted, chance}) => ({
		network,
		chance,
		chunks: holders.map((shards, index) =>
			chunkOf(
				index,
				shards.map(({number, fault}) => ({
					digest,
					node: nodeId(number),
					verifiedAt: UPLOADED_AT,
					...(fault && {fault}),
				})),
				wanted,
			),
		),
	}));

const isPresent = (network: Network, {node, fault}: ShardRecord) =>
	!fault && Object.values(network).some(each => each.id === node && each.presence === 'online');
const presentOf = (network: Network, shards: readonly ShardRecord[]) =>
	shards.filter(shard => isPresent(network, shard));
const zonesOf = (network: Network, shards: readonly ShardRecord[]) =>
	new Set(shards.map(({node}) => Object.values(network).find(({id}) => id === node)?.zone)).size;

test('whatever the network: no copy where one is, none too few left, the spread kept, the fewest copies first', t => {
	fc.assert(
		fc.property(caseArbitrary, ({network, chunks, chance}) => {
			const plan = planRepair(stateOf(network, ...chunks), NOW, () => chance);
			let last = 0;
			for (const {chunk, copies, sources, targets} of plan.copies) {
				const present = presentOf(network, chunk.shards);
				t.true(copies >= last);
				last = copies;
				t.is(copies, present.length);
				t.is(new Set(targets).size, targets.length);
				for (const target of targets) {
					t.false(
						chunk.shards.some(({node, fault}) => node === target && !fault),
						'it has none',
					);
					const node = Object.values(network).find(({id}) => id === target);
					t.is(node?.presence, 'online');
					t.true((node?.freeBytes ?? 0) >= chunk.sizeBytes + SEAL_TAG_BYTES);
				}

				const isBarred = ({node, fault}: ShardRecord) =>
					!fault && Object.values(network).find(({id}) => id === node)?.presence === 'barred';
				const readable = present.length > 0 ? present : chunk.shards.filter(isBarred);
				t.deepEqual([...sources].sort(), readable.map(({node}) => node).sort());
				t.true(sources.length > 0 && present.length < wantedShards(chunk.scheme));
			}

			for (const {chunk, keep, drop} of plan.trims) {
				const wanted = wantedShards(chunk.scheme);
				const before = presentOf(network, chunk.shards);
				const after = presentOf(network, keep);
				t.is(after.length, wanted);
				t.true(drop.length > 0);
				t.is(keep.length + drop.length, chunk.shards.length);
				t.true([...keep, ...drop].every(shard => chunk.shards.includes(shard)));
				t.is(zonesOf(network, after), Math.min(wanted, zonesOf(network, before)), 'no zone is given up for nothing');
			}
		}),
		{numRuns: 2000},
	);
});

test('nothing is planned where each chunk has its copies on nodes that are online, and no more', t => {
	fc.assert(
		fc.property(caseArbitrary, ({network, chunks, chance}) => {
			const well = chunks.filter(({shards, scheme}) => {
				return presentOf(network, shards).length === wantedShards(scheme) && shards.length === wantedShards(scheme);
			});
			t.deepEqual(
				planRepair(stateOf(network, ...well), NOW, () => chance),
				{copies: [], trims: [], blocked: []},
			);
		}),
		{numRuns: 500},
	);
});

/** Carries a plan out on the model, as the worker does. */
const carryOut = (state: RepairState, now: number, random: () => number): ChunkRecord[] => {
	const {copies, trims} = planRepair(state, now, random);
	return state.chunks.map(chunk => {
		const copy = copies.find(each => each.chunk === chunk);
		if (copy) return {...chunk, shards: withCopies(chunk, {digest, made: copy.targets}, state, now).shards};
		const trim = trims.find(each => each.chunk === chunk);
		return trim ? {...chunk, shards: trim.keep} : chunk;
	});
};

test('carried out, plans come to an end at which nothing is left that can be done', t => {
	fc.assert(
		fc.property(caseArbitrary, ({network, chunks, chance}) => {
			let left = chunks;
			const later = NOW + GRACE_MS;
			for (let step = 0; step < 5; step++) left = carryOut(stateOf(network, ...left), later, () => chance);
			const end = planRepair(stateOf(network, ...left), later, () => chance);
			t.deepEqual(end.copies, []);
			t.deepEqual(end.trims, []);
			for (const chunk of left) {
				const present = presentOf(network, chunk.shards).length;
				const isBlocked = end.blocked.some(blocked => blocked.chunk === chunk);
				const isAwaited = chunk.shards.some(
					({node}) => Object.values(network).find(({id}) => id === node)?.presence === 'awaited',
				);
				t.true(present === wantedShards(chunk.scheme) || isBlocked || isAwaited);
			}
		}),
		{numRuns: 1000},
	);
});
