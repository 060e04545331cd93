import type {MoveReason} from '../../source/protocol/healing-api.js';
import type {Digest, NodeId} from '../../source/protocol/ids.js';
import {onDiskBytes} from './limits.js';
import type {ChunkRecord, ShardRecord} from './model.js';
import {type Candidate, crowdingIn} from './place.js';
import {
	bySource,
	needOf,
	type Obstacle,
	planRepair,
	type RepairNode,
	type RepairView,
	sizeOfShard,
	targetsOf,
} from './repair.js';

/** A node as moves see it. */
export type MoveNode = RepairNode & {
	allocatedBytes: number;
	/** With what is on its way to it. */
	usedBytes: number;
	/** What of it is being moved away, or was a moment ago: used bytes may or may not have it still. */
	leavingBytes: number;
	/** Whether it gives the room of a shard back that it no longer needs: the prototype's nodes don't. */
	canFree: boolean;
};

export type MoveView = Omit<RepairView, 'node'> & {node: (id: NodeId) => MoveNode | undefined};

/** Why shards of a node are to go elsewhere. */
export type Errand = {
	from: NodeId;
	reason: MoveReason;
	/** `balance`: how much less full than this node, as a share of what is allocated, another must be. */
	gap?: number;
};

/** A shard that is to be another node's: copied there first, then dropped from where it was. About its chunk's revision. */
export type Move = {
	chunk: ChunkRecord;
	digest: Digest;
	from: NodeId;
	to: NodeId;
	reason: MoveReason;
	/** Nodes with a sound copy, the least busy first. */
	sources: NodeId[];
};

/** From how much more full than the emptiest a node is relieved, and down to where: so that it does not go to and fro. */
const BEGIN_GAP = 0.1;
const END_GAP = 0.05;

/** The share of what a node allocates that is used at most, as what goes to it has to count. */
export const fillOf = ({usedBytes, allocatedBytes}: MoveNode, moreBytes = 0): number =>
	allocatedBytes > 0 ? (usedBytes + moreBytes) / allocatedBytes : 1;

/** What is used at least, as what goes off it has to count. Were both the same, a node would be relieved of too much. */
const leastUsed = ({usedBytes, leavingBytes}: MoveNode): number => Math.max(0, usedBytes - leavingBytes);

const leastFillOf = (node: MoveNode): number => fillOf({...node, usedBytes: leastUsed(node)});

const isThere = ({presence}: RepairNode) => presence === 'online';

/** Whether a node has more than it is allowed, and can do something about it. */
const isOverfull = (node: MoveNode): boolean =>
	isThere(node) && !node.isDraining && node.canFree && leastUsed(node) > node.allocatedBytes;

/**
The nodes that are to be relieved of shards: those that are drained, that have more than they are allowed, and, the
fullest first, those that are much fuller than the emptiest one. What is moved within a chunk for its spread is not here:
that only its nodes' zones tell. Costs by the number of nodes.

@param candidates - Nodes that can take shards.
@param isBalancing - Whether the last answer had a node to be relieved for balance.
*/
export const errandsOf = (
	nodes: readonly MoveNode[],
	candidates: readonly MoveNode[],
	isBalancing: boolean,
): Errand[] => {
	const drains = nodes.filter(({isDraining}) => isDraining).map(({id}) => ({from: id, reason: 'drain'}) as const);
	const shrinks = nodes.filter(isOverfull).map(({id}) => ({from: id, reason: 'shrink'}) as const);
	const emptiest = candidates.reduce((least, node) => Math.min(least, fillOf(node)), Infinity);
	const gap = isBalancing ? END_GAP : BEGIN_GAP;
	const full = nodes
		.filter(node => isThere(node) && node.canFree && !node.isDraining && !isOverfull(node))
		.map(node => ({id: node.id, fill: leastFillOf(node)}))
		.filter(({fill}) => fill - emptiest > gap)
		.sort((a, b) => b.fill - a.fill);
	return [...drains, ...shrinks, ...full.map(({id}) => ({from: id, reason: 'balance', gap: END_GAP}) as const)];
};

const othersOf = (chunk: ChunkRecord, from: NodeId): ShardRecord[] => chunk.shards.filter(({node}) => node !== from);

const nodesOf = (shards: readonly ShardRecord[], view: MoveView): MoveNode[] =>
	shards.flatMap(({node}) => view.node(node) ?? []);

