import type {NodeView} from '../client/api.js';
import {bar} from '../components/pictures.js';
import {age, dateTime, span} from '../console/age.js';
import type {Piece} from '../console/table.js';
import type {Theme, Tone} from '../console/theme.js';
import {wrap} from '../console/wrap.js';
import {formatSize} from '../format.js';
import {wishesOf, wishText} from '../limit-wishes.js';
import {limitText, limitTitle} from '../protocol/member-limits.js';
import type {LineView, Resting} from '../protocol/node-care.js';
import {isWithin, parseHours} from '../protocol/week.js';
import {repairReasons} from '../repair-words.js';
import {printable} from '../terminal/text.js';

/** What is done with a node, and how far it is trusted, in words. */

type Drain = NonNullable<NodeView['drain']>;
type Suspension = NonNullable<NodeView['suspended']>;

const LEAST_BAR = 4;
const MOST_BAR = 20;

const plural = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** Whether somebody said that it may be away now. */
export const isInMaintenance = ({maintenance}: Pick<NodeView, 'maintenance'>, nowMs: number): boolean =>
	maintenance !== undefined && maintenance.from <= nowMs && nowMs < maintenance.until;

/** Whether it is outside the hours in which it takes part. */
export const isOffHours = ({line}: Pick<NodeView, 'line'>, nowMs: number): boolean =>
	line?.hours !== undefined && !isWithin(parseHours(line.hours.text) ?? [], nowMs, line.hours.time_zone);

/** Whether nobody minds that it is away now. */
export const isExcused = (node: Pick<NodeView, 'maintenance' | 'line'>, nowMs: number): boolean =>
	isInMaintenance(node, nowMs) || isOffHours(node, nowMs);

const restingWords: Record<Resting, string> = {
	paused: 'its member has paused it',
	'off-hours': 'outside its hours',
	'near-cap': 'near its cap of this month',
	'over-cap': 'its cap of this month is reached',
};

/** Why it takes no new shards as its member wants, in a word or two. */
const restingText = (resting: Resting): string => restingWords[resting];

const rateText = (bytesPerSecond: number): string => (bytesPerSecond === 0 ? 'any' : `${formatSize(bytesPerSecond)}/s`);

/** What its member lets it take of the line. */
export const lineText = ({up, down}: Pick<LineView, 'up' | 'down'>): string =>
	up === 0 && down === 0 ? 'no limit' : `up ${rateText(up)}, down ${rateText(down)}`;

/** How much of a node was emptied, from 0 to 1. */
export const drainedShare = ({shards_total: total, shards_left: left}: Drain): number =>
	left === 0 ? 1 : Math.max(0, 1 - left / Math.max(total, left));

/** Rounded down: 100 % is said of an empty node alone. */
export const drainedPercent = (drain: Drain): string => `${Math.floor(drainedShare(drain) * 100)}%`;

const suspensionWords: Record<Suspension['reason'], string> = {
	missing: 'it lacked a shard that it should hold',
	corrupt: 'it held other bytes than it should',
	'no-proof': 'it did not prove in time what it holds',
};

export const suspensionText = ({reason, since}: Suspension, nowMs: number): string => {
	const ago = age(nowMs - since);
	return `${suspensionWords[reason]}, ${ago === 'now' ? 'just now' : `${ago} ago`}`;
};

/** How a suspended node comes back. */
export const wayBackText = ({passes_left: left}: Suspension): string =>
	`it is back once it passed ${left === 1 ? 'one more audit' : `${left} more audits in a row`}`;

/** What is left of a drain, how long that takes, and why it does not go on. */
export const drainText = (drain: Drain): string => {
	const {shards_left: left, bytes_left: bytes, eta_s: eta, reason, leaves, awaited_until: awaited} = drain;
	if (awaited !== undefined) {
		return `has still to remove shards; then it leaves, at the latest ${dateTime(awaited)}`;
	}

	const then = leaves ? ', then it leaves' : '';
	if (left === 0) return `empty${then}`;
	const time = eta === null ? '' : `, about ${span(eta * 1000)}`;
	const problem = reason === null ? '' : `. Some can't be moved now: ${repairReasons[reason]}`;
	return `${plural(left, 'shard')} left, ${formatSize(bytes)}${time}${then}${problem}`;
};

