import {AnswerError} from '../client/errors.js';
import type {CheckLine} from '../client/api.js';
import type {Console, Notice} from '../console/view.js';
import type {FileView} from '../protocol/api.js';
import {printable} from '../terminal/text.js';
import {type ChunkStates, createChunkStates} from './replication-map.js';

export type ShardCounts = {ok: number; missing: number; corrupt: number; unreachable: number};

/** A check of one file: under way, or the last that ended. */
export type FileCheck = {
	file: FileView;
	state: 'running' | 'done' | 'failed' | 'stopped';
	/** What every chunk was found to be; those that weren't checked yet are unknown. */
	states: ChunkStates;
	checkedChunks: number;
	counts: ShardCounts;
	/** Chunks of which no shard is right. */
	unreadable: number;
	endedAtMs: number | undefined;
	/** Why it failed, and what to do about it. */
	problem: string | undefined;
};

/** The checks of all files. They go on whatever is on the screen, and tell how they ended. */
export type FileChecks = {
	of: (fileId: string) => FileCheck | undefined;
	/** Why none can be started now. */
	problem: (fileId: string) => string | undefined;
	start: (file: FileView) => void;
	stop: (fileId: string) => void;
	/** Called when one ended. Returns how to be told no more. */
	onEnd: (listener: (check: FileCheck) => void) => () => void;
	close: () => void;
};

/** As many as a coordinator takes at once. */
const MOST_RUNNING = 4;
/** Ended checks that are remembered. */
const MOST_REMEMBERED = 8;

const plural = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** How many shards are right, missing, wrong and unreachable, in words. */
export const countWords = ({ok, missing, corrupt, unreachable}: ShardCounts): string =>
	`${ok} right, ${missing} missing, ${corrupt} wrong, ${unreachable} unreachable`;

type ChunkLine = Extract<CheckLine, {event: 'chunk'}>;

const noteChunk = (check: FileCheck, {index, wanted, sound, shards}: ChunkLine): void => {
	for (const {result} of shards) check.counts[result]++;
	const has = (wrong: string) => shards.some(({result}) => result === wrong);
	check.states.put(index, {present: sound, wanted, hasCorrupt: has('corrupt'), hasMissing: has('missing')});
	check.checkedChunks++;
	if (sound === 0) check.unreadable++;
};

/** Reads a check to its end. Gives what it failed for, or `undefined`. */
const follow = async (check: FileCheck, {api, changed}: Console, signal: AbortSignal): Promise<string | undefined> => {
	const at = () => `after ${check.checkedChunks} of ${plural(check.file.chunks_count, 'chunk')}`;
	try {
		for await (const line of api.check(check.file.file_id, signal)) {
			if (line.event === 'done') return undefined;
			if (line.event === 'error') return `It ended ${at()}: ${line.error}. Press c to check again`;
			noteChunk(check, line);
			changed();
		}

		return `It was cut off ${at()}. Press c to check again`;
	} catch (error) {
		const message = error instanceof Error ? error.message : String(error);
		if (!(error instanceof AnswerError)) return `It was cut off ${at()}: ${message}. Press c to check again`;
		const {retryAfterMs} = error;
		return retryAfterMs === undefined ? message : `${message}. Press c in ${Math.ceil(retryAfterMs / 1000)} s`;
	}
};

const noticeOf = ({file, state, counts, unreadable, problem, checkedChunks}: FileCheck): Notice => {
	const name = printable(file.filename);
	if (state === 'stopped')
		return {tone: 'info', text: `The check of ${name} was stopped after ${plural(checkedChunks, 'chunk')}`};
	if (problem !== undefined) return {tone: 'bad', text: `The check of ${name}. ${problem}`};
	if (unreadable > 0)
		return {tone: 'bad', text: `${name}: ${plural(unreadable, 'chunk')} can't be read now. ${countWords(counts)}`};
	const isWell = counts.missing + counts.corrupt + counts.unreachable === 0;
	if (isWell) return {tone: 'ok', text: `${name} checked, all ${plural(counts.ok, 'shard')} are right`};
	return {tone: 'warn', text: `${name} checked, it can be read. Shards: ${countWords(counts)}`};
};

export const createFileChecks = (console: Console): FileChecks => {
	const checks = new Map<string, FileCheck>();
	const running = new Map<string, AbortController>();
	const listeners = new Set<(check: FileCheck) => void>();
	let isClosed = false;

	const forgetOld = () => {
		const ended = [...checks.keys()].filter(id => !running.has(id));
		for (const id of ended.slice(0, Math.max(0, ended.length - MOST_REMEMBERED))) checks.delete(id);
	};

	const run = async (check: FileCheck, controller: AbortController) => {
		const problem = await follow(check, console, controller.signal);
		running.delete(check.file.file_id);
		check.state = controller.signal.aborted ? 'stopped' : problem === undefined ? 'done' : 'failed';
		check.problem = check.state === 'failed' ? problem : undefined;
		check.endedAtMs = console.clock.now();
		if (isClosed) return;
		forgetOld();
		for (const listener of listeners) listener(check);
		console.notice(noticeOf(check));
		console.changed();
	};

	return {
		of: fileId => checks.get(fileId),
		problem(fileId) {
			if (running.has(fileId)) return 'A check of this file is under way. x in its details stops it';
			if (running.size < MOST_RUNNING) return undefined;
			return `${running.size} checks are under way. Wait for one to end, or stop one with x in its details`;
		},
		start(file) {
			const controller = new AbortController();
			const counts = {ok: 0, missing: 0, corrupt: 0, unreachable: 0};
			const states = createChunkStates(file.chunks_count);
			const unended = {endedAtMs: undefined, problem: undefined};
			const check: FileCheck = {file, state: 'running', states, checkedChunks: 0, counts, unreadable: 0, ...unended};
			checks.delete(file.file_id);
			checks.set(file.file_id, check);
			running.set(file.file_id, controller);
			console.changed();
			void run(check, controller);
		},
		stop: fileId => running.get(fileId)?.abort(new Error('The check was stopped')),
		onEnd(listener) {
			listeners.add(listener);
			return () => void listeners.delete(listener);
		},
		close() {
			isClosed = true;
			for (const controller of running.values()) controller.abort(new Error('The console closes'));
		},
	};
};
