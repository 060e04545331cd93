import test from 'ava';
import type {Digest, FileId, NodeId} from '../../source/protocol/ids.js';
import {chunkOf, digestOf, fileIdOf, fileOf, nodeIdOf, nodeOf, removalAt} from '../ports/catalog-samples.suite.js';
import {alwaysInvariants, checkAlways, checkAtRest, type Invariant, restInvariants} from './check.js';
import {
	checkChange,
	checkChunkRemoved,
	checkCopy,
	checkForgotten,
	checkRemovalDropped,
	checkRemoved,
} from './check-changes.js';
import type {DiskTruth, NetworkTruth} from './network-truth.js';
import type {ChunkRecord, FileRecord, NodeRecord, RemovalRecord} from './model.js';

type Disk = Omit<DiskTruth, 'isLost' | 'taken' | 'isOld' | 'isOverdue'> & {
	isLost: boolean;
	shards: Map<Digest, 'right' | 'wrong'>;
	taken: Set<Digest>;
	isOld: DiskTruth['isOld'];
	isOverdue: NonNullable<DiskTruth['isOverdue']>;
};

const diskWith = (shards: Disk['shards']): Disk => ({
	isLost: false,
	shards,
	state: digest => shards.get(digest),
	digests: () => shards.keys(),
	taken: new Set(),
	isOld: () => true,
	isOverdue: () => false,
});

type State = Omit<NetworkTruth, 'files' | 'chunks' | 'nodes' | 'removals' | 'disks' | 'acknowledged'> & {
	files: Map<FileId, FileRecord>;
	chunks: ChunkRecord[];
	nodes: Map<NodeId, NodeRecord>;
	removals: RemovalRecord[];
	disks: Map<NodeId, Disk>;
	acknowledged: Map<FileId, number>;
};

const TRASH_MS = 1000;
const digest = digestOf(1000);

/** A network at rest: one acknowledged file with a chunk on the first three of four nodes, each in its own zone. */
const atRest = (): State => {
	const numbers = [1, 2, 3, 4];
	return {
		now: 1_700_000_100_000,
		files: new Map([[fileIdOf(1), fileOf(1)]]),
		chunks: [chunkOf(1, 0)],
		nodes: new Map(numbers.map(number => [nodeIdOf(number), nodeOf(number, {zone: `zone ${number}`})])),
		removals: [],
		disks: new Map(numbers.map(number => [nodeIdOf(number), diskWith(new Map(number < 4 ? [[digest, 'right']] : []))])),
		acknowledged: new Map([[fileIdOf(1), 1]]),
	};
};

const broken = (state: NetworkTruth): Invariant[] => [
	...new Set([...checkAlways(state), ...checkAtRest(state, TRASH_MS)].map(({invariant}) => invariant)),
];

const diskOf = (state: State, number: number): Disk => {
	const disk = state.disks.get(nodeIdOf(number));
	if (!disk) throw new Error('there is no such disk');
	return disk;
};

const changeNode = (state: State, number: number, fields: Partial<NodeRecord>) => {
	state.nodes.set(nodeIdOf(number), nodeOf(number, {zone: `zone ${number}`, ...fields}));
};

test('a network at rest breaks nothing', t => {
	t.deepEqual(broken(atRest()), []);
});

/** How each invariant alone is broken. Where another cannot but break with it, that is said. */
const ways: Record<
	(typeof alwaysInvariants | typeof restInvariants)[number],
	{spoil: (state: State) => void; too?: Invariant[]}
