import test from 'ava';
import fc from 'fast-check';
import {chunkIdOf, type Digest, type FileId, type NodeId} from '../../source/protocol/ids.js';
import {type MoveReason, moveReasons} from '../../source/protocol/healing-api.js';
import {onDiskBytes} from './limits.js';
import {type ChunkRecord, schemeOf, soundShards} from './model.js';
import {type Errand, errandsOf, fillOf, type Move, type MoveNode, type MoveView, planMove, withMove} from './moves.js';
import {crowdingIn, poolOf} from './place.js';
import {sizeOfShard} from './repair.js';

const UPLOADED_AT = 1_700_000_000_000;
const GRACE_MS = 900_000;
const NOW = UPLOADED_AT + 100 * GRACE_MS;
const file = `${UPLOADED_AT.toString(16).padStart(12, '0')}${'0'.repeat(20)}` as FileId;
const digest = 'ab'.repeat(32) as Digest;
const nodeId = (number: number) => `pjas-${String(number).padStart(8, '0')}` as NodeId;

const nodeOf = (number: number, node: Partial<MoveNode> = {}): MoveNode => {
	const {allocatedBytes = 1e9, usedBytes = 0} = node;
	return {
		id: nodeId(number),
		zone: `zone ${number}`,
		owner: `owner ${number}`,
		inFlight: 0,
		presence: 'online',
		since: 0,
		canFree: true,
		leavingBytes: 0,
		freeBytes: Math.max(0, allocatedBytes - usedBytes),
		...node,
		allocatedBytes,
		usedBytes,
	};
};

const nodesOf = (...nodes: Partial<MoveNode>[]): MoveNode[] => nodes.map((node, at) => nodeOf(at + 1, node));

const chunkOf = (index: number, holders: readonly number[], change: Partial<ChunkRecord> = {}): ChunkRecord => ({
	_id: chunkIdOf(file, index),
	file,
	index,
	sizeBytes: 1000,
	scheme: schemeOf(3),
	shards: holders.map(holder => ({digest, node: nodeId(holder), verifiedAt: UPLOADED_AT})),
	revision: 1,
	...change,
});

const isCandidate = ({presence, isDraining}: MoveNode) => presence === 'online' && !isDraining;
const candidatesOf = (nodes: readonly MoveNode[]) => nodes.filter(isCandidate);

const viewOf = (nodes: readonly MoveNode[]): MoveView => {
	const known = new Map(nodes.map(node => [node.id, node]));
	return {node: id => known.get(id), pool: poolOf(candidatesOf(nodes)), graceMs: GRACE_MS};
};

const plan = (nodes: readonly MoveNode[], chunk: ChunkRecord, errand: Errand, random = () => 0.5) =>
	planMove(chunk, errand, viewOf(nodes), NOW, random);

const moveOf = (planned: ReturnType<typeof planMove>): Move => {
	if (typeof planned !== 'object') throw new Error(`no move, but ${String(planned)}`);
	return planned;
};

const drainOf = (number: number): Errand => ({from: nodeId(number), reason: 'drain'});
const holders = (chunk: Pick<ChunkRecord, 'shards'>) => chunk.shards.map(({node}) => node).sort();

test('a shard of a node that is drained goes as far from the others as can be', t => {
	const nodes = nodesOf({isDraining: true}, {}, {}, {zone: 'zone 2'}, {});
	const move = moveOf(plan(nodes, chunkOf(0, [1, 2, 3]), drainOf(1)));
	t.is(move.to, nodeId(5));
	t.deepEqual([...move.sources].sort(), [1, 2, 3].map(nodeId));
	t.deepEqual(holders(withMove(move, NOW)), [2, 3, 5].map(nodeId));
	t.deepEqual(holders({shards: withMove(move, NOW).dropped}), [nodeId(1)]);
});

test('the least busy of the sound copies that are online is read', t => {
	const nodes = nodesOf({isDraining: true, inFlight: 2}, {inFlight: 1}, {presence: 'away', since: NOW}, {});
	t.deepEqual(moveOf(plan(nodes, chunkOf(0, [1, 2, 3]), drainOf(1))).sources, [nodeId(2), nodeId(1)]);
	const gone = nodesOf({isDraining: true, presence: 'away', since: NOW}, {}, {}, {});
	t.deepEqual(moveOf(plan(gone, chunkOf(0, [1, 2, 3]), drainOf(1))).sources, [nodeId(2), nodeId(3)]);
});

