import type {NodeView, RepairView} from '../client/api.js';
import type {LiveState} from '../client/live-state.js';
import {age, dateTime, span, timeOfDay} from '../console/age.js';
import type {Piece} from '../console/table.js';
import type {ChunkView, RepairObstacle} from '../protocol/api.js';
import {repairReasons} from '../repair-words.js';
import type {ChunkPlace} from './healing-rows.js';
import {moveWords} from './healing-rows.js';
import {drainedPercent, isInMaintenance, isOffHours, suspensionText} from './node-care.js';
import {shardTone, shardWords} from './redundancy.js';

/** Why a chunk is as it is, and what helps: made of what is known of its copies, its nodes and of healing. */

type Shard = ChunkView['shards'][number];

/** A copy of a chunk: how it is, whether it counts, and who can do something about it. */
export type CopyView = Shard & {
	key: string;
	owner: string;
	/** Whether it can be read now and counts as one of those that are wanted. */
	counts: boolean;
	words: Piece;
};

export type ChunkReason = {
	/** In a word or two. */
	state: Piece;
	why: string;
	/** What helps; empty where nothing is to be done. */
	remedy: string;
};

const offlineWords = (node: NodeView, nowMs: number): Piece => {
	const {maintenance} = node;
	if (maintenance && isInMaintenance(node, nowMs))
		return {text: `in maintenance until ${dateTime(maintenance.until)}`, tone: 'warn'};
	if (node.line?.hours && isOffHours(node, nowMs))
		return {text: `away, its hours are ${node.line.hours.text}`, tone: 'warn'};
	const ago = age(nowMs - node.last_seen);
	return {text: `offline, seen ${ago === 'now' ? 'just now' : `${ago} ago`}`, tone: 'bad'};
};

const onlineWords = ({drain}: NodeView): Piece =>
	drain
		? {text: `sound, its node is emptied (${drainedPercent(drain)})`, tone: 'warn'}
		: {text: shardWords('online'), tone: 'ok'};

/** How a copy is. What is known of its node comes before what was last seen of the shard, but for faults. */
const copyWords = ({state}: Shard, node: NodeView | undefined, nowMs: number): Piece => {
	if (node?.banned_at !== undefined) return {text: 'its node is kept out (banned)', tone: 'bad'};
	if (state === 'missing' || state === 'corrupt') return {text: shardWords(state), tone: shardTone(state)};
	if (node?.suspended) return {text: `node suspended: ${suspensionText(node.suspended, nowMs)}`, tone: 'bad'};
	if (!node || state === 'suspended') return {text: shardWords(state), tone: shardTone(state)};
	return state === 'online' ? onlineWords(node) : offlineWords(node, nowMs);
};

/** The copies of a chunk, those that count first. */
export const copiesOf = (chunk: ChunkView, nodes: readonly NodeView[], nowMs: number): readonly CopyView[] =>
	chunk.shards
		.map((shard): CopyView => {
			const node = nodes.find(({node_id: id}) => id === shard.node_id);
			const isTrusted = node?.suspended === undefined && node?.banned_at === undefined;
			return {
				...shard,
				key: `${shard.node_id} ${shard.digest}`,
				owner: node?.owner ?? '',
				counts: shard.state === 'online' && isTrusted,
				words: copyWords(shard, node, nowMs),
			};
		})
		.sort((one, other) => Number(other.counts) - Number(one.counts) || (one.node_name < other.node_name ? -1 : 1));

/** By the minute: nothing paints it anew with each second. */
const dueWords = (ms: number): string => (age(ms) === 'now' ? 'within a minute' : `in ${age(ms)}`);

type About = {chunk: ChunkView; place: ChunkPlace; state: LiveState; nowMs: number};

const isAt =
	({file, index}: ChunkPlace) =>
	(each: {file_id: string; index: number}) =>
		each.file_id === file && each.index === index;

/** The copies that would come back with their nodes, by name. */
const away = ({chunk, state: {nodes = []}, nowMs}: About): string[] =>
	copiesOf(chunk, nodes, nowMs)
		.filter(copy => copy.state === 'offline')
		.map(({node_name: name, owner}) => (owner === '' || owner === name ? name : `${name} (${owner})`));

const ADD_NODE = 'Add a node, or ask a member to give one more';