> = {
	'file-recorded': {
		spoil: state => state.files.clear(),
		too: ['no-leftover-chunks'],
	},
	'chunks-recorded': {
		spoil(state) {
			state.chunks.length = 0;
			for (const disk of state.disks.values()) disk.shards.clear();
		},
	},
	'chunk-kept': {
		spoil(state) {
			for (const disk of state.disks.values()) if (disk.shards.has(digest)) disk.shards.set(digest, 'wrong');
		},
		too: ['full-redundancy'],
	},
	'one-shard-a-node': {
		spoil: state => (state.chunks = [chunkOf(1, 0, [1, 2, 2])]),
		too: ['best-spread', 'no-orphans'],
	},
	'record-true': {
		spoil: state => diskOf(state, 1).shards.clear(),
		too: ['full-redundancy'],
	},
	'bad-found': {
		spoil(state) {
			diskOf(state, 1).shards.set(digest, 'wrong');
			diskOf(state, 1).isOverdue = () => true;
		},
		too: ['full-redundancy'],
	},
	'strangers-kept': {
		spoil: state => (state.strangers = [{node: nodeIdOf(4), digest: digestOf(7), keptUntil: state.now + 1}]),
	},
	'full-redundancy': {
		spoil(state) {
			diskOf(state, 1).shards.clear();
			diskOf(state, 1).taken.add(digest);
		},
	},
	'no-surplus': {
		spoil(state) {
			state.chunks = [chunkOf(1, 0, [1, 2, 3, 4])];
			diskOf(state, 4).shards.set(digest, 'right');
		},
	},
	'best-spread': {
		spoil: state => changeNode(state, 3, {zone: 'zone 2'}),
	},
	'no-leftover-chunks': {
		spoil: state => state.chunks.push(chunkOf(2, 0, [])),
	},
	'no-orphans': {
		spoil: state => diskOf(state, 4).shards.set(digestOf(7), 'right'),
	},
	'no-removals': {
		spoil: state => state.removals.push(removalAt(4, 7)),
	},
	'no-leftovers': {
		spoil(state) {
			state.unwanted = [{node: nodeIdOf(4), digest: digestOf(7)}];
			diskOf(state, 4).shards.set(digestOf(7), 'right');
			diskOf(state, 4).isOld = () => false;
		},
	},
	'drained-empty': {
		spoil: state => changeNode(state, 1, {drain: {startedAt: 1, by: '', shards: 1, leaves: false}}),
	},
	'trash-purged': {
		spoil: state => state.files.set(fileIdOf(2), fileOf(2, {trashed: {at: 1, by: ''}})),
	},
	'nobody-suspended': {
		spoil: state => changeNode(state, 4, {suspension: {since: 1, reason: 'missing', passesLeft: 1}}),
	},
};

for (const invariant of [...alwaysInvariants, ...restInvariants]) {
	test(`what breaks ${invariant} is found`, t => {
		const state = atRest();
		const {spoil, too = []} = ways[invariant];
		spoil(state);
		t.deepEqual(broken(state).sort(), [invariant, ...too].sort());
	});
}

test('a shard that a fault took breaks no invariant of every moment while another has the bytes', t => {
	const state = atRest();
	diskOf(state, 1).isLost = true;
	diskOf(state, 2).shards.set(digest, 'wrong');
	t.deepEqual(checkAlways(state), []);
	diskOf(state, 3).isLost = true;
	t.deepEqual(
		checkAlways(state).map(breach => breach.invariant),
		['chunk-kept'],
	);
});

test('shards that nobody counts on are no orphans while they are young, and none on a disk that died', t => {
	const state = atRest();
	diskOf(state, 4).shards.set(digestOf(7), 'right');
	diskOf(state, 4).isOld = () => false;
	t.deepEqual(broken(state), []);
	diskOf(state, 4).isOld = () => true;
	diskOf(state, 4).isLost = true;
	t.deepEqual(broken(state), []);
});

test('an upload is acknowledged only with enough copies that are really there', t => {
	const state = atRest();
	const named = (chunk: ChunkRecord) => checkChange(undefined, chunk, state, 2).map(({invariant}) => invariant);
	t.deepEqual(named(chunkOf(1, 0, [1, 2])), []);
	t.deepEqual(named(chunkOf(1, 0, [1])), ['enough-copies']);
	t.deepEqual(named(chunkOf(1, 0, [1, 4])), ['enough-copies']);
});

test('healing gives a copy up only where there are as many as wanted without it', t => {
	const change = (before: ChunkRecord, after: ChunkRecord) =>
		checkChange(before, after, atRest(), 2).map(({invariant}) => invariant);
	const whole = chunkOf(1, 0, [1, 2, 3]);
	t.deepEqual(change(chunkOf(1, 0, [1, 2, 4]), whole), [], 'a move');
	t.deepEqual(change(chunkOf(1, 0, [1, 2, 3, 4]), whole), [], 'a copy too many');
	t.deepEqual(change(whole, chunkOf(1, 0, [1, 2])), ['never-fewer']);
	const [first, ...rest] = whole.shards;
	const marked = {...whole, shards: [...rest, {...first, fault: {kind: 'missing', at: 1}}]} as ChunkRecord;
	t.deepEqual(change(whole, marked), [], 'what is found bad is no longer counted on');
	t.deepEqual(change(marked, {...whole, shards: rest}), [], 'and forgotten');
});

