import type {AlertCode, AlertSeverity} from '../../source/protocol/alerts-api.js';
import type {NodeId} from '../../source/protocol/ids.js';
import type {CopiesLeft} from './redundancy.js';

/**
What an operator must know, and when. A condition has two thresholds, one to be on and one to be off, and must hold for a
while either way: what goes to and fro at a threshold opens one alert, not many.
*/
export type Alert = {
	id: string;
	code: AlertCode;
	node?: NodeId;
	severity: AlertSeverity;
	text: string;
	remedy: string;
	openedAt: number;
};

export type AlertedNode = {
	id: NodeId;
	/** As it stands in a text. */
	name: string;
	isOnline: boolean;
	/** For how long it is missed; 0 where it is there, or may be away. */
	missedMs: number;
	allocatedBytes: number;
	freeBytes: number;
};

/** What is looked at. */
export type AlertView = {
	/** Those that are let in. */
	nodes: readonly AlertedNode[];
	copies: CopiesLeft;
	repair: {isPaused: boolean; waiting: number; blocked: number; why: string | undefined; doneChunks: number};
	/** Sign-ins that failed of late, and tokens that were wrong, in `SIGN_INS_OVER_MS`. */
	failedSignIns: number;
	/** When the last backup was made, where it is known. */
	backupAt: number | undefined;
	/** The disk that the coordinator itself writes to, where its system tells. */
	disk: Disk | undefined;
	/** The coordinator's memory for all that it knows, as of when that was last gone through. */
	heap: Heap;
};

export type Disk = {sizeBytes: number; freeBytes: number};

/** What is in use, garbage aside, and the most that there can be. */
export type Heap = {liveBytes: number; limitBytes: number};

export type AlertLimits = {
	/** How long a node may be missed. */
	awayMs: number;
	/** How old the last backup may be. */
	backupMs: number;
};

export const SIGN_INS_OVER_MS = 600_000;
const SIGN_INS_ON = 20;
const SIGN_INS_OFF = 5;
const NETWORK_FREE_ON = 0.1;
const NETWORK_FREE_OFF = 0.12;
const NODE_FREE_ON = 0.05;
const NODE_FREE_OFF = 0.08;
/** Of a small disk, so much of it. */
const DISK_FREE_BYTES = 1024 ** 3;
const DISK_FREE_SHARE = 0.05;
/** The rest is wanted for what comes and goes. */
const HEAP_LIVE_ON = 0.7;
const HEAP_LIVE_OFF = 0.6;
/** Nodes are heard of every half minute; those that went with others went within so long of them. */
const AT_ONCE_MS = 120_000;
const AT_ONCE_LEAST_NODES = 3;
/** More than half of those that were there, and a third. */
const AT_ONCE_ON = 0.5 + Number.EPSILON;
const AT_ONCE_OFF = 1 / 3;
const REPAIR_STUCK_MS = 600_000;
/** How long what was counted must be so, and how long it must be over. */
const COUNTED_FOR_MS = 60_000;
const OVER_FOR_MS = 60_000;

/** `between`: neither so that an alert opens, nor so that one is over. */
type Level = 'on' | 'between' | 'off';

/** What a rule finds. It has been so for `forMs` before an alert opens. */
type Finding = Pick<Alert, 'code' | 'node' | 'severity' | 'text' | 'remedy'> & {level: Level; forMs: number};

export type AlertState = {
	open: readonly Alert[];
	/** Since when a finding is on that is not open yet, or off that is open still. */
	turning: ReadonlyMap<string, number>;
	/** How many chunks were repaired, and since when no more were though some wait. */
	repair: {doneChunks: number; stillSince: number};
};

export type AlertChange = {state: AlertState; opened: Alert[]; resolved: Alert[]};

/** @param open - Those that were open when the process ended. */
export const alertsAtStart = (open: readonly Alert[], now: number): AlertState => ({
	open,
	turning: new Map(),
	repair: {doneChunks: 0, stillSince: now},
});

const keyOf = ({code, node = ''}: Pick<Alert, 'code'> & {node?: string | undefined}): string => `${code} ${node}`;
const many = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
const percent = (part: number, whole: number): string => `${Math.floor((100 * part) / whole)}%`;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

const ageText = (ms: number): string => {
	if (ms < 2 * HOUR_MS) return many(Math.floor(ms / MINUTE_MS), 'minute');
	return ms < 48 * HOUR_MS ? many(Math.floor(ms / HOUR_MS), 'hour') : many(Math.floor(ms / (24 * HOUR_MS)), 'day');
};

const levelAbove = (value: number, on: number, off: number): Level =>
	value >= on ? 'on' : value <= off ? 'off' : 'between';

/** Of a share that is too small below `on`. Of nothing there is no share. */
const levelOfShare = (part: number, whole: number, on: number, off: number): Level =>
	whole === 0 ? 'between' : levelAbove(-part / whole, -on, -off);

