import {formatSize} from './format.js';
import type {MemberStatus} from './protocol/member-api.js';
import {limitNames, limitText, limitTitle} from './protocol/member-limits.js';
import type {Resting} from './protocol/node-care.js';
import {isOlder} from './protocol/version.js';
import {repairReasons} from './repair-words.js';

/** How a node is, in words for its member. */

const restingTexts: Record<Resting, string> = {
	paused: 'paused: no new shards, read only where no other can be',
	'off-hours': 'outside its hours: no new shards, read only where no other can be',
	'near-cap': 'near its cap of this month: no new shards, read only where no other can be',
	'over-cap': 'its cap of this month is reached: it gives and takes no shards',
};

export const roughSpan = (ms: number): string => {
	const minutes = Math.floor(ms / 60_000);
	if (minutes < 1) return 'less than a minute';
	if (minutes < 120) return `${minutes} min`;
	return minutes < 2880 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 1440)} days`;
};

/** Whether it takes part, and why not. */
export const stateText = ({leaving, line, suspended, drain}: MemberStatus): string => {
	if (leaving === 'left') return 'has left the network: it may be stopped, and its folder deleted';
	if (leaving === 'asked' && !drain) return 'leaves: the coordinator is asked to move its shards elsewhere';
	if (drain) {
		const time = drain.eta_s === null ? '' : `, about ${roughSpan(drain.eta_s * 1000)}`;
		const then = drain.leaves ? ', then it leaves' : '';
		const problem = drain.reason === null ? '' : `. Some can't be moved now: ${repairReasons[drain.reason]}`;
		return `emptied: ${drain.shards_left} of ${drain.shards_total} shards left, ${formatSize(drain.bytes_left)}${time}${then}${problem}`;
	}

	if (suspended) return `suspended: it failed an audit, and must pass ${suspended.passes_left} in a row`;
	return line.resting ? restingTexts[line.resting] : 'takes part';
};

export const contactText = ({coordinator: {url, heard_at: heardAt, problem}}: MemberStatus, nowMs: number): string => {
	if (url === null) return 'none';
	const when = heardAt === null ? 'not heard of yet' : `heard of ${roughSpan(Math.max(0, nowMs - heardAt))} ago`;
	return `${url}, ${when}${problem === null ? '' : `. ${problem}`}`;
};

export const carriedText = ({up, down}: MemberStatus['today']): string =>
	`${formatSize(up)} sent, ${formatSize(down)} taken in`;

export const usedText = ({storage}: MemberStatus): string =>
	`${formatSize(storage.used_bytes)} of ${formatSize(storage.allocated_bytes)} by ${storage.chunk_count} shard${storage.chunk_count === 1 ? '' : 's'}, ${formatSize(storage.free_bytes)} free`;

const monthText = (status: MemberStatus): string => {
	const cap = Number(status.limits.monthly_cap.value);
	const share = cap === 0 ? '' : `, ${Math.round(((status.month.up + status.month.down) / cap) * 100)}% of its cap`;
	return `${carriedText(status.month)}${share}`;
};

export const standingText = ({standing}: MemberStatus): string =>
	standing === null
		? 'not told yet'
		: `${Math.round(standing.score)} of 100; audits: ${standing.audits_passed} passed, ${standing.audits_failed} failed`;

/** Whether its coordinator is newer. */
export const isBehind = ({version, coordinator}: MemberStatus): boolean =>
	coordinator.version !== null && isOlder(version, coordinator.version) === true;

export const versionText = (status: MemberStatus): string =>
	isBehind(status)
		? `${status.version}, behind the coordinator's ${status.coordinator.version ?? ''}: update this node`
		: status.version;

/** How the coordinator gets to it. */
export const reachText = ({coordinator: {reach, links}}: MemberStatus): string => {
	if (reach === 'direct') return 'at its address';
	if (reach === null) return 'not told yet';
	return links === 0
		? 'over links, and none is open'
		: `over ${links} ${links === 1 ? 'link' : 'links'} that it opened`;
};

export const scrubText = ({scrub}: MemberStatus, nowMs: number): string => {
	if (scrub === null) return 'not begun yet';
	const {progress, completed_at: completedAt, faults} = scrub;
	const last = completedAt === null ? 'none whole yet' : `the last whole ended ${roughSpan(nowMs - completedAt)} ago`;
	const bad = faults === 0 ? '' : `; ${faults} bad ${faults === 1 ? 'shard' : 'shards'} to be told of`;
	return `${Math.floor(progress * 100)}% of its shards read again, ${last}${bad}`;
};

export const maintenanceText = ({maintenance}: MemberStatus, nowMs: number): string | undefined => {
	if (maintenance === null || nowMs >= maintenance.until) return undefined;
	return `for another ${roughSpan(maintenance.until - nowMs)}: nobody minds that it is away`;
};

/** All of it, a label and a text each. */
export const memberFacts = (status: MemberStatus, nowMs: number): [label: string, text: string][] => {
	const maintenance = maintenanceText(status, nowMs);
	return [
		['node', `${status.name} (${status.node_id}), up for ${roughSpan(nowMs - status.started_at)}`],
		['version', versionText(status)],
		['state', stateText(status)],
		...(maintenance === undefined ? [] : [['maintenance', maintenance] satisfies [string, string]]),
		['used', usedText(status)],
		['today', carriedText(status.today)],
		['month', monthText(status)],
		['standing', standingText(status)],
		['coordinator', contactText(status, nowMs)],
		['reached', reachText(status)],
		['scrub', scrubText(status, nowMs)],
	];
};

/** Its limits, a name and a text each. */
export const limitFacts = ({limits, time_zone: zone}: MemberStatus): [name: string, text: string][] =>
	limitNames.map(name => {
		const {value, configured} = limits[name];
		const isTimed = (name === 'hours' && value !== 'always') || (name === 'schedule' && value !== 'none');
		const set = value === configured ? '' : ` (set; configured: ${limitText(name, configured)})`;
		return [limitTitle(name), `${limitText(name, value)}${isTimed ? `, ${zone}` : ''}${set}`];
	});