test('what is counted on anew is not what has been bad for long', t => {
	const state = atRest();
	const disks = new Map([...state.disks].map(([id, disk]) => [id, {...disk, isSeenBad: () => id === nodeIdOf(4)}]));
	const named = (nodes: number[]) =>
		checkChange(chunkOf(1, 0, [1, 2]), chunkOf(1, 0, nodes), {disks}, 2).map(({invariant}) => invariant);
	t.deepEqual(named([1, 2, 3]), []);
	t.deepEqual(named([1, 2, 4]), ['proven']);
	t.deepEqual(
		checkChange(chunkOf(1, 0, [1, 2]), chunkOf(1, 0, [1, 2, 4]), atRest(), 2).map(({invariant}) => invariant),
		['proven'],
		'it is not there at all',
	);
	t.deepEqual(checkChange(chunkOf(1, 0, [1, 4]), chunkOf(1, 0, [1, 4]), {disks}, 2), [], 'that it was counted is old');
});

test("a copy that healing makes is noted before, that of an upload is nobody's yet", t => {
	const copy = {node: nodeIdOf(4), digest};
	const chunk = chunkOf(1, 0);
	t.deepEqual(
		checkCopy(copy, chunk, false).map(({invariant}) => invariant),
		['copy-noted'],
	);
	t.deepEqual(checkCopy(copy, chunk, true), []);
	t.deepEqual(checkCopy(copy, undefined, false), []);
	t.deepEqual(checkCopy({...copy, node: nodeIdOf(1)}, chunk, false), [], 'it is counted on already');
});

test('what a chunk counts on is not removed', t => {
	const removed = {node: nodeIdOf(1), digest};
	const named = (chunk?: ChunkRecord) => checkRemoved(removed, chunk).map(({invariant}) => invariant);
	t.deepEqual(named(chunkOf(1, 0)), ['counted-kept']);
	t.deepEqual(named(chunkOf(1, 0, [2, 3])), []);
	t.deepEqual(named(), []);
});

test('the record of a chunk goes only when the removal of each of its shards is noted, or the shard is gone', t => {
	const state = atRest();
	const chunk = chunkOf(1, 0);
	const named = (isNoted: boolean) => checkChunkRemoved(chunk, state, () => isNoted).map(({invariant}) => invariant);
	t.deepEqual(named(true), []);
	t.deepEqual(named(false), ['removals-noted', 'removals-noted', 'removals-noted']);
	for (const disk of state.disks.values()) disk.shards.clear();
	t.deepEqual(named(false), []);
});

test('a removal is forgotten only when its shard is gone or counted on', t => {
	const state = atRest();
	const removal = {...removalAt(1, 1000), reason: 'deleted'} as const;
	const named = (chunk?: ChunkRecord, isLeft = false, reason: RemovalRecord['reason'] = 'deleted') =>
		checkRemovalDropped({...removal, reason}, state, chunk, () => isLeft).map(({invariant}) => invariant);
	t.deepEqual(named(), ['removals-done']);
	t.deepEqual(named(chunkOf(1, 0, [2, 3])), ['removals-done'], 'others have it');
	t.deepEqual(named(chunkOf(1, 0, [2, 3]), false, 'orphan'), []);
	t.deepEqual(named(chunkOf(1, 0)), []);
	t.deepEqual(named(undefined, true), []);
	diskOf(state, 1).shards.clear();
	t.deepEqual(named(), []);
});

test('a node is forgotten only when no chunk counts on it', t => {
	const named = (nodes: number[]) =>
		checkForgotten(nodeIdOf(1), [chunkOf(1, 0, nodes)]).map(({invariant}) => invariant);
	t.deepEqual(named([2, 3]), []);
	t.deepEqual(named([1, 2, 3]), ['left-empty']);
});

test('a stranger may go once its time is over, or with the disk that it was on', t => {
	const state = atRest();
	state.strangers = [{node: nodeIdOf(4), digest: digestOf(7), keptUntil: state.now}];
	t.deepEqual(broken(state), []);
	state.strangers = [{node: nodeIdOf(4), digest: digestOf(7), keptUntil: state.now + 1}];
	diskOf(state, 4).isLost = true;
	t.deepEqual(broken(state), []);
});

test('what waits for its time, or came with a backup, is neither an orphan nor late', t => {
	const state = atRest();
	state.removals.push({...removalAt(4, 7), notBefore: state.now + 1});
	t.deepEqual(broken(state), []);
	state.removals[0] = {...removalAt(4, 7), reason: 'orphan'};
	diskOf(state, 4).shards.set(digestOf(7), 'right');
	t.deepEqual(broken(state), ['no-removals', 'no-orphans']);
	state.restoredAt = state.now - 1;
	t.deepEqual(broken(state), []);
});

test('a spread is the best one where the other zones have no room', t => {
	const state = atRest();
	changeNode(state, 3, {zone: 'zone 2'});
	changeNode(state, 4, {freeBytes: 600});
	t.deepEqual(broken(state), []);
});
