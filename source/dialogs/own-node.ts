import type {MemberConsole, View} from '../console/view.js';
import {formatSize} from '../format.js';
import {writtenLimit} from '../limit-wishes.js';
import {roughSpan} from '../member-words.js';
import type {MemberStatus} from '../protocol/member-api.js';
import {type LimitName, limitNames, limitRules, limitText, limitTitle} from '../protocol/member-limits.js';
import {printable} from '../terminal/text.js';
import {createConfirm} from './confirm.js';
import {createForm, type FormField} from './form.js';

/** What a member is asked before the own node is given other limits, or leaves. */

/** Takes back what was set while the node ran. */
const DEFAULT = 'default';

type Limits = MemberStatus['limits'];
type Values = Readonly<Record<string, string>>;

const hints: Record<LimitName, string> = {
	space: 'such as 200GB',
	up: 'such as 2MB; 0 is any',
	down: 'such as 10MB; 0 is any',
	schedule: 'such as sat,sun up=5MB; or none',
	monthly_cap: 'such as 500GB; 0 is none',
	hours: 'such as mon-fri 18:00-23:00; or always',
	remote_limits: 'on or off',
};

const fieldOf = (name: LimitName, limits: Limits): FormField => ({
	...{name, label: limitTitle(name), initial: writtenLimit(name, limits[name].value), hint: hints[name]},
});

/** What was written otherwise than it stood. */
const changesIn = (names: readonly LimitName[], limits: Limits, values: Values) =>
	names
		.map(name => [name, values[name] ?? ''] as const)
		.filter(([name, text]) => text !== writtenLimit(name, limits[name].value));

const problemIn = (names: readonly LimitName[], limits: Limits, values: Values): string | undefined => {
	const wrong = changesIn(names, limits, values).find(
		([name, text]) => text !== DEFAULT && limitRules[name].parse(text) === undefined,
	);
	if (!wrong) return undefined;
	const [name, text] = wrong;
	return `${limitTitle(name)} can't be "${printable(text)}". Allowed: ${limitRules[name].allowed}; or ${DEFAULT}`;
};

const setLimits = async (console: MemberConsole, changes: readonly (readonly [LimitName, string])[]) => {
	if (changes.length === 0) {
		console.notice({tone: 'info', text: 'Nothing was changed'});
		return;
	}

	const {limits} = await console.node.act(async api => api.set(Object.fromEntries(changes)));
	const said = changes.map(([name]) => `${limitTitle(name)} is ${limitText(name, limits[name].value)}`).join(', ');
	console.notice({tone: 'ok', text: said});
};

const createLimitForm = (
	console: MemberConsole,
	{title, lines, names, limits}: {title: string; lines: readonly string[]; names: readonly LimitName[]; limits: Limits},
): View =>
	createForm(console, {
		...{title, lines, yes: 'sets it'},
		fields: names.map(name => fieldOf(name, limits)),
		problem: values => problemIn(names, limits, values),
		run: async values => setLimits(console, changesIn(names, limits, values)),
	});

/** Changes one limit. */
export const createOneLimitForm = (console: MemberConsole, name: LimitName, {limits}: MemberStatus): View =>
	createLimitForm(console, {
		title: `Change ${limitTitle(name)}`,
		lines: [
			`Allowed: ${limitRules[name].allowed}.`,
			`${DEFAULT} takes back what was set here: ${limitText(name, limits[name].configured)}.`,
		],
		...{names: [name], limits},
	});

/** Changes any of the limits. */
export const createLimitsForm = (console: MemberConsole, {limits}: MemberStatus): View =>
	createLimitForm(console, {title: 'Change the limits', lines: [], names: limitNames, limits});

const holds = ({storage: {chunk_count: count, used_bytes: used}}: MemberStatus) =>
	`${count} ${count === 1 ? 'shard' : 'shards'}, ${formatSize(used)}`;

/** Asks whether it is to leave, and says that this is safe, as long as it runs to the end. */
export const createOwnLeaveDialog = (console: MemberConsole, status: MemberStatus): View => {
	const {problem} = status.coordinator;
	return createConfirm(console, {
		title: `Leave the network with ${printable(status.name)}`,
		lines: [
			`It has ${holds(status)}. All of it moves to other nodes; then the network forgets this one.`,
			'That is safe: no copy is given up before it is safe elsewhere. But the node must run until it has left.',
			...(problem === null
				? []
				: [`The coordinator can't be asked now: ${printable(problem)}. It begins once it can.`]),
			'L stays after all, as long as it has not left. To come back later it needs a new code.',
		],
		yes: 'leave',
		typed: 'leave',
		async run() {
			await console.node.act(async api => api.leave(true));
			console.notice({tone: 'ok', text: 'It leaves. This goes on also where the console is closed; L stays after all'});
		},
	});
};

export const createStayDialog = (console: MemberConsole, {drain}: MemberStatus): View => {
	const left = drain ? `It still has ${drain.shards_left} of ${drain.shards_total} shards, and keeps those. ` : '';
	const since = drain ? `It began ${roughSpan(console.clock.now() - drain.started_at)} ago.` : '';
	return createConfirm(console, {
		title: 'Stay in the network',
		lines: [`${left}What was moved stays moved, and new shards come again. ${since}`.trim()],
		yes: 'stay',
		no: 'go on leaving',
		async run() {
			await console.node.act(async api => api.leave(false));
			console.notice({tone: 'ok', text: 'It stays in the network'});
		},
	});
};
