import type {NodeView, RepairView} from '../client/api.js';
import type {LiveState} from '../client/live-state.js';
import type {OpenedFile} from '../client/opened-files.js';
import {age} from '../console/age.js';
import type {Piece} from '../console/table.js';
import type {MoveReason, MovesView} from '../protocol/healing-api.js';
import {repairReasons} from '../repair-words.js';
import {isOwn, seesAll} from './healing-rights.js';
import {drainedPercent, drainText, isInMaintenance, maintenanceText, suspensionText, wayBackText} from './node-care.js';
import {redundancyPiece} from './file-facts.js';

export type ChunkPlace = {file: string; index: number};

/** What a line of healing leads to. */
export type HealingTarget = {chunk: ChunkPlace} | {node: string} | {file: OpenedFile};

/** Something that is under way, or that waits, and why. */
export type HealingRow = {
	key: string;
	state: Piece;
	/** The name of a file or a node. */
	what: string;
	/** The chunk’s place in its file. */
	chunk: string;
	copies: string;
	detail: string;
	/** Since when, or when at the earliest. */
	when: string;
	target: HealingTarget;
};

/** A member's files that are short of copies: whoever has more of them finds them on the screen of files. */
const MOST_OWN_FILES = 500;

export const moveWords: Record<MoveReason, string> = {
	drain: 'its node is being emptied',
	shrink: 'its node has more than it is allowed',
	spread: 'its copies are too close together',
	balance: 'its node is much fuller than others',
};

type Names = {file: (id: string) => string; node: (id: string) => string};

const ageText = (ms: number) => (age(ms) === 'now' ? 'just now' : `${age(ms)} ago`);
const dueText = (ms: number) => (age(ms) === 'now' ? 'soon' : `in ${age(ms)}`);
const copiesText = (copies: number) => `${copies} left`;

const chunkRow = (
	{file_id: file, index}: {file_id: string; index: number},
	kind: string,
	names: Names,
): Pick<HealingRow, 'key' | 'what' | 'chunk' | 'target'> => ({
	key: `${kind} ${file} ${index}`,
	what: names.file(file),
	chunk: String(index),
	target: {chunk: {file, index}},
});

const waitText = ({reason, due_at: dueAt}: RepairView['short'][number], isPaused: boolean, nowMs: number): string => {
	if (reason !== null) return repairReasons[reason];
	if (isPaused) return 'paused: P goes on with it';
	return dueAt > nowMs ? 'its copies may come back' : 'it waits for its turn';
};

const repairRows = ({active, short, paused}: RepairView, names: Names, nowMs: number) => {
	const repairing = active.map((each): HealingRow => ({
		...chunkRow(each, 'chunk', names),
		state: {text: 'repairing', tone: 'accent'},
		copies: copiesText(each.copies),
		detail:
			each.from === null
				? 'forgets copies too many'
				: `${names.node(each.from)} to ${each.to.map(names.node).join(', ')}`,
		when: ageText(nowMs - each.started_at),
	}));
	const waiting = short.map((each): HealingRow => ({
		...chunkRow(each, 'chunk', names),
		state: each.reason === null ? {text: 'waiting', tone: 'warn'} : {text: 'BLOCKED', tone: 'bad', isBold: true},
		copies: copiesText(each.copies),
		detail: waitText(each, paused, nowMs),
		when: paused ? 'paused' : dueText(each.due_at - nowMs),
	}));
	return {repairing, waiting};
};

const moveRows = ({active}: MovesView, names: Names, nowMs: number) =>
	active.map((each): HealingRow => ({
		...chunkRow(each, `moving ${each.from}`, names),
		state: {text: 'moving', tone: 'accent'},
		copies: '',
		detail: `${names.node(each.from)} to ${names.node(each.to)}: ${moveWords[each.reason]}`,
		when: ageText(nowMs - each.started_at),
	}));

/** A node that is suspended, is being emptied, or may be away: the first of these that it is. */
const nodeRow = (node: NodeView, nowMs: number): HealingRow | undefined => {
	const {suspended, drain, maintenance} = node;
	const about = {key: `node ${node.node_id}`, what: node.name, chunk: '', copies: '', target: {node: node.node_id}};
	if (suspended) {
		return {
			...about,
			state: {text: 'SUSPENDED', tone: 'bad', isBold: true},
			detail: `${suspensionText(suspended, nowMs)}; ${wayBackText(suspended)}`,
			when: ageText(nowMs - suspended.since),
		};
	}

	if (drain) {
		return {
			...about,
			state: {text: `drain ${drainedPercent(drain)}`, tone: drain.reason === null ? 'accent' : 'warn'},
			detail: drainText(drain),
			when: ageText(nowMs - drain.started_at),
		};
	}

	if (maintenance && nowMs < maintenance.until) {
		return {
			...about,
			state: {text: isInMaintenance(node, nowMs) ? 'upkeep' : 'planned', tone: 'warn'},
			detail: `maintenance ${maintenanceText(maintenance, nowMs)}`,
			when: nowMs < maintenance.from ? dueText(maintenance.from - nowMs) : ageText(nowMs - maintenance.from),
		};
	}

	return undefined;
};

const ownFileRows = (state: LiveState): HealingRow[] =>
	(state.files?.list ?? [])
		.filter(file => isOwn(file.owner, state) && file.redundancy.partly + file.redundancy.none > 0)
		.slice(0, MOST_OWN_FILES)
		.map(file => ({
			key: `file ${file.file_id}`,
			state: file.redundancy.none > 0 ? {text: 'LOST', tone: 'bad', isBold: true} : {text: 'short', tone: 'warn'},
			what: file.filename,
			chunk: '',
			copies: '',
			detail: `${redundancyPiece(file).text}: Enter shows its chunks, and w there why`,
			when: '',
			target: {file},
		}));

/** Names of the files and nodes that are told of. The list of files can be long: it is gone through once. */
const namesIn = ({repair, moves, files, nodes}: LiveState): Names => {
	const told = [...(repair?.active ?? []), ...(repair?.short ?? []), ...(moves?.active ?? [])];
	const wanted = new Set(told.map(({file_id: file}) => file));
	const found = new Map<string, string>();
	if (wanted.size > 0)
		for (const {file_id: id, filename} of files?.list ?? []) if (wanted.has(id)) found.set(id, filename);
	const nodeNames = new Map((nodes ?? []).map(({node_id: id, name}) => [id, name]));
	return {file: id => found.get(id) ?? id.slice(0, 12), node: id => nodeNames.get(id) ?? id};
};

/** What is under way first, then the nodes that somebody looks after, then what can't be done and what waits. */
export const healingRows = (state: LiveState, nowMs: number): readonly HealingRow[] => {
	const {repair, moves, nodes = []} = state;
	const names = namesIn(state);
	const {repairing, waiting} = repair ? repairRows(repair, names, nowMs) : {repairing: [], waiting: []};
	const seen = seesAll(state) ? nodes : nodes.filter(({owner}) => isOwn(owner, state));
	return [
		...repairing,
		...(moves ? moveRows(moves, names, nowMs) : []),
		...seen.flatMap(node => nodeRow(node, nowMs) ?? []),
		...waiting,
		...(seesAll(state) ? [] : ownFileRows(state)),
	];
};
