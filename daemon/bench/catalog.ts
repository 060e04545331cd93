import {execFile} from 'node:child_process';
import {mkdtemp, rm, stat} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';
import {newNodeId} from '../../source/protocol/ids.js';
import {openNedbCatalog, type NedbCatalog} from '../adapters/nedb-catalog.js';
import {systemClock, systemRandom} from '../adapters/system.js';
import type {Catalog} from '../ports/catalog.js';
import {silentLog} from '../testing/silent-log.js';
import {MADE_COPIES, madeUpload} from './made-catalog.js';

const CHUNKS = 100_000;
const CHUNKS_A_FILE = 50;
const NODES = 12;
const WRITES = 2000;
const ROUNDS = 9;
const MAX_START_SECONDS = 6;
const MIN_RATIO = 0.5;

const nodes = Array.from({length: NODES}, () => newNodeId(systemRandom.bytes(16)));

const newUpload = (number: number, chunkCount: number) =>
	madeUpload(number, chunkCount, index =>
		nodes.map((node, at) => nodes[(number + index + at) % NODES] ?? node).slice(0, MADE_COPIES),
	);

const openIn = async (folder: string): Promise<NedbCatalog> =>
	openNedbCatalog({folder, log: silentLog, clock: systemClock});

const fill = async (folder: string): Promise<void> => {
	const catalog = await openIn(folder);
	for (let number = 0; number < CHUNKS / CHUNKS_A_FILE; number++) {
		const {file, chunks} = newUpload(number, CHUNKS_A_FILE);
		await catalog.commitUpload(file, chunks);
	}

	await catalog.close();
};

/** Chunks put a second, each new or in its second revision, with so many on their way at once. */
const measureWrites = async (catalog: Catalog, number: number, inFlight: number): Promise<number> => {
	const {chunks} = newUpload(number, WRITES / 2);
	let next = 0;
	const started = performance.now();
	const write = async () => {
		for (let chunk = chunks[next++]; chunk; chunk = chunks[next++]) {
			const stored = await catalog.putChunk(chunk);
			await catalog.putChunk(stored);
		}
	};
	await Promise.all(Array.from({length: inFlight}, write));
	return (WRITES * 1000) / (performance.now() - started);
};

const median = (values: readonly number[]): number =>
	values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;

const seconds = (ms: number) => (ms / 1000).toFixed(2);
const rate = (perSecond: number) => Math.round(perSecond).toLocaleString('en');

/** Puts chunks one after the other until other work is done, and says how long the slowest of them took. */
const measureSlowest = async (catalog: Catalog, work: Promise<void>): Promise<{ms: number; slowestMs: number}> => {
	const started = performance.now();
	const state = {isDone: false};
	const working = work.finally(() => (state.isDone = true));
	let slowestMs = 0;
	while (!state.isDone) {
		const {chunks} = newUpload(9_000_000, 1);
		const [chunk] = chunks;
		if (!chunk) break;
		const before = performance.now();
		await catalog.putChunk(chunk);
		slowestMs = Math.max(slowestMs, performance.now() - before);
	}

	await working;
	return {ms: performance.now() - started, slowestMs};
};

type Start = {startMs: number; cpuMs: number; rssBytes: number; peakBytes: number};

const START_FLAG = '--measure-start';

/** Opens a catalogue in a process that has done nothing else. */
const measureStart = async (folder: string): Promise<Start> => {
	const {stdout} = await promisify(execFile)(process.execPath, [fileURLToPath(import.meta.url), START_FLAG, folder]);
	return JSON.parse(stdout) as Start;
};

const start = async (folder: string): Promise<Start> => {
	const cpu = process.cpuUsage();
	const started = performance.now();
	const catalog = await openIn(folder);
	const startMs = performance.now() - started;
	const {user, system} = process.cpuUsage(cpu);
	const rssBytes = process.memoryUsage.rss();
	const peakBytes = process.resourceUsage().maxRSS * 1024;
	await catalog.close();
	return {startMs, cpuMs: (user + system) / 1000, rssBytes, peakBytes};
};

const verdict = (isMet: boolean) => (isMet ? 'met' : 'MISSED');

const run = async (root: string, print: (line: string) => void): Promise<void> => {
	const full = path.join(root, 'full');
	await fill(full);
	const {size} = await stat(path.join(full, 'catalog.db'));
	const {startMs, cpuMs, rssBytes, peakBytes} = await measureStart(full);
	const fullCatalog = await openIn(full);
	print(`catalogue of ${rate(CHUNKS)} chunks, ${(size / 1e6).toFixed(0)} MB`);
	print(
		`  start            ${seconds(startMs)} s (${seconds(cpuMs)} s of CPU)   bar: at most ${MAX_START_SECONDS} s   ${verdict(startMs <= MAX_START_SECONDS * 1000)}`,
	);
	print(
		`  memory           ${(rssBytes / 1e6).toFixed(0)} MB after the start, ${(peakBytes / 1e6).toFixed(0)} MB at its peak`,
	);

	const emptyCatalog = await openIn(path.join(root, 'empty'));
	let number = 1_000_000;
	for (const inFlight of [8, 64]) {
		const rates: {empty: number[]; full: number[]} = {empty: [], full: []};
		for (let round = 0; round < ROUNDS; round++) {
			rates.empty.push(await measureWrites(emptyCatalog, number++, inFlight));
			rates.full.push(await measureWrites(fullCatalog, number++, inFlight));
		}

		// Each pair was measured one right after the other, so that what else the machine does falls on both.
		const ratio = median(rates.full.map((perSecond, at) => perSecond / (rates.empty[at] ?? NaN)));
		const both = `empty ${rate(median(rates.empty))}/s, full ${rate(median(rates.full))}/s`;
		print(
			`  putChunk, ${String(inFlight).padStart(2)} at once  ${both}, ratio ${ratio.toFixed(2)}   bar: at least ${MIN_RATIO}   ${verdict(ratio >= MIN_RATIO)}`,
		);
	}

	const {ms, slowestMs} = await measureSlowest(fullCatalog, fullCatalog.compact());
	const calm = await measureSlowest(fullCatalog, delay(ms));
	print(
		`  compaction       ${seconds(ms)} s in the background; the slowest write took ${slowestMs.toFixed(0)} ms, and ${calm.slowestMs.toFixed(0)} ms in the same time after it`,
	);
	await emptyCatalog.close();
	await fullCatalog.close();
};

/** What the catalogue costs: its start, and its writes when it is empty and when it is large. */
export const benchCatalog = async (print: (line: string) => void): Promise<void> => {
	const root = await mkdtemp(path.join(tmpdir(), 'pjas-bench-catalog-'));
	try {
		await run(root, print);
	} finally {
		await rm(root, {recursive: true, force: true});
	}
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	const [flag, folder] = process.argv.slice(2);
	const print = (line: string) => process.stdout.write(`${line}\n`);
	if (flag === START_FLAG && folder) print(JSON.stringify(await start(folder)));
	else await benchCatalog(print);
}
