import {setTimeout as delay} from 'node:timers/promises';
import type {NodeView} from '../../source/protocol/api.js';
import type {Pty} from '../../source/testing/pty.js';
import {fakeNetwork} from './console-network.js';
import {type KeepFigure, startHeartbeats} from './console-paint.js';
import {quiet, type Session, timeToChange, withConsole} from './console-run.js';
import {median, usageOf} from './measure.js';

const MB = 1e6;
const NODES = 30;
const FILES = 200;
/** Long enough to have in it, once, the collections with which V8 tidies up in the first minute. */
const IDLE_SECONDS = 60;
const WATCHED_SECONDS = 20;
const HOUR_SECONDS = 3600;
const MINUTE_SECONDS = 60;
const MANY_NODES = 5_000;
const MANY_FILES = 100_000;
const MOVES = 20;
const BETWEEN_KEYS_MS = 50;
const LOADING_MS = 60_000;

const cpuPercent = async (pid: number, work: () => Promise<void>): Promise<number> => {
	const before = usageOf(pid).cpuSeconds;
	const start = performance.now();
	await work();
	return ((usageOf(pid).cpuSeconds - before) * 100_000) / (performance.now() - start);
};

/** What it costs to be open all day. */
export const measureCpu = async (home: string, keep: KeepFigure): Promise<void> =>
	withConsole({network: fakeNetwork(NODES, FILES), home}, async ({pty, coordinator, network}) => {
		const stopHeartbeats = startHeartbeats(network, coordinator);
		keep('idleCpu', await cpuPercent(pty.pid, async () => delay(IDLE_SECONDS * 1000)));
		const [node] = network.nodes as [NodeView];
		const updateEverySecond = async () => {
			for (let second = 1; second <= WATCHED_SECONDS; second++) {
				coordinator.send('node', {...node, chunks_stored: node.chunks_stored + second});
				await delay(1000);
			}
		};

		keep('updateCpu', await cpuPercent(pty.pid, updateEverySecond));
		stopHeartbeats();
	});

/** What one second brings: a node that took shards, the figures and an entry of the log. */
const sendSecond = ({coordinator, network}: Session, second: number): string => {
	const node = network.nodes[second % NODES] as NodeView;
	const chunks_stored = 100_000 + second;
	const nowMs = Date.now();
	coordinator.send('node', {...node, chunks_stored, last_seen: nowMs});
	coordinator.send('stats', {...network.stats, chunks: chunks_stored, bytesIn: second * 1_000_000});
	coordinator.send('log', {
		...{id: second, level: 'INFO', timestamp: '2026-11-23 12:00:00', timestamp_ms: nowMs},
		message: `"holiday-${second}.jpg" uploaded: 1 chunk on 3 nodes`,
	});
	return String(chunks_stored);
};

const visitScreens = async (pty: Pty): Promise<void> => {
	for (const key of ['1', '3', '4', '5', '2']) await timeToChange(pty, () => pty.press(key));
};

/** An hour of updates, each sent as soon as the one before is on the screen; every minute somebody looks at each screen. */
export const measureMemory = async (home: string, keep: KeepFigure): Promise<void> =>
	withConsole({network: fakeNetwork(NODES, FILES), home}, async session => {
		const {pty} = session;
		for (let second = 1; second <= HOUR_SECONDS; second++) {
			const shown = sendSecond(session, second);
			await pty.waitFor(shown);
			if (second % MINUTE_SECONDS === 0) await visitScreens(pty);
		}

		keep('memory', usageOf(pty.pid).peakBytes / MB);
	});

/** Words that narrow, one that is taken back, one that must not be there and one that is about right. */
const lineOf = (word: string): string[] => [
	...word.split(''),
	...Array.from({length: 4}, () => 'backspace'),
	...word.slice(-4).split(''),
	...['space', '!', '7', 'space', '~', '1', '2'],
];

type Timing = {middleMs: number; slowestMs: number; cpuMs: number};

const timeKeys = async (pty: Pty, keys: readonly string[]): Promise<Timing> => {
	const times: number[] = [];
	const before = usageOf(pty.pid).cpuSeconds;
	for (const key of keys) {
		times.push(await timeToChange(pty, () => pty.press(key)));
		await delay(BETWEEN_KEYS_MS);
	}

	const cpuMs = ((usageOf(pty.pid).cpuSeconds - before) * 1000) / keys.length;
	return {middleMs: median(times), slowestMs: Math.max(...times), cpuMs};
};

const timeFilter = async (pty: Pty, word: string): Promise<Timing> => {
	pty.press('/');
	await quiet(pty);
	const timing = await timeKeys(pty, lineOf(word));
	pty.press('escape');
	await quiet(pty);
	return timing;
};

export const measureLists = async (home: string, keep: KeepFigure): Promise<void> =>
	withConsole({network: fakeNetwork(MANY_NODES, MANY_FILES), home}, async ({pty}) => {
		pty.press('3');
		await pty.waitFor(screen => screen.some(line => line.includes(`of ${MANY_FILES}`)), {timeoutMs: LOADING_MS});
		await quiet(pty);
		const files = await timeFilter(pty, 'holiday');
		keep('filterFiles', files.middleMs);
		keep('filterFilesSlowest', files.slowestMs);
		keep('filterFilesCpu', files.cpuMs);
		const moves = await timeKeys(
			pty,
			Array.from({length: MOVES}, () => 'j'),
		);
		keep('moveFiles', moves.middleMs);

		pty.press('2');
		await quiet(pty);
		const nodes = await timeFilter(pty, 'zone-11');
		keep('filterNodes', nodes.middleMs);
		keep('filterNodesSlowest', nodes.slowestMs);
		keep('filterNodesCpu', nodes.cpuMs);
		keep('listsMemory', usageOf(pty.pid).peakBytes / MB);
	});