/** What helps where a chunk can't be repaired now. */
const obstacleRemedy = (reason: RepairObstacle, about: About): string => {
	const names = away(about);
	const back = names.length === 0 ? undefined : `Bring back ${names.join(' or ')}`;
	if (reason === 'no-source')
		return back ?? 'No node has a sound copy any more: only a copy that somebody kept elsewhere helps, uploaded again';
	if (reason === 'no-space') return `${back === undefined ? '' : `${back}. Or: `}${ADD_NODE}`;
	return back === undefined ? 'Add a node' : `${back}, or add a node`;
};

const PAUSED: ChunkReason = {
	state: {text: 'HELD', tone: 'warn', isBold: true},
	why: 'Healing as a whole is paused: nothing is repaired and nothing moved',
	remedy: 'P goes on with it',
};

const isPaused = ({state: {repair, stats}}: About) => (repair?.paused ?? stats?.repair.paused) === true;

const againText = (about: About, dueAt: number | undefined): string => {
	if (isPaused(about)) return '; and healing is paused';
	return dueAt === undefined || dueAt <= about.nowMs ? '' : `. It is tried again ${dueWords(dueAt - about.nowMs)}`;
};

const blocked = (reason: RepairObstacle, about: About, dueAt?: number): ChunkReason => {
	const [why = ''] = repairReasons[reason].split(':');
	return {
		state: {text: 'BLOCKED', tone: 'bad', isBold: true},
		why: `It can't be repaired now, since ${why}${againText(about, dueAt)}`,
		remedy: obstacleRemedy(reason, about),
	};
};

/** It waits for nodes that may come back, or for its turn. */
const waits = (repair: RepairView | undefined, about: About, dueAt?: number): ChunkReason => {
	const names = away(about);
	const state: Piece = {text: 'waiting', tone: 'warn'};
	if (dueAt !== undefined && dueAt > about.nowMs) {
		const grace = repair ? ` (a grace of ${span(repair.grace_ms)})` : '';
		return {
			state,
			why: `Its lost copies may come back${grace}: it is repaired ${dueWords(dueAt - about.nowMs)}`,
			remedy: `${names.length === 0 ? '' : `Bring back ${names.join(' or ')}; or `}R repairs it now`,
		};
	}

	return {
		state,
		why: 'It waits for its turn: chunks with fewer copies come first',
		remedy: 'Nothing is to be done. R has it repaired now',
	};
};

const active = ({place, state: {repair, moves, nodes = []}}: About): ChunkReason | undefined => {
	const nameOf = (id: string) => nodes.find(({node_id: each}) => each === id)?.name ?? id;
	const since = (at: number) => `since ${timeOfDay(at)}`;
	const repairing = repair?.active.find(isAt(place));
	if (repairing) {
		const {from, to, started_at: at} = repairing;
		const what =
			from === null
				? 'Copies too many are forgotten'
				: `It is copied from ${nameOf(from)} to ${to.map(nameOf).join(', ')}`;
		return {state: {text: 'being repaired', tone: 'accent'}, why: `${what}, ${since(at)}`, remedy: ''};
	}

	const moving = moves?.active.find(isAt(place));
	if (!moving) return undefined;
	return {
		state: {text: 'being moved', tone: 'accent'},
		why: `A copy moves from ${nameOf(moving.from)} to ${nameOf(moving.to)}, ${since(moving.started_at)}: ${moveWords[moving.reason]}`,
		remedy: '',
	};
};

/** Without rights to see what is repaired: what the copies themselves say. */
const guess = (about: About, sound: number): ChunkReason => {
	if (sound === 0) return blocked('no-source', about);
	return waits(undefined, about);
};

/** Why a chunk is short of copies and not repaired, or that nothing is wrong with it. */
export const reasonOf = (about: About): ChunkReason => {
	const {chunk, place, state, nowMs} = about;
	const {repair, nodes = []} = state;
	const sound = copiesOf(chunk, nodes, nowMs).filter(({counts}) => counts).length;
	const now = active(about);
	if (now) return now;
	const short = repair?.short.find(isAt(place));
	if (sound >= chunk.wanted && !short) {
		const more = sound > chunk.wanted ? ', and one too many is forgotten soon' : '';
		return {state: {text: 'well', tone: 'ok'}, why: `It has ${sound} of ${chunk.wanted} copies${more}`, remedy: ''};
	}

	if (short && short.reason !== null) return blocked(short.reason, about, short.due_at);
	if (sound === 0) return blocked('no-source', about, short?.due_at);
	if (isPaused(about)) return PAUSED;
	return repair ? waits(repair, about, short?.due_at) : guess(about, sound);
};
