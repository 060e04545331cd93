import {formatSize} from '../../format.js';
import {type LimitWish, wishText} from '../../limit-wishes.js';
import type {NodeView} from '../../protocol/api.js';
import type {RemoteLimitName} from '../../protocol/member-limits.js';
import type {Resting} from '../../protocol/node-care.js';

export type Standing = {state: 'safe' | 'short' | 'lost'; text: string};

/** How a node does, in words; what matters most comes first. */
export const standingOf = (node: NodeView): Standing => {
	if (node.banned_at !== undefined) return {state: 'lost', text: 'Kept out'};
	if (node.drain) {
		const {shards_total: total, shards_left: left, awaited_until: awaited} = node.drain;
		if (awaited !== undefined) return {state: 'safe', text: 'Emptied: it removes what it had, then it leaves'};
		if (left === 0) return {state: 'safe', text: 'Emptied: it can be stopped'};
		return {state: 'short', text: `Being emptied: ${total - left} of ${total} pieces moved`};
	}

	if (node.suspended) return {state: 'lost', text: 'Suspended: it must prove what it holds'};
	if (node.status === 'offline') {
		return node.maintenance
			? {state: 'short', text: 'Away for a while, as announced'}
			: {state: 'lost', text: 'Offline'};
	}

	return node.maintenance ? {state: 'short', text: 'Online, may be away'} : {state: 'safe', text: 'Online'};
};

const restingTexts: Record<Resting, string> = {
	paused: 'Not now: it is paused',
	'off-hours': 'Not now: it is outside its hours',
	'near-cap': 'Not now: its month’s traffic is nearly used up',
	'over-cap': 'Not now: its month’s traffic is used up',
};

const rateText = (bytesPerSecond: number): string =>
	bytesPerSecond === 0 ? 'no limit' : `${formatSize(bytesPerSecond)}/s`;

const monthText = (bytes: number): string => (bytes === 0 ? 'no limit' : `at most ${formatSize(bytes)}`);

const wishTitles: Record<RemoteLimitName, string> = {
	space: 'Space',
	up: 'Up',
	down: 'Down',
	schedule: 'Rates by the hour',
	monthly_cap: 'Traffic a month',
	hours: 'Hours',
};

const wishValue = (name: RemoteLimitName, value: number | string): string => {
	if (typeof value === 'string') return value;
	if (name === 'space') return formatSize(value);
	return name === 'monthly_cap' ? monthText(value) : rateText(value);
};

/** What a node was asked for, and what came of it: `Up 2 MiB/s: taken over in a moment`. */
export const saidWish = ({name, wish, state}: LimitWish, {status}: Pick<NodeView, 'status'>): string => {
	const end = state === 'not-allowed' ? 'its machine does not allow it' : wishText(state, status === 'online');
	return `${wishTitles[name]} ${wishValue(name, wish.value)}: ${end}`;
};

/** What a node's member lets it take, in words; nothing of nodes that don't tell. */
export const limitsOf = ({line, drain}: Pick<NodeView, 'line' | 'drain'>): [string, string][] => {
	if (!line) return [];
	const {up, down, hours, resting, limits} = line;
	const taking = resting ? restingTexts[resting] : 'Yes';
	return [
		['Line', `${rateText(up)} up, ${rateText(down)} down`],
		...(limits && limits.schedule !== 'none'
			? ([['Rates by the hour', limits.schedule]] satisfies [string, string][])
			: []),
		...(limits ? ([['Traffic a month', monthText(limits.monthly_cap)]] satisfies [string, string][]) : []),
		['Hours', hours ? `${hours.text} (${hours.time_zone})` : 'always'],
		['Takes new pieces', drain ? 'No: it is emptied' : taking],
	];
};
