import type {NodeView, Stats} from '../client/api.js';
import type {LiveState} from '../client/live-state.js';
import type {Line} from '../components/lines.js';
import {bar} from '../components/pictures.js';
import {age} from '../console/age.js';
import type {Piece} from '../console/table.js';
import {fit} from '../console/table-layout.js';
import type {Theme, Tone} from '../console/theme.js';
import {formatSize} from '../format.js';
import type {MovesView} from '../protocol/healing-api.js';
import {repairReasons} from '../repair-words.js';
import {isInMaintenance} from './node-care.js';

/** Healing in figures: how whole the data is, what is done about it, how fast, and how much was done. */

const LABEL_WIDTH = 9;
const LEAST_BAR = 4;
const MOST_BAR = 20;

type Words = {label: string; value: readonly Piece[]};

const plural = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`;
const listed = (words: readonly string[], none: string) => (words.length === 0 ? none : words.join(', '));
const counted = (count: number, words: string) => (count > 0 ? [`${count} ${words}`] : []);

const dataWords = ({redundancy: {full, partly, none}, chunks}: Stats, theme: Theme, width: number): Words => {
	const tone: Tone = none > 0 ? 'bad' : partly > 0 ? 'warn' : 'ok';
	const lost = none > 0 ? `${none} LOST, ` : '';
	const text = `${lost}${full}/${chunks} full${partly > 0 ? `, ${partly} short` : ''}`;
	const barWidth = Math.min(MOST_BAR, width - LABEL_WIDTH - text.length - 1);
	const drawn =
		barWidth < LEAST_BAR ? [] : [...bar(chunks === 0 ? 1 : full / chunks, barWidth, theme, tone), {text: ' '}];
	return {label: 'data', value: [...drawn, {text, tone}]};
};

const repairWords = ({repair}: Stats): Words => {
	const {active, waiting, blocked} = repair;
	const words = [
		...counted(active, 'under way'),
		...counted(waiting, 'waiting'),
		...counted(blocked, "can't be repaired now"),
	];
	const tone: Tone = blocked > 0 ? 'warn' : 'plain';
	return {label: 'repair', value: [{text: listed(words, 'nothing to do'), tone}]};
};

const remedyWords = ({repair: {blocked, reason}}: Stats): Words[] =>
	blocked > 0 && reason !== null ? [{label: '', value: [{text: repairReasons[reason], tone: 'warn'}]}] : [];

const moveWords = ({active, waiting, blocked, reason}: MovesView): Words => {
	const because = reason === null ? '' : `: ${repairReasons[reason]}`;
	const words = [
		...counted(active.length, 'under way'),
		...counted(waiting, 'waiting'),
		...(blocked > 0 ? [`${blocked} can't be moved now${because}`] : []),
	];
	return {label: 'moves', value: [{text: listed(words, 'nothing to do'), ...(blocked > 0 && {tone: 'warn' as const})}]};
};

const rateWords = ({repair, moves}: LiveState): Words[] => {
	if (!repair) return [];
	const now = repair.bytes_per_s + (moves?.bytes_per_s ?? 0);
	const most = repair.rate === 0 ? 'as fast as it goes' : `at most ${formatSize(repair.rate)}/s`;
	return [{label: 'rate', value: [{text: `${formatSize(now)}/s now, ${most}`}]}];
};

const doneWords = ({repair, moves}: LiveState): Words[] => {
	if (!repair) return [];
	const {chunks, shards, bytes} = repair.done;
	const moved = moves ? `; ${plural(moves.done.shards, 'shard')} moved, ${formatSize(moves.done.bytes)}` : '';
	const text = `${plural(chunks, 'chunk')}, ${plural(shards, 'copy').replace('copys', 'copies')}, ${formatSize(bytes)}${moved}`;
	return [{label: 'done', value: [{text}]}];
};

const nodeWords = (nodes: readonly NodeView[], nowMs: number): Words => {
	const count = (is: (node: NodeView) => boolean) => nodes.filter(is).length;
	const suspended = count(node => node.suspended !== undefined);
	const words = [
		...counted(suspended, 'suspended'),
		...counted(
			count(({drain}) => drain !== undefined),
			'being emptied',
		),
		...counted(
			count(node => isInMaintenance(node, nowMs)),
			'in maintenance',
		),
		...counted(
			count(({banned_at: at}) => at !== undefined),
			'kept out',
		),
	];
	return {
		label: 'nodes',
		value: [{text: listed(words, 'none needs care'), ...(suspended > 0 && {tone: 'bad' as const})}],
	};
};

/** How far the nodes are with reading all of their shards again: the slowest, and the oldest whole pass. */
const scrubWords = (nodes: readonly NodeView[], nowMs: number): Words[] => {
	const scrubs = nodes.flatMap(({scrub}) => scrub ?? []);
	if (scrubs.length === 0) return [{label: 'scrub', value: [{text: 'no node has told of it yet', tone: 'muted'}]}];
	const mean = scrubs.reduce((sum, {progress}) => sum + progress, 0) / scrubs.length;
	const whole = scrubs.flatMap(({completed_at: at}) => at ?? []);
	const never = scrubs.length - whole.length;
	const oldest = whole.length === 0 ? '' : `, the oldest whole pass ${age(nowMs - Math.min(...whole))} old`;
	const unread = never === 0 ? '' : `, ${never} without a whole pass yet`;
	return [
		{
			label: 'scrub',
			value: [{text: `${plural(scrubs.length, 'node')}, ${Math.floor(mean * 100)}% of this pass${oldest}${unread}`}],
		},
	];
};

/** The figures, the most important first, each as one line. */
export const healingFigures = (
	state: LiveState,
	{theme, nowMs, width}: {theme: Theme; nowMs: number; width: number},
): Line[] => {
	const {stats, moves, nodes = []} = state;
	if (!stats) return [];
	const moved = moves ? [moveWords(moves)] : [];
	const isMoving = moves !== undefined && moves.active.length + moves.waiting + moves.blocked > 0;
	const words = [
		dataWords(stats, theme, width),
		repairWords(stats),
		...remedyWords(stats),
		...(isMoving ? moved : []),
		...rateWords(state),
		...(isMoving ? [] : moved),
		nodeWords(nodes, nowMs),
		...doneWords(state),
		...scrubWords(nodes, nowMs),
	];
	return words.map(({label, value}) => ({
		pieces: fit([{text: label.padEnd(LABEL_WIDTH), tone: 'muted'}, ...value], width, theme.glyphs.ellipsis),
	}));
};
