import type {Api, ApiEvent, LogEntry} from '../client/contract.js';
import {AnswerError, UnreachableError} from '../client/errors.js';
import {quoted} from '../command-line.js';
import {PjasError} from '../protocol/errors.js';
import {escapeControls} from '../protocol/escape.js';
import {type CommandContext, isOn, jsonLine, type RunCommand, valueOf} from './context.js';
import {exitCodes} from './failures.js';
import {jsonList} from './show.js';

type Level = LogEntry['level'];

const ENTRIES_PER_PAGE = 1000;
const DEFAULT_LIMIT = 50;
/** The coordinator keeps no more. */
const MAX_LIMIT = 10_000;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;

const lineOf = ({timestamp, level, message}: LogEntry) =>
	`${escapeControls(timestamp)}  ${level.padEnd(5)}  ${escapeControls(message)}\n`;

const limitOf = (context: CommandContext): number => {
	const given = valueOf(context, 'limit');
	if (given === undefined) return DEFAULT_LIMIT;
	const limit = /^\d{1,6}$/.test(given) ? Number(given) : Number.NaN;
	if (limit >= 1 && limit <= MAX_LIMIT) return limit;
	throw new PjasError('INVALID_CONFIGURATION', `--limit is ${quoted(given)}. Allowed: 1 to ${MAX_LIMIT}`);
};

type Wanted = {limit: number; level: Level | undefined; afterId?: number};

/** The newest entries, at most so many and none up to `afterId`; the oldest of them first. */
const newestEntries = async (api: Api, {limit, level, afterId = 0}: Wanted): Promise<LogEntry[]> => {
	let entries: LogEntry[] = [];
	let before: number | undefined;
	do {
		const page = await api.logs({
			limit: Math.min(ENTRIES_PER_PAGE, limit - entries.length),
			...(before !== undefined && {before}),
			...(level !== undefined && {level}),
		});
		entries = [...page.logs.filter(entry => entry.id > afterId), ...entries];
		const isPast = (page.logs[0]?.id ?? 0) <= afterId;
		before = isPast ? undefined : (page.next_before ?? undefined);
	} while (before !== undefined && entries.length < limit);

	return entries;
};

/** Writes entries in their order and each once, whether they came as events or were fetched. */
const createFollower = (context: CommandContext, level: Level | undefined, startId: number) => {
	const {api, stdout} = context;
	let lastId = startId;

	const write = async (entry: LogEntry) => {
		lastId = Math.max(lastId, entry.id);
		if (level === undefined || entry.level === level) {
			await stdout.write(isOn(context, 'json') ? jsonLine(entry) : lineOf(entry));
		}
	};

	const catchUp = async () => {
		const newest = await newestEntries(api, {limit: 1, level: undefined});
		// A log that is not as far as it was is another one: all of it is new.
		if ((newest[0]?.id ?? 0) < lastId) lastId = 0;
		for (const entry of await newestEntries(api, {limit: MAX_LIMIT, level: undefined, afterId: lastId}))
			await write(entry);
	};

	const take = async (event: ApiEvent) => {
		if (event.name === 'reset') return catchUp();
		if (event.name !== 'log' || event.data.id <= lastId) return;
		// Entries are numbered without a gap: where one is, something was missed.
		if (event.data.id > lastId + 1) await catchUp();
		if (event.data.id > lastId) await write(event.data);
	};

	return {catchUp, take};
};

type Follower = ReturnType<typeof createFollower>;

/** Whether waiting may help: nobody answers, or who answers is only busy, or stands in for a coordinator that is away. */
const isPassing = (error: unknown): error is Error =>
	error instanceof UnreachableError ||
	(error instanceof AnswerError && error.status !== undefined && (error.status >= 500 || error.status === 429));

/** Listens until the connection breaks, and says so by throwing. What was missed before is caught up with once it stands. */
const listen = async (
	context: CommandContext,
	follower: Follower,
	position: {lastEventId?: string},
	onOpen: () => void,
) => {
	let work = Promise.resolve();
	const events = context.api.events({
		...position,
		signal: context.signal,
		onId: id => (position.lastEventId = id),
		onOpen() {
			onOpen();
			work = work.then(follower.catchUp);
			// The next event finds it failed.
			work.catch(() => undefined);
		},
	});
	for await (const event of events) {
		work = work.then(async () => follower.take(event));
		await work;
	}
};

/** Writes what comes until the signal ends it. A connection that breaks is made again, for as long as it takes. */
const follow = async (context: CommandContext, follower: Follower): Promise<never> => {
	const {signal, clock, random, stderr} = context;
	const position: {lastEventId?: string} = {};
	let waitMs = FIRST_WAIT_MS;
	for (;;) {
		signal.throwIfAborted();
		try {
			await listen(context, follower, position, () => (waitMs = FIRST_WAIT_MS));
		} catch (error) {
			if (signal.aborted || !isPassing(error)) throw error;
			if (stderr.isTerminal) await stderr.write(`pjas-tui: ${escapeControls(error.message)}; trying again\n`);
		}

		await clock.sleep(waitMs * (0.5 + random() / 2), signal);
		waitMs = Math.min(LONGEST_WAIT_MS, waitMs * 2);
	}
};

export const showLogs: RunCommand = async context => {
	const limit = limitOf(context);
	const level = valueOf(context, 'level') as Level | undefined;
	const asJson = isOn(context, 'json');
	const isFollowing = isOn(context, 'follow');
	const [newest] = isFollowing ? await newestEntries(context.api, {limit: 1, level: undefined}) : [];
	const entries = await newestEntries(context.api, {limit, level});
	const isList = asJson && !isFollowing;
	await context.stdout.write(isList ? jsonList(entries) : entries.map(asJson ? jsonLine : lineOf).join(''));
	if (isFollowing) {
		const startId = Math.max(newest?.id ?? 0, entries.at(-1)?.id ?? 0);
		await follow(context, createFollower(context, level, startId));
	}

	return exitCodes.done;
};