const copyFindings = ({copies}: AlertView): Finding[] => [
	{
		code: 'CHUNKS_LOST',
		severity: 'critical',
		level: copies.none > 0 ? 'on' : 'off',
		forMs: COUNTED_FOR_MS,
		text: `${many(copies.none, 'chunk')} can't be read: no node with a copy is online and trusted`,
		remedy: 'Bring back the nodes that are away: pjas-tui nodes lists them',
	},
	{
		code: 'CHUNKS_AT_ONE_COPY',
		severity: 'critical',
		level: copies.one > 0 ? 'on' : 'off',
		forMs: COUNTED_FOR_MS,
		text: `${many(copies.one, 'chunk')} ${copies.one === 1 ? 'has' : 'have'} one copy left that counts`,
		remedy: 'They are repaired by themselves where they can be: pjas-tui repair says what is in the way',
	},
];

const repairFinding = ({repair}: AlertView, stillMs: number): Finding => {
	const short = repair.waiting + repair.blocked;
	const isHeld = repair.blocked > 0 || (repair.isPaused && short > 0);
	const why = repair.isPaused ? 'repair is paused' : (repair.why ?? 'something is in the way');
	return {
		code: 'REPAIR_STUCK',
		severity: 'warning',
		level: !isHeld ? 'off' : stillMs >= REPAIR_STUCK_MS ? 'on' : 'between',
		forMs: 0,
		text: `${many(short, 'chunk')} wait for repair and none is repaired: ${why}`,
		remedy: repair.isPaused ? 'pjas-tui repair resume goes on with it' : 'Bring nodes back, or add some',
	};
};

/** The most nodes that went within a short time of each other, and how many were there just before. */
const goneAtOnce = (nodes: readonly AlertedNode[]): {gone: readonly AlertedNode[]; before: number} => {
	const missed = nodes.filter(({isOnline, missedMs}) => !isOnline && missedMs > 0);
	const byTime = [...missed].sort((a, b) => a.missedMs - b.missedMs);
	let gone: readonly AlertedNode[] = [];
	let end = 0;
	for (const [start, {missedMs: fromMs}] of byTime.entries()) {
		while (end < byTime.length && (byTime[end]?.missedMs ?? Infinity) - fromMs <= AT_ONCE_MS) end++;
		if (end - start > gone.length) gone = byTime.slice(start, end);
	}

	return {gone, before: nodes.filter(({isOnline}) => isOnline).length + gone.length};
};

/**
Where most nodes went at once it is hardly each of them, but what is between them all and the coordinator: its own line. That is one
alert, and none of each node.
*/
const atOnceFinding = ({nodes}: AlertView, open: readonly Alert[]): {finding: Finding; gone: ReadonlySet<NodeId>} => {
	const {gone, before} = goneAtOnce(nodes);
	const level = before < AT_ONCE_LEAST_NODES ? 'off' : levelAbove(gone.length / before, AT_ONCE_ON, AT_ONCE_OFF);
	const isSo = level === 'on' || (level === 'between' && open.some(({code}) => code === 'NODES_AWAY_AT_ONCE'));
	return {
		finding: {
			code: 'NODES_AWAY_AT_ONCE',
			severity: 'critical',
			level,
			forMs: COUNTED_FOR_MS,
			text: `${gone.length} of ${many(before, 'node')} went away at once: the coordinator's own line may be down`,
			remedy: 'See to the line and the address of this machine: nodes come back by themselves once they reach it',
		},
		gone: new Set(isSo ? gone.map(({id}) => id) : []),
	};
};

const nodeFindings = ({nodes}: AlertView, {awayMs}: AlertLimits, goneWithOthers: ReadonlySet<NodeId>): Finding[] =>
	nodes.flatMap(({id: node, name, isOnline, missedMs, allocatedBytes, freeBytes}): Finding[] => [
		{
			code: 'NODE_AWAY',
			node,
			severity: 'warning',
			level: isOnline || missedMs === 0 ? 'off' : missedMs >= awayMs && !goneWithOthers.has(node) ? 'on' : 'between',
			forMs: 0,
			text: `Node ${name} is away for more than ${ageText(awayMs)}`,
			remedy: `Have it started again; if it is gone for good: pjas-tui nodes leave ${node}`,
		},
		{
			code: 'NODE_NEARLY_FULL',
			node,
			severity: 'warning',
			// What a node that is away has free, nobody knows.
			level: isOnline ? levelOfShare(freeBytes, allocatedBytes, NODE_FREE_ON, NODE_FREE_OFF) : 'between',
			forMs: COUNTED_FOR_MS,
			text: `Node ${name} has ${percent(freeBytes, allocatedBytes)} of its space free`,
			remedy: 'Give it more space, or make room on its disk',
		},
	]);

const networkFinding = ({nodes}: AlertView): Finding => {
	const online = nodes.filter(({isOnline}) => isOnline);
	const allocated = online.reduce((sum, {allocatedBytes}) => sum + allocatedBytes, 0);
	const free = online.reduce((sum, {freeBytes}) => sum + freeBytes, 0);
	return {
		code: 'NETWORK_NEARLY_FULL',
		severity: 'warning',
		level: levelOfShare(free, allocated, NETWORK_FREE_ON, NETWORK_FREE_OFF),
		forMs: COUNTED_FOR_MS,
		text: `Of the space of the nodes that are online, ${percent(free, allocated)} is free`,
		remedy: 'Add nodes, give them more space, or delete files',
	};
};