test('what can’t be moved says why', t => {
	const chunk = chunkOf(0, [1, 2, 3]);
	const three = nodesOf({isDraining: true}, {}, {});
	t.is(plan(three, chunk, drainOf(1)), 'too-few-nodes');
	t.is(plan([...three, nodeOf(4, {freeBytes: 999})], chunk, drainOf(1)), 'no-space');
	const gone = nodesOf(...Array.from({length: 3}, () => ({presence: 'awaited'}) as const), {});
	t.is(plan(gone, chunk, drainOf(1)), 'no-source');
	// Short of copies, and no node to make one on: what keeps repair keeps the drain.
	t.is(plan(nodesOf({isDraining: true}, {}), chunkOf(0, [1, 2]), drainOf(1)), 'too-few-nodes');
});

test('what is short of copies or has too many is left to repair', t => {
	const nodes = nodesOf({isDraining: true}, {}, {presence: 'away', since: NOW - GRACE_MS}, {}, {});
	t.is(plan(nodes, chunkOf(0, [1, 2, 3]), drainOf(1)), undefined);
	t.is(plan(nodesOf({isDraining: true}, {}, {}, {}, {}), chunkOf(0, [1, 2, 3, 4]), drainOf(1)), undefined);
	const napping = nodesOf({isDraining: true}, {}, {presence: 'away', since: NOW - 1}, {}, {});
	t.truthy(plan(napping, chunkOf(0, [1, 2, 3]), drainOf(1)), 'a nap of another holds no drain up');
	t.is(plan(napping, chunkOf(0, [1, 2, 3]), {from: nodeId(1), reason: 'balance'}), undefined);
});

test('zones that a chunk shares are mended where another has room, and only then', t => {
	const errand: Errand = {from: nodeId(1), reason: 'spread'};
	const shared = nodesOf({zone: 'house'}, {zone: 'house'}, {}, {});
	t.is(moveOf(plan(shared, chunkOf(0, [1, 2, 3]), errand)).to, nodeId(4));
	t.is(plan(nodesOf({}, {}, {}, {}), chunkOf(0, [1, 2, 3]), errand), undefined);
	t.is(plan(nodesOf({zone: 'house'}, {zone: 'house'}, {}), chunkOf(0, [1, 2, 3]), errand), undefined);
	const full = nodesOf({zone: 'house'}, {zone: 'house'}, {}, {freeBytes: 0});
	t.is(plan(full, chunkOf(0, [1, 2, 3]), errand), undefined);
	const alike = nodesOf({zone: 'house'}, {zone: 'house'}, {}, {zone: 'zone 3'});
	t.is(plan(alike, chunkOf(0, [1, 2, 3]), errand), undefined);
});

test('balance begins where a node is much fuller than the emptiest, and goes on until it hardly is', t => {
	const errands = (used: number[], isBalancing: boolean) => {
		const nodes = nodesOf(...used.map(usedBytes => ({allocatedBytes: 1000, usedBytes})));
		return errandsOf(nodes, nodes, isBalancing).map(({from}) => from);
	};
	t.deepEqual(errands([600, 700, 595], false), [nodeId(2)]);
	t.deepEqual(errands([600, 690, 595], false), []);
	t.deepEqual(errands([600, 690, 595], true), [nodeId(2)]);
	t.deepEqual(errands([600, 640, 595], true), []);
	t.deepEqual(errands([300, 800, 100], false), [nodeId(2), nodeId(1)], 'the fullest first');
});

test('a node that has more than it is allowed is relieved, where that gives room; a drained one before', t => {
	const over = {allocatedBytes: 1000, usedBytes: 1200};
	const nodes = nodesOf(over, {...over, canFree: false}, {...over, presence: 'away'}, {...over, isDraining: true}, {});
	t.deepEqual(errandsOf(nodes, [], false), [
		{from: nodeId(4), reason: 'drain'},
		{from: nodeId(1), reason: 'shrink'},
	]);
});

