import {type Digest, type NodeId, uploadedAtOf} from '../../source/protocol/ids.js';
import {SEAL_TAG_BYTES} from '../../source/protocol/seal.js';
import {type ChunkRecord, type ShardRecord, wantedShards} from './model.js';
import {type Candidate, crowding, placeAmong, type Pool, poolOf, type PoolPlacement} from './place.js';

/**
A node as repair sees it. `awaited`: not there, but it may be for now: it is in maintenance, or was not heard of since the
coordinator started and is given time to be. `away`: gone since `since`. `barred`: there, but since then its copies don't count.
*/
export type RepairNode = Candidate & {
	presence: 'online' | 'awaited' | 'away' | 'barred';
	since: number;
	/** Whether it is being emptied: of more copies than wanted, its own goes first. */
	isDraining?: boolean;
	/** Whether it is read only where no other can be. */
	isLastResort?: boolean;
};

export type RepairView = {
	node: (id: NodeId) => RepairNode | undefined;
	/** The nodes that can take a shard now. */
	pool: Pool;
	/** How long a lost copy is waited for while more than one is left. */
	graceMs: number;
};

/** Why a chunk that is short of copies can't be repaired now. */
export type Obstacle = 'no-source' | 'too-few-nodes' | 'no-space';

/**
What a chunk needs. `copies`: its sound copies on nodes that are online. `wait`: nothing before `dueAt`, unless something
changes; a chunk that waits and is not short has only a record of a copy that is away.
*/
export type Need =
	| {kind: 'well'}
	| {kind: 'wait'; copies: number; dueAt: number; isShort: boolean}
	| {kind: 'copy'; copies: number; count: number}
	| {kind: 'trim'; copies: number};

export type CopyPlan = {
	chunk: ChunkRecord;
	copies: number;
	digest: Digest;
	/** Nodes with a sound copy, the least busy first; where there is none, nodes that are there and not trusted. */
	sources: NodeId[];
	targets: NodeId[];
};
export type TrimPlan = {chunk: ChunkRecord; keep: ShardRecord[]; drop: ShardRecord[]};
export type Blocked = {chunk: ChunkRecord; copies: number; reason: Obstacle};

/** What is to be done now, the chunks with the fewest copies first. A plan is about its chunks' revisions. */
export type RepairPlan = {copies: CopyPlan[]; trims: TrimPlan[]; blocked: Blocked[]};

export type RepairState = RepairView & {chunks: readonly ChunkRecord[]};

export const sizeOfShard = (chunk: ChunkRecord) => chunk.sizeBytes + SEAL_TAG_BYTES;

/** When a copy stopped counting; `undefined` where it counts, or may yet. */
const lostAt = ({node, fault}: ShardRecord, view: RepairView): number | undefined => {
	if (fault) return fault.at;
	const holder = view.node(node);
	if (!holder) return 0;
	return holder.presence === 'online' || holder.presence === 'awaited' ? undefined : holder.since;
};

const sort = (chunk: ChunkRecord, view: RepairView, now: number) => {
	const wanted = wantedShards(chunk.scheme);
	const counting = chunk.shards.filter(shard => lostAt(shard, view) === undefined);
	const isOnline = ({node}: ShardRecord) => view.node(node)?.presence === 'online';
	const present = counting.filter(isOnline);
	const losses = chunk.shards.flatMap(shard => {
		const at = lostAt(shard, view);
		return at === undefined ? [] : [{shard, dueAt: at + view.graceMs}];
	});
	// A copy that an upload could not make was lost when the upload was.
	const unmade = Math.max(0, wanted - chunk.shards.length);
	const unmadeDueAt = uploadedAtOf(chunk.file) + view.graceMs;
	const dues = [...losses.map(({dueAt}) => dueAt), ...Array.from({length: unmade}, () => unmadeDueAt)];
	return {
		wanted,
		present,
		awaited: counting.length - present.length,
		gone: losses.filter(({dueAt}) => dueAt <= now).map(({shard}) => shard),
		napping: dues.filter(dueAt => dueAt > now),
	};
};

/** How many copies are to be made now: what is surely lost, and at once a second where there is only one. */
const copiesNeeded = ({wanted, present, awaited, napping}: ReturnType<typeof sort>): number => {
	const there = present.length + awaited;
	const lost = wanted - there - napping.length;
	const urgent = Math.min(2, wanted) - there;
	return Math.max(0, lost, urgent);
};

export const needOf = (chunk: ChunkRecord, view: RepairView, now: number): Need => {
	const sorted = sort(chunk, view, now);
	const {wanted, present, gone, napping} = sorted;
	const copies = present.length;
	const count = copiesNeeded(sorted);
	if (count > 0) return {kind: 'copy', copies, count};
	if (copies > wanted || (copies === wanted && gone.length > 0)) return {kind: 'trim', copies};
	if (napping.length > 0) return {kind: 'wait', copies, dueAt: Math.min(...napping), isShort: copies < wanted};
	return {kind: 'well'};
};

const holdersOf = (shards: readonly ShardRecord[], view: RepairView): RepairNode[] =>
	shards.flatMap(({node}) => view.node(node) ?? []);