const signInFinding = ({failedSignIns}: AlertView): Finding => ({
	code: 'SIGN_INS_FAIL',
	severity: 'warning',
	level: levelAbove(failedSignIns, SIGN_INS_ON, SIGN_INS_OFF),
	forMs: 0,
	text: `${many(failedSignIns, 'sign-in')} failed within ten minutes: somebody may be guessing passwords or tokens`,
	remedy: 'The audit log says from where passwords came (GET /api/audit), and the log from where tokens did',
});

const backupFinding = ({backupAt}: AlertView, {backupMs}: AlertLimits, now: number): Finding => ({
	code: 'BACKUP_TOO_OLD',
	severity: 'warning',
	level: backupAt !== undefined && now - backupAt >= backupMs ? 'on' : 'off',
	forMs: 0,
	text: `The last backup is older than ${ageText(backupMs)}`,
	remedy: 'Make one: pjas-daemon backup --data DIR --to FILE',
});

const diskFinding = ({disk}: AlertView): Finding => {
	const {sizeBytes, freeBytes} = disk ?? {sizeBytes: 0, freeBytes: 0};
	const leastBytes = Math.min(DISK_FREE_BYTES, sizeBytes * DISK_FREE_SHARE);
	return {
		code: 'DISK_NEARLY_FULL',
		severity: 'critical',
		level: levelOfShare(freeBytes, leastBytes, 1, 2),
		forMs: COUNTED_FOR_MS,
		text: `The coordinator's disk has ${Math.floor(freeBytes / 1024 ** 2)} MiB free; once it has none, nothing can be stored or changed`,
		remedy: 'Make room on the disk of its data folder, or move that to a larger one',
	};
};

const heapFinding = ({heap: {liveBytes, limitBytes}}: AlertView): Finding => ({
	code: 'MEMORY_NEARLY_FULL',
	severity: 'critical',
	level: levelAbove(liveBytes / limitBytes, HEAP_LIVE_ON, HEAP_LIVE_OFF),
	forMs: COUNTED_FOR_MS,
	text: `What the coordinator knows takes ${percent(liveBytes, limitBytes)} of the memory that Node.js gives it; once that is full, it ends`,
	remedy: 'Start it with NODE_OPTIONS=--max-old-space-size=MIB and more MiB, or on a machine with more memory',
});

const severityRank: Record<AlertSeverity, number> = {critical: 0, warning: 1};

/** The worst first, then the oldest. */
const inOrder = (alerts: readonly Alert[]): Alert[] =>
	[...alerts].sort((a, b) => severityRank[a.severity] - severityRank[b.severity] || a.openedAt - b.openedAt);

const repairAfter = ({repair: before}: AlertState, {repair}: AlertView, now: number): AlertState['repair'] => {
	const {doneChunks} = repair;
	const isStill = doneChunks === before.doneChunks && (repair.blocked > 0 || repair.waiting > 0);
	return {doneChunks, stillSince: isStill ? before.stillSince : now};
};

/** What is open after a look, what opened and what is over. An alert's words keep up with what it is about. */
export const alertsAfter = (
	before: AlertState,
	{view, limits, newId}: {view: AlertView; limits: AlertLimits; newId: () => string},
	now: number,
): AlertChange => {
	const repair = repairAfter(before, view, now);
	const atOnce = atOnceFinding(view, before.open);
	const findings = [
		...copyFindings(view),
		repairFinding(view, now - repair.stillSince),
		atOnce.finding,
		...nodeFindings(view, limits, atOnce.gone),
		diskFinding(view),
		heapFinding(view),
		networkFinding(view),
		signInFinding(view),
		backupFinding(view, limits, now),
	];
	const turning = new Map<string, number>();
	const found = new Map(findings.map(finding => [keyOf(finding), finding]));
	/** Whether it has been so for long enough, counting from now where it was not so before. */
	const hasTurned = (key: string, forMs: number): boolean => {
		const since = before.turning.get(key) ?? now;
		turning.set(key, since);
		return now - since >= forMs;
	};

	const open: Alert[] = [];
	const resolved: Alert[] = [];
	for (const alert of before.open) {
		const key = keyOf(alert);
		const finding = found.get(key);
		// What it was about may be there no more, as a node that left.
		const isOver = finding === undefined || (finding.level === 'off' && hasTurned(key, OVER_FOR_MS));
		if (isOver) resolved.push(alert);
		else if (finding.level === 'on') open.push({...alert, text: finding.text, remedy: finding.remedy});
		else open.push(alert);
	}

	const known = new Set(before.open.map(keyOf));
	const opened = findings.flatMap(({level, forMs, ...finding}): Alert[] => {
		const key = keyOf(finding);
		if (level !== 'on' || known.has(key) || !hasTurned(key, forMs)) return [];
		return [{...finding, id: newId(), openedAt: now}];
	});
	for (const alert of [...opened, ...resolved]) turning.delete(keyOf(alert));
	return {state: {open: inOrder([...open, ...opened]), turning, repair}, opened, resolved};
};