export const maintenanceText = ({from, until, by}: NonNullable<NodeView['maintenance']>, nowMs: number): string => {
	const who = by === '' ? '' : `, by ${by}`;
	if (nowMs < from) return `from ${dateTime(from)} until ${dateTime(until)}${who}`;
	return nowMs < until
		? `until ${dateTime(until)}, ${span(until - nowMs)} left${who}`
		: `over since ${dateTime(until)}`;
};

const standingText = (standing: NonNullable<NodeView['standing']>, nowMs: number): string => {
	const {score, audits_passed: passed, audits_failed: failed, last_audit_at: last} = standing;
	const when =
		last === null ? 'none yet' : `the last ${age(nowMs - last) === 'now' ? 'just now' : `${age(nowMs - last)} ago`}`;
	return `${Math.round(score)} of 100; audits: ${passed} passed, ${failed} failed, ${when}`;
};

export type CareLine = {label: string; value: readonly Piece[]};

/** A text in the lines that it needs, the label at the first of them. */
export const wrapped = (label: string, text: string, width: number, tone?: Tone): CareLine[] =>
	wrap(printable(text), width).map((part, at) => ({
		label: at === 0 ? label : '',
		value: [{text: part, ...(tone && {tone})}],
	}));

/** All of it that applies to a node, a label and a value each. What asks for somebody comes first. */
export const careLines = (
	node: NodeView,
	{theme, nowMs, width}: {theme: Theme; nowMs: number; width: number},
): CareLine[] => {
	const {banned_at: bannedAt, suspended, drain, maintenance, standing, scrub, line} = node;
	const barWidth = Math.max(LEAST_BAR, Math.min(MOST_BAR, Math.floor(width / 3)));
	const lines: CareLine[] = [];
	if (bannedAt !== undefined)
		lines.push(...wrapped('banned', `kept out since ${dateTime(bannedAt)}: its copies do not count`, width, 'bad'));

	if (suspended) {
		lines.push(...wrapped('suspended', suspensionText(suspended, nowMs), width, 'bad'));
		lines.push(...wrapped('way back', wayBackText(suspended), width));
	}

	if (drain) {
		const done = drainedShare(drain);
		lines.push({label: 'draining', value: [...bar(done, barWidth, theme), {text: ` ${drainedPercent(drain)}`}]});
		lines.push(...wrapped('', drainText(drain), width, drain.reason === null ? undefined : 'warn'));
	}

	if (maintenance) lines.push(...wrapped('upkeep', maintenanceText(maintenance, nowMs), width, 'warn'));
	if (line && (line.up > 0 || line.down > 0)) lines.push(...wrapped('line', lineText(line), width));
	if (line?.resting) lines.push(...wrapped('rests', `no new shards: ${restingText(line.resting)}`, width, 'warn'));
	if (line?.hours) lines.push(...wrapped('hours', `${line.hours.text} (${line.hours.time_zone})`, width));
	for (const {name, wish, state} of wishesOf(node)) {
		if (state === 'applied') continue;
		const text = `${limitTitle(name)} ${limitText(name, wish.value)}, ${wishText(state, node.status === 'online')}`;
		lines.push(...wrapped('asked for', text, width, 'warn'));
	}

	if (standing) lines.push(...wrapped('standing', standingText(standing, nowMs), width));
	if (scrub) {
		const {progress, completed_at: completed} = scrub;
		const last = completed === null ? 'none whole yet' : `last whole ${dateTime(completed)}`;
		const text = ` ${Math.floor(progress * 100)}% read again, ${last}`;
		const room = Math.min(barWidth, width - text.length);
		lines.push({label: 'scrub', value: [...(room < LEAST_BAR ? [] : bar(progress, room, theme)), {text}]});
	}

	return lines;
};
