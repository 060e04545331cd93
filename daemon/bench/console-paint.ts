import {setTimeout as delay} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
import {openPty} from '../../source/testing/pty.js';
import type {NodeView} from '../../source/protocol/api.js';
import type {FakeCoordinator, FakeNetwork} from './console-coordinator.js';
import type {FigureName} from './console-figures.js';
import {fakeNetwork} from './console-network.js';
import {
	COLUMNS,
	isPainted,
	open,
	quiet,
	ROWS,
	timeToChange,
	withConsole,
	withSilence,
	type Session,
} from './console-run.js';
import {usageOf} from './measure.js';

export type KeepFigure = (name: FigureName, value: number) => void;

const NODES = 30;
const FILES = 30;
const UNCHANGED_MS = 10_000;
const SLOW_BYTES_PER_SECOND = 4_000;
const SLOW_UPDATES = 100;
const SLOW_EVERY_MS = 100;
const LOOK_EVERY_MS = 10;
const FIRST_SLOW_VALUE = 10_000;
/** How often a node says that it is there, so that so many nodes do it so much more often. */
const NODE_BEATS_EVERY_MS = 10_000;

const FRAME_BEGINS = '\u001B[?2026h';
const FRAME_ENDS = '\u001B[?2026l';
const erasures = ['', '0', '1', '2', '3'].map(kind => `\u001B[${kind}J`);

const countOf = (text: string, wanted: string): number => text.split(wanted).length - 1;

const startNode = async (home: string): Promise<number> => {
	const start = performance.now();
	const pty = openPty({command: process.execPath, args: ['-e', '0'], cwd: home});
	await pty.exit;
	return (performance.now() - start) / 1000;
};

/** From the start of the process to its first frame, with nobody who answers. */
export const measureStart = async (home: string, keep: KeepFigure): Promise<void> =>
	withSilence(async url => {
		keep('nodeFloor', await startNode(home));
		const start = performance.now();
		const pty = open({url, home});
		await pty.waitFor(isPainted);
		keep('firstFrame', (performance.now() - start) / 1000);
		keep('firstFrameCpu', usageOf(pty.pid).cpuSeconds);
		keep('firstFrameBytes', pty.bytes());
		await pty.close();

		const startUnbundled = performance.now();
		const unbundled = open({url, home, program: fileURLToPath(new URL('../../source/cli.js', import.meta.url))});
		await unbundled.waitFor(isPainted);
		keep('firstFrameUnbundled', (performance.now() - startUnbundled) / 1000);
		await unbundled.close();
	});

/** Sends what the nodes say while all is well, until it is stopped. */
export const startHeartbeats = ({nodes}: FakeNetwork, coordinator: FakeCoordinator): (() => void) => {
	let next = 0;
	const timer = setInterval(() => {
		const node = nodes[next++ % nodes.length];
		if (node) coordinator.send('node', {...node, last_seen: Date.now(), in_flight: next % 3});
	}, NODE_BEATS_EVERY_MS / nodes.length);
	return () => clearInterval(timer);
};

const measureBytes = async ({pty, coordinator, network}: Session, keep: KeepFigure): Promise<void> => {
	const [node] = network.nodes as [NodeView];
	const whole = pty.record();
	pty.press('ctrl-l');
	await pty.waitFor(() => whole().text.includes(FRAME_ENDS));
	await quiet(pty);
	keep('wholeFrameBytes', whole().bytes);

	const stopHeartbeats = startHeartbeats(network, coordinator);
	const unchanged = pty.record();
	await delay(UNCHANGED_MS);
	stopHeartbeats();
	keep('unchangedBytes', unchanged().bytes);

	const cell = pty.record();
	await timeToChange(pty, () => coordinator.send('node', {...node, chunks_stored: node.chunks_stored + 1}));
	await quiet(pty);
	keep('cellBytes', cell().bytes);

	const move = pty.record();
	await timeToChange(pty, () => pty.press('j'));
	await quiet(pty);
	keep('moveBytes', move().bytes);

	const both = [cell(), move()];
	keep('frameWrites', Math.max(...both.map(({writes, text}) => writes / Math.max(1, countOf(text, FRAME_BEGINS)))));
	const all = unchanged().text + cell().text + move().text;
	keep(
		'erases',
		erasures.reduce((sum, erasure) => sum + countOf(all, erasure), 0),
	);
};

/** Until the whole of a frame of that size is on the screen. */
const measureResize = async ({pty}: Session, columns: number, rows: number): Promise<number> => {
	const start = performance.now();
	pty.resize(columns, rows);
	await pty.waitFor(
		screen =>
			screen.length === rows && isPainted(screen) && screen.at(-2)?.length === columns && screen[0]?.length === columns,
	);
	return performance.now() - start;
};

/** Beside the list of files stand facts of the chosen one, which change too; the map of its copies comes later, when it is asked for. */
const measureFilesMove = async ({pty}: Session, keep: KeepFigure): Promise<void> => {
	pty.press('3');
	await pty.waitFor('holiday');
	await quiet(pty);
	const move = pty.record();
	await timeToChange(pty, () => pty.press('j'));
	keep('filesMoveBytes', move().bytes);
	await quiet(pty);
	pty.press('2');
	await quiet(pty);
};

export const measureFrames = async (home: string, keep: KeepFigure): Promise<void> =>
	withConsole({network: fakeNetwork(NODES, FILES), home}, async session => {
		await measureBytes(session, keep);
		await measureFilesMove(session, keep);
		const times: number[] = [];
		for (const [columns, rows] of [
			[80, 24],
			[200, 60],
			[COLUMNS, ROWS],
		] as const) {
			times.push(await measureResize(session, columns, rows));
			await quiet(session.pty);
		}

		keep('resize', Math.max(...times));
	});

/** The oldest of the values that stand on the screen. */
const shownValue = (screen: string[]): number =>
	Math.min(...screen.flatMap(line => (line.match(/\b1\d{4}\b/g) ?? []).map(Number)));

/** How far the screen is behind what was sent, looked at all the time. */
export const measureSlowLine = async (home: string, keep: KeepFigure): Promise<void> => {
	const network = fakeNetwork(NODES, 0);
	const slow = {...network, nodes: network.nodes.map(node => ({...node, chunks_stored: FIRST_SLOW_VALUE}))};
	const opening = {network: slow, home, bytesPerSecond: SLOW_BYTES_PER_SECOND};
	await withConsole(opening, async ({pty, coordinator}) => {
		const sentAt: number[] = [performance.now()];
		let mostMs = 0;
		const look = () => {
			// What is shown is old since the moment at which the next value was sent.
			const nextSentAt = sentAt[shownValue(pty.screen()) - FIRST_SLOW_VALUE + 1];
			if (nextSentAt !== undefined) mostMs = Math.max(mostMs, performance.now() - nextSentAt);
		};

		const looking = setInterval(look, LOOK_EVERY_MS);
		for (let update = 1; update <= SLOW_UPDATES; update++) {
			sentAt.push(performance.now());
			const chunks_stored = FIRST_SLOW_VALUE + update;
			for (const node of slow.nodes) coordinator.send('node', {...node, chunks_stored, latency_ms: 10 + update});
			await delay(SLOW_EVERY_MS);
		}

		await pty.waitFor(screen => shownValue(screen) === FIRST_SLOW_VALUE + SLOW_UPDATES);
		const endMs = performance.now() - (sentAt.at(-1) ?? 0);
		clearInterval(looking);
		keep('slowLag', mostMs / 1000);
		keep('slowEnd', endMs / 1000);
	});
};