/** What a move that nobody needs must make better, and what it must not make worse. */
const isGain = (
	chunk: ChunkRecord,
	{from, reason, gap = END_GAP}: Errand,
	view: MoveView,
): ((target: Candidate) => boolean) => {
	const source = view.node(from);
	if (reason === 'drain' || reason === 'shrink') return () => true;
	if (!source) return () => false;
	const others = nodesOf(othersOf(chunk, from), view);
	const now = crowdingIn(source, others);
	const bytes = onDiskBytes(sizeOfShard(chunk));
	const fill = leastFillOf(source);
	const fillThen = leastFillOf({...source, leavingBytes: source.leavingBytes + bytes});
	return candidate => {
		const then = crowdingIn(candidate, others);
		if (reason === 'spread') return then.sameZone < now.sameZone;
		const target = view.node(candidate.id);
		if (!target || then.sameZone > now.sameZone || then.sameOwner > now.sameOwner) return false;
		return fill - fillOf(target) > gap && fillOf(target, bytes) <= fillThen;
	};
};

/** Sound copies on nodes that are online, the least busy first. */
const sourcesOf = (chunk: ChunkRecord, view: MoveView): NodeId[] =>
	nodesOf(
		chunk.shards.filter(({fault}) => !fault),
		view,
	)
		.filter(isThere)
		.sort(bySource)
		.map(({id}) => id);

/**
Whether a chunk is to be touched: what is short of copies, or has too many, is repair's. What nobody needs waits besides
until all of its copies are there.
*/
export const mayMove = (chunk: ChunkRecord, {from, reason}: Errand, view: RepairView, now: number): boolean => {
	if (!chunk.shards.some(({node}) => node === from)) return false;
	const {kind} = needOf(chunk, view, now);
	return kind === 'well' || (kind === 'wait' && (reason === 'drain' || reason === 'shrink'));
};

/**
Decides where a node's shard of a chunk goes: as well apart from the others as can be, and where nothing forces it, no
worse than it is. Changes nothing.

@returns Why it can't go though it should; `undefined` where it should stay, or is repair's.
*/
export const planMove = (
	chunk: ChunkRecord,
	errand: Errand,
	view: MoveView,
	now: number,
	random: () => number,
): Move | Obstacle | undefined => {
	const {from, reason} = errand;
	const isForced = reason === 'drain' || reason === 'shrink';
	if (!mayMove(chunk, errand, view, now)) {
		// What keeps a copy from being made keeps the shard from being moved.
		return isForced ? planRepair({...view, chunks: [chunk]}, now, random).blocked[0]?.reason : undefined;
	}

	const sources = sourcesOf(chunk, view);
	const digest = chunk.shards[0]?.digest;
	if (sources.length === 0 || digest === undefined) return isForced ? 'no-source' : undefined;
	const rest = {...chunk, shards: othersOf(chunk, from)};
	const source = view.node(from);
	// Nothing could be better apart.
	if (reason === 'spread' && source && crowdingIn(source, nodesOf(rest.shards, view)).sameZone === 0) return undefined;
	const gains = isGain(chunk, errand, view);
	const isFree = (candidate: Candidate) => candidate.id !== from && gains(candidate);
	// A node that is a little over its allocation for it would have to move it on.
	const roomBytes = onDiskBytes(sizeOfShard(chunk));
	const accepts = (candidate: Candidate) => candidate.freeBytes >= roomBytes && isFree(candidate);
	const [to] = targetsOf(rest, 1, view, random, {accepts, isEasy: reason === 'balance'});
	if (to) return {chunk, digest, from, to: to.id, reason, sources};
	if (!isForced) return undefined;
	const held = new Set(rest.shards.filter(({fault}) => !fault).map(({node}) => node));
	return view.pool.all().some(candidate => isFree(candidate) && !held.has(candidate.id)) ? 'no-space' : 'too-few-nodes';
};

/** The shards of a chunk once one was copied to its new node. There are as many copies as before, never fewer. */
export const withMove = (
	{chunk, digest, from, to}: Move,
	now: number,
): {shards: ShardRecord[]; dropped: ShardRecord[]} => ({
	shards: [...chunk.shards.filter(({node}) => node !== from && node !== to), {digest, node: to, verifiedAt: now}],
	dropped: chunk.shards.filter(({node}) => node === from),
});