/** All ways to take `count` of what each list has to offer. */
const product = function* <T>(choices: readonly T[], count: number): Generator<T[]> {
	if (count === 0) {
		yield [];
		return;
	}

	for (const rest of product(choices, count - 1)) for (const choice of choices) yield [choice, ...rest];
};

const states: Partial<MoveNode>[] = [
	{zone: 'a', allocatedBytes: 100_000, usedBytes: 90_000},
	{zone: 'b', allocatedBytes: 100_000, usedBytes: 10_000},
	{zone: 'b', allocatedBytes: 100_000, usedBytes: 50_000, isDraining: true},
	{zone: 'c', allocatedBytes: 100_000, usedBytes: 10_000, presence: 'away', since: NOW - 1},
	{zone: 'c', allocatedBytes: 100_000, usedBytes: 90_000, presence: 'awaited'},
	{zone: 'c', allocatedBytes: 10_000, usedBytes: 20_000},
];

/** What every move must keep to, whatever brought it about. */
const assertSound = (move: Move, nodes: readonly MoveNode[]): string | undefined => {
	const {chunk, from, to, reason, sources} = move;
	const view = viewOf(nodes);
	const target = view.node(to);
	const after = {...chunk, shards: withMove(move, NOW).shards};
	if (!target || !isCandidate(target) || to === from) return 'its target takes no shards';
	if (target.freeBytes < onDiskBytes(sizeOfShard(chunk))) return 'its target lacks the room';
	if (new Set(holders(after)).size !== after.shards.length) return 'two copies on a node';
	if (soundShards(after).length < soundShards(chunk).length) return 'fewer copies';
	if (holders(after).includes(from)) return 'the shard is where it was';
	if (sources.some(id => view.node(id)?.presence !== 'online')) return 'a source is not there';
	const others = chunk.shards.flatMap(({node}) => (node === from ? [] : (view.node(node) ?? [])));
	const source = view.node(from);
	if (!source || reason === 'drain' || reason === 'shrink') return undefined;
	const [then, now] = [crowdingIn(target, others), crowdingIn(source, others)];
	if (then.sameZone > now.sameZone) return 'its zones are worse';
	return reason === 'balance' && then.sameOwner > now.sameOwner ? 'its owners are worse' : undefined;
};

test('no move of any small network leaves fewer copies, two on a node, or a worse spread without need', t => {
	const wrong: string[] = [];
	let [moves, stays] = [0, 0];
	for (const nodes of product(states, 4)) {
		const network = nodesOf(...nodes.map(node => ({...node, owner: node.zone ?? ''})));
		for (const held of [[1], [1, 2], [1, 2, 3], [1, 2, 3, 4]]) {
			for (const reason of moveReasons) {
				const planned = plan(network, chunkOf(0, held), {from: nodeId(1), reason});
				if (typeof planned !== 'object') {
					stays++;
					continue;
				}

				moves++;
				const problem = assertSound(planned, network);
				if (problem) wrong.push(`${problem}: ${reason} ${held.join()} ${JSON.stringify(nodes)}`);
			}
		}
	}

	t.deepEqual(wrong, []);
	t.true(moves > 500 && stays > 500, `${moves} moves, ${stays} stays`);
});

const randomOf = (seed: number) => () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;

/** Carries a move out: in the chunks, and in what the nodes say of themselves. */
const apply = (move: Move, chunks: ChunkRecord[], nodes: MoveNode[]) => {
	const bytes = onDiskBytes(sizeOfShard(move.chunk));
	const at = chunks.indexOf(move.chunk);
	chunks[at] = {...move.chunk, shards: withMove(move, NOW).shards};
	for (const [index, node] of nodes.entries()) {
		const change = node.id === move.to ? bytes : node.id === move.from ? -bytes : 0;
		const usedBytes = node.usedBytes + change;
		nodes[index] = {...node, usedBytes, freeBytes: Math.max(0, node.allocatedBytes - usedBytes)};
	}
};

