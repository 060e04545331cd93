import type {Line} from '../components/lines.js';
import {bar} from '../components/pictures.js';
import {fit} from '../console/table-layout.js';
import type {Piece} from '../console/table.js';
import type {Theme, Tone} from '../console/theme.js';
import {formatSize} from '../format.js';
import {
	carriedText,
	contactText,
	isBehind,
	maintenanceText,
	reachText,
	roughSpan,
	scrubText,
	standingText,
	stateText,
	versionText,
} from '../member-words.js';
import type {MemberStatus} from '../protocol/member-api.js';
import {
	drainedPercent,
	drainedShare,
	lineText,
	suspensionText,
	wayBackText,
	wrapped,
	type CareLine,
} from './node-care.js';
import {restingStates} from './node-facts.js';

/** The own node in words, for its screens and for screen readers alike. */

const LABEL_WIDTH = 12;
const FULL_SHARE = 0.9;
const LEAST_BAR = 4;
const MOST_BAR = 20;
const QUIET_MS = 60_000;

/** What matters most of how it is, in a word or two. */
export const ownState = (status: MemberStatus): Piece => {
	const {leaving, suspended, drain, line, paused} = status;
	if (leaving === 'left') return {text: 'has left', tone: 'bad', isBold: true};
	if (drain) return {text: `${drain.leaves ? 'leaving' : 'emptied'} ${drainedPercent(drain)}`, tone: 'warn'};
	if (leaving === 'asked') return {text: 'leaving', tone: 'warn'};
	if (suspended) return {text: 'SUSPENDED', tone: 'bad', isBold: true};
	if (paused) return {text: 'paused', tone: 'warn'};
	return line.resting ? {text: restingStates[line.resting], tone: 'warn'} : {text: 'takes part', tone: 'ok'};
};

export const usedShareOf = ({storage: {used_bytes: used, allocated_bytes: allocated}}: MemberStatus): number =>
	allocated === 0 ? 1 : used / allocated;

const usedTone = (share: number): Tone => (share >= FULL_SHARE ? 'warn' : 'accent');

/** Whether it was not heard of its coordinator for longer than between two heartbeats. */
const isSilent = ({coordinator: {url, heard_at: heardAt, problem}}: MemberStatus, nowMs: number): boolean =>
	url !== null && (problem !== null || heardAt === null || nowMs - heardAt > QUIET_MS);

type Shown = {theme: Theme; nowMs: number; width: number};

/** What it gives, and what of that is used. */
const givenLines = (status: MemberStatus, {theme, width}: Shown): CareLine[] => {
	const {allocated_bytes: allocated, used_bytes: used, free_bytes: free, chunk_count: count} = status.storage;
	const share = usedShareOf(status);
	const percent = ` ${Math.round(share * 1000) / 10}% of ${formatSize(allocated)}, never more`;
	const room = Math.min(MOST_BAR, width - percent.length);
	const drawn = room < LEAST_BAR ? [] : bar(share, room, theme, usedTone(share));
	const shards = `${count} ${count === 1 ? 'shard' : 'shards'}`;
	return [
		{label: 'gives', value: [...drawn, {text: percent}]},
		...wrapped('used', `${formatSize(used)} by ${shards}, ${formatSize(free)} free`, width),
	];
};

/** How far its month's cap is used. */
const capLine = ({month, limits}: MemberStatus, {theme, width}: Shown): CareLine[] => {
	const cap = Number(limits.monthly_cap.value);
	if (cap === 0) return [];
	const share = (month.up + month.down) / cap;
	const text = ` ${Math.round(share * 100)}% of ${formatSize(cap)}`;
	const room = Math.max(LEAST_BAR, Math.min(MOST_BAR, width - text.length));
	return [{label: '', value: [...bar(share, room, theme, usedTone(share)), {text}]}];
};

/** What its line carries. */
const lineLines = (status: MemberStatus, shown: Shown): CareLine[] => {
	const {width} = shown;
	const {schedule, hours} = status.limits;
	const rates = lineText(status.line) + (schedule.value === 'none' ? '' : ', by its schedule');
	return [
		...wrapped('today', carriedText(status.today), width),
		...wrapped('month', carriedText(status.month), width),
		...capLine(status, shown),
		...wrapped('rates now', rates, width),
		...(hours.value === 'always' ? [] : wrapped('hours', `${hours.value} (${status.time_zone})`, width)),
	];
};

/** What is done with it, or stands against it. */
const careLinesOf = (status: MemberStatus, {theme, nowMs, width}: Shown): CareLine[] => {
	const {suspended, drain} = status;
	const maintenance = maintenanceText(status, nowMs);
	const drained: CareLine[] = drain
		? [
				{
					label: drain.leaves ? 'leaves' : 'emptied',
					value: [
						...bar(drainedShare(drain), Math.min(MOST_BAR, Math.floor(width / 3)), theme),
						{text: ` ${drainedPercent(drain)}`},
					],
				},
			]
		: [];
	return [
		...drained,
		...(suspended
			? [
					...wrapped('suspended', suspensionText(suspended, nowMs), width, 'bad'),
					...wrapped('way back', wayBackText(suspended), width),
				]
			: []),
		...(maintenance === undefined ? [] : wrapped('maintenance', maintenance, width, 'warn')),
	];
};

/** How it stands with the network. */
const standingLines = (status: MemberStatus, {nowMs, width}: Shown): CareLine[] => {
	const {coordinator, scrub} = status;
	const isCutOff = coordinator.reach === 'link' && coordinator.links === 0;
	return [
		...wrapped('standing', standingText(status), width),
		...wrapped('coordinator', contactText(status, nowMs), width, isSilent(status, nowMs) ? 'bad' : undefined),
		...wrapped('reached', reachText(status), width, isCutOff ? 'bad' : undefined),
		...wrapped('scrub', scrubText(status, nowMs), width, scrub !== null && scrub.faults > 0 ? 'warn' : undefined),
		...wrapped('version', versionText(status), width, isBehind(status) ? 'warn' : undefined),
	];
};

/** All that its member should know of it, a label and its text a line. What asks for somebody stands out. */
export const ownFacts = (status: MemberStatus, shown: Shown): Line[] => {
	const {theme, nowMs} = shown;
	const inner = {...shown, width: Math.max(1, shown.width - LABEL_WIDTH)};
	const {tone} = ownState(status);
	const lines: CareLine[] = [
		...wrapped('state', stateText(status), inner.width, tone),
		...careLinesOf(status, inner),
		...givenLines(status, inner),
		...lineLines(status, inner),
		...standingLines(status, inner),
		...wrapped('node', `${status.name}, up for ${roughSpan(nowMs - status.started_at)}`, inner.width),
		...wrapped('id', status.node_id, inner.width),
	];
	return lines.map(({label, value}) => ({
		pieces: [
			...fit({text: label, tone: 'muted'}, LABEL_WIDTH, theme.glyphs.ellipsis),
			...fit(value, inner.width, theme.glyphs.ellipsis),
		],
	}));
};
