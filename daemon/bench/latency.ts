import {setTimeout as delay} from 'node:timers/promises';
import {table} from './measure.js';
import {type Network, withNetwork} from './network.js';
import type {Options} from './options.js';
import {digits, type Verdict} from './report.js';

/** How long people wait, in ms: for a file's first byte, and for an answer or an event while others upload. */
export type LatencyFigures = {title: string; most: number; of: 'all' | 'p99'; ms: number[]}[];

type Print = (text: string) => void;

const MIB = 1024 ** 2;
const FILES = 24;
const FILE_BYTES = 24 * MIB;
const UPLOADS_AT_ONCE = 4;
const UPLOAD_BYTES = 64 * MIB;
const ASK_FOR_MS = 30_000;
const ASK_EVERY_MS = 20;
/** What is to be told takes an upload: more of them would be a load of their own. */
const HAPPENS_EVERY_MS = 100;
const LISTED_FILES = 200;
const FIRST_BYTE_MOST_MS = 50;
const FIRST_BYTE_HUNG_MOST_MS = 1000;
const ANSWER_MOST_MS = 50;

const msOf = async (work: () => Promise<unknown>): Promise<number> => {
	const start = performance.now();
	await work();
	return performance.now() - start;
};

/** What is at least as large as this part of all. */
const quantile = (values: readonly number[], part: number): number =>
	values.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(values.length * part) - 1)] ?? Number.NaN;

const firstByteMs = async (network: Network, id: string): Promise<number> => {
	const start = performance.now();
	let ms: number | undefined;
	await network.download(id, () => {
		ms ??= performance.now() - start;
	});
	return ms ?? Number.NaN;
};

const firstBytes = async (network: Network, ids: readonly string[]): Promise<number[]> => {
	const all: number[] = [];
	for (const id of ids) all.push(await firstByteMs(network, id));
	return all;
};

/** The same while a node takes what it is asked and never answers. */
const firstBytesWithOneHung = async (network: Network, ids: readonly string[]): Promise<number[]> => {
	const pid = network.members.find(({label}) => label === 'node 1')?.pid ?? 0;
	process.kill(pid, 'SIGSTOP');
	try {
		return await firstBytes(network, ids);
	} finally {
		process.kill(pid, 'SIGCONT');
	}
};

/** How long after something happened somebody who listens hears of it: an entry of the log says when it was. */
const latenessOfEvents = async (network: Network, isOver: () => boolean): Promise<number[]> => {
	const all: number[] = [];
	const end = new AbortController();
	const note = ({event, data}: {event?: string | undefined; data: string}) => {
		if (event !== 'log') return;
		const {timestamp_ms: happenedMs} = JSON.parse(data) as {timestamp_ms: number};
		all.push(Date.now() - happenedMs);
	};

	const makeThemHappen = async () => {
		while (!isOver()) {
			await network.upload(1000);
			await delay(HAPPENS_EVERY_MS);
		}
	};
	await Promise.all([network.listen(note, end.signal), makeThemHappen().finally(() => end.abort())]);
	return all;
};

/** Asks for the same again and again, and listens, while some upload as fast as they can. */
const whileUploading = async (network: Network, paths: readonly string[]): Promise<number[][]> => {
	const end = performance.now() + ASK_FOR_MS;
	const isOver = () => performance.now() > end;
	const stored: string[] = [];
	const upload = async () => {
		while (!isOver()) {
			const id = await network.upload(UPLOAD_BYTES);
			stored.push(id);
			await network.clear([id]);
		}
	};

	const ask = async (path: string) => {
		const all: number[] = [];
		while (!isOver()) {
			all.push(await msOf(async () => network.get(path)));
			await delay(ASK_EVERY_MS);
		}

		return all;
	};

	const uploads = Promise.all(Array.from({length: UPLOADS_AT_ONCE}, upload));
	const asked = await Promise.all([...paths.map(ask), latenessOfEvents(network, isOver)]);
	await uploads;
	return asked;
};

/** Every read is from the nodes: what the coordinator keeps in memory would answer in their place. */
export const benchLatency = async ({folder}: Options, print: Print): Promise<LatencyFigures> =>
	withNetwork(folder, {settings: ['--cache', '0B', '--trash-days', '0']}, print, async network => {
		const ids: string[] = [];
		for (let count = 0; count < FILES; count++) ids.push(await network.upload(FILE_BYTES));
		for (let count = 0; count < LISTED_FILES; count++) await network.upload(1000);
		await firstBytes(network, ids);
		print('  latency: downloads with all nodes up');
		const up = await firstBytes(network, ids);
		print('  latency: downloads with one node hung');
		const hung = await firstBytesWithOneHung(network, ids);
		await network.clear(ids);
		print(`  latency: ${UPLOADS_AT_ONCE} uploads for ${ASK_FOR_MS / 1000} s`);
		const [health = [], listing = [], events = []] = await whileUploading(network, ['/health', '/api/files?limit=100']);
		return [
			{title: 'first byte, all nodes up', most: FIRST_BYTE_MOST_MS, of: 'all', ms: up},
			{title: 'first byte, one node hung', most: FIRST_BYTE_HUNG_MOST_MS, of: 'all', ms: hung},
			{title: `GET /health, ${UPLOADS_AT_ONCE} uploads meanwhile`, most: ANSWER_MOST_MS, of: 'p99', ms: health},
			{title: `GET /api/files, ${UPLOADS_AT_ONCE} uploads meanwhile`, most: ANSWER_MOST_MS, of: 'p99', ms: listing},
			{title: `an event, ${UPLOADS_AT_ONCE} uploads meanwhile`, most: ANSWER_MOST_MS, of: 'p99', ms: events},
		];
	});

export const latencyReportOf = (figures: LatencyFigures): {text: string; verdicts: Verdict[]} => {
	const verdicts = figures.map(({title, most, of, ms}): Verdict => {
		const value = of === 'all' ? Math.max(...ms) : quantile(ms, 0.99);
		return {phase: 'latency', label: `${title}, ms`, value, bar: `<= ${most}`, passes: value <= most};
	});
	const rows = figures.map(({title, most, of, ms}, at) => [
		`  ${title}`,
		...[0.5, 0.99, 1].map(part => digits(quantile(ms, part))),
		`${of === 'all' ? 'most' : of} <= ${most}`,
		verdicts[at]?.passes ? 'PASS' : 'FAIL',
	]);
	return {text: table([['latency, ms', 'p50', 'p99', 'most', 'bar', ''], ...rows]), verdicts};
};