/** All that is to be done in a network, one move after the other, until there is none left. */
const settle = (chunks: ChunkRecord[], nodes: MoveNode[], random: () => number, mostMoves: number): Move[] => {
	const done: Move[] = [];
	let isBalancing = false;
	const nextMove = (): Move | undefined => {
		const errands = errandsOf(nodes, candidatesOf(nodes), isBalancing);
		isBalancing = errands.some(({reason}) => reason === 'balance');
		const spreads = nodes.map(({id}) => ({from: id, reason: 'spread'}) as const);
		for (const errand of [...errands, ...spreads]) {
			for (const chunk of chunks) {
				const planned = plan(nodes, chunk, errand, random);
				if (typeof planned === 'object') return planned;
			}
		}

		return undefined;
	};

	for (let move = nextMove(); move; move = nextMove()) {
		const problem = assertSound(move, nodes);
		if (problem) throw new Error(problem);
		apply(move, chunks, nodes);
		done.push(move);
		if (done.length > mostMoves) throw new Error(`it does not end: ${done.map(({reason}) => reason).join(' ')}`);
	}

	return done;
};

const networks = fc.record({
	nodes: fc.array(
		fc.record({
			zone: fc.constantFrom('a', 'b', 'c', 'd'),
			owner: fc.constantFrom('x', 'y', 'z'),
			allocatedBytes: fc.constantFrom(50_000, 100_000, 400_000),
			isDraining: fc.boolean(),
		}),
		{minLength: 4, maxLength: 8},
	),
	chunks: fc.array(
		fc.record({
			sizeBytes: fc.constantFrom(100, 9000, 20_000),
			first: fc.nat(7),
			skips: fc.array(fc.nat(3), {minLength: 2, maxLength: 2}),
		}),
		{maxLength: 12},
	),
	seed: fc.integer({min: 1, max: 2_000_000_000}),
});

test('all moves that a network asks for come to an end, and never below what there was on the way', t => {
	const seen = new Set<MoveReason>();
	fc.assert(
		fc.property(networks, ({nodes: kinds, chunks: shapes, seed}) => {
			const chunks = shapes.map(({sizeBytes, first, skips}, index) => {
				const places = [0, 1 + (skips[0] ?? 0), 2 + (skips[0] ?? 0) + (skips[1] ?? 0)];
				const held = new Set(places.map(place => ((first + place) % kinds.length) + 1));
				return chunkOf(index, [...held], {sizeBytes, scheme: schemeOf(held.size)});
			});
			const nodes = kinds.map((kind, at) => {
				const mine = chunks.filter(({shards}) => shards.some(({node}) => node === nodeId(at + 1)));
				const usedBytes = mine.reduce((sum, chunk) => sum + onDiskBytes(sizeOfShard(chunk)), 0);
				return nodeOf(at + 1, {...kind, usedBytes});
			});
			const copies = chunks.map(({shards}) => shards.length);
			for (const {reason} of settle(chunks, nodes, randomOf(seed), 400)) seen.add(reason);
			if (chunks.some(({shards}, at) => shards.length !== copies[at])) throw new Error('another number of copies');
			const drained = new Set(nodes.filter(({isDraining}) => isDraining).map(({id}) => id));
			for (const chunk of chunks) {
				for (const {node} of chunk.shards) {
					if (!drained.has(node)) continue;
					const reason = plan(nodes, chunk, {from: node, reason: 'drain'});
					if (reason !== 'no-space' && reason !== 'too-few-nodes')
						throw new Error(`left without a reason: ${JSON.stringify(reason)}`);
				}
			}
		}),
		{numRuns: 300, includeErrorInReport: true},
	);
	t.deepEqual([...seen].sort(), [...moveReasons].sort(), 'every kind of move came up');
});

test('an empty node is filled until it is hardly emptier, and not beyond', t => {
	const chunks = Array.from({length: 60}, (_, index) => chunkOf(index, [1, 2, 3], {sizeBytes: 4000}));
	const bytes = 60 * 4096;
	const nodes = nodesOf(...Array.from({length: 3}, () => ({allocatedBytes: 400_000, usedBytes: bytes})), {
		allocatedBytes: 400_000,
	});
	const moves = settle(chunks, nodes, randomOf(1), 200);
	const fills = nodes.map(node => fillOf(node));
	t.true(Math.max(...fills) - Math.min(...fills) <= 0.05 + 4096 / 400_000, String(fills));
	t.true(moves.length < 60, String(moves.length));
	t.deepEqual(settle(chunks, nodes, randomOf(2), 0), [], 'then all stays where it is');
});