/**
Where the missing copies go: never to a node that has one, away or not; to one whose copy went bad only where there is
no other.
*/
export const targetsOf = (
	chunk: ChunkRecord,
	count: number,
	view: RepairView,
	random: () => number,
	{accepts = () => true, isEasy = false}: Pick<PoolPlacement, 'accepts' | 'isEasy'> = {},
): Candidate[] => {
	const sizeBytes = sizeOfShard(chunk);
	const sound = chunk.shards.filter(({fault}) => !fault);
	const bad = new Set(chunk.shards.filter(({fault}) => fault).map(({node}) => node));
	const holders: Candidate[] = holdersOf(sound, view);
	const held = new Set(sound.map(({node}) => node));
	const isFree = (candidate: Candidate) => !held.has(candidate.id) && accepts(candidate);
	const draw = (pool: Pool, most: number, isMeant: (candidate: Candidate) => boolean) =>
		placeAmong({pool, count: most, sizeBytes, holders: [...holders], random, isEasy, accepts: isMeant});
	const chosen = draw(view.pool, count, candidate => isFree(candidate) && !bad.has(candidate.id));
	if (chosen.length === count || bad.size === 0) return chosen;
	holders.push(...chosen);
	const rest = poolOf(view.pool.all().filter(({id}) => bad.has(id)));
	return [...chosen, ...draw(rest, count - chosen.length, isFree)];
};

/** Who is to be read from first: those that do not mind, then those with less to do. */
export const bySource = (a: RepairNode, b: RepairNode): number =>
	Number(a.isLastResort ?? false) - Number(b.isLastResort ?? false) || a.inFlight - b.inFlight;

const planCopy = (chunk: ChunkRecord, count: number, view: RepairView, random: () => number): CopyPlan | Obstacle => {
	const present = chunk.shards.filter(
		shard => lostAt(shard, view) === undefined && view.node(shard.node)?.presence === 'online',
	);
	// A copy that does not count is better than none to read from: what is read is checked.
	const barred = chunk.shards.filter(({node, fault}) => !fault && view.node(node)?.presence === 'barred');
	const readable = present.length > 0 ? present : barred;
	const sources = holdersOf(readable, view).sort(bySource);
	const [first] = readable;
	if (!first) return 'no-source';
	const targets = targetsOf(chunk, count, view, random);
	if (targets.length > 0) {
		return {
			chunk,
			copies: present.length,
			digest: first.digest,
			sources: sources.map(({id}) => id),
			targets: targets.map(({id}) => id),
		};
	}

	const held = new Set(chunk.shards.filter(({fault}) => !fault).map(({node}) => node));
	return view.pool.all().some(({id}) => !held.has(id)) ? 'no-space' : 'too-few-nodes';
};

/** How much in the way of a good spread a holder is. */
const crowdingOf = (node: Candidate, all: readonly Candidate[]): number =>
	crowding(
		node,
		all.filter(other => other !== node),
	);

/** Which of these holders can best be done without: the most crowded, then the fullest. */
const leastWanted = (holders: readonly RepairNode[]): RepairNode | undefined =>
	[...holders].sort(
		(a, b) =>
			Number(b.isDraining ?? false) - Number(a.isDraining ?? false) ||
			crowdingOf(b, holders) - crowdingOf(a, holders) ||
			a.freeBytes - b.freeBytes ||
			(a.id < b.id ? -1 : 1),
	)[0];

const planTrim = (chunk: ChunkRecord, view: RepairView, now: number): TrimPlan => {
	const {wanted, present, gone} = sort(chunk, view, now);
	let holders = holdersOf(present, view);
	const drop = new Set(gone);
	while (holders.length > wanted) {
		const surplus = leastWanted(holders);
		holders = holders.filter(holder => holder !== surplus);
		for (const shard of present) if (shard.node === surplus?.id) drop.add(shard);
	}

	return {chunk, keep: chunk.shards.filter(shard => !drop.has(shard)), drop: [...drop]};
};

/** Decides what is to be done about chunks that may need something. It changes nothing. */
export const planRepair = (state: RepairState, now: number, random: () => number): RepairPlan => {
	const plan: RepairPlan = {copies: [], trims: [], blocked: []};
	for (const chunk of state.chunks) {
		const need = needOf(chunk, state, now);
		if (need.kind === 'trim') plan.trims.push(planTrim(chunk, state, now));
		if (need.kind !== 'copy') continue;
		const copy = planCopy(chunk, need.count, state, random);
		if (typeof copy === 'string') plan.blocked.push({chunk, copies: need.copies, reason: copy});
		else plan.copies.push(copy);
	}

	plan.copies.sort((a, b) => a.copies - b.copies);
	return plan;
};

/**
The shards of a chunk once copies were made on these nodes: what is surely lost is forgotten as soon as there are enough
without it.
*/
export const withCopies = (
	chunk: ChunkRecord,
	{digest, made}: {digest: Digest; made: readonly NodeId[]},
	view: RepairView,
	now: number,
): {shards: ShardRecord[]; dropped: ShardRecord[]} => {
	const {wanted, present, gone} = sort(chunk, view, now);
	const isEnough = present.length + made.length >= wanted;
	const replaced = chunk.shards.filter(({node}) => made.includes(node));
	const dropped = isEnough ? gone.filter(shard => !replaced.includes(shard)) : [];
	const kept = chunk.shards.filter(shard => !replaced.includes(shard) && !dropped.includes(shard));
	return {shards: [...kept, ...made.map(node => ({digest, node, verifiedAt: now}))], dropped};
};
