import {createHash} from 'node:crypto';
import {createReadStream} from 'node:fs';
import {readdir} from 'node:fs/promises';
import {join} from 'node:path';
import {finished} from 'node:stream/promises';
import {contentDigest} from './client.js';
import {resetPeak, type Usage, usageOf} from './measure.js';
import type {Party} from './party.js';

export type MemberUsage = Usage & {label: string};

/** What one phase of one party took. */
export type Sample = {
	seconds: number;
	bytes: number;
	files: number;
	members: MemberUsage[];
	clientCpuSeconds: number;
};

export type Load = {
	bigBytes: number;
	smallFiles: number;
	smallBytes: number;
	manyFiles: number;
	manyBytes: number;
	/** How large each of the many is where they come by tus. */
	manyByTusBytes: number;
};
export type PhaseName = 'upload' | 'download' | 'readers' | 'small up' | 'small down' | 'many up';
export type Keep = (phase: PhaseName, party: Party, sample: Sample) => void;

const SMALL_AT_ONCE = 8;
const READERS = 8;
const WARM_UP: Load = {
	bigBytes: 128 * 1024 * 1024,
	// V8 goes on compiling the coordinator's code for so many: the floor has so little that it is done long before.
	smallFiles: 6000,
	smallBytes: 64 * 1024,
	manyFiles: 0,
	manyBytes: 0,
	manyByTusBytes: 0,
};
const CLEARED_FROM_BYTES = 1024 * 1024;

const clientCpu = (): number => {
	const {user, system} = process.cpuUsage();
	return (user + system) / 1e6;
};

const usages = (party: Party): MemberUsage[] => party.members.map(({label, pid}) => ({label, ...usageOf(pid)}));

/** Runs `work` and takes what it cost. */
export const sampled = async (
	party: Party,
	bytes: number,
	files: number,
	work: () => Promise<void>,
): Promise<Sample> => {
	for (const {pid} of party.members) {
		resetPeak(pid);
	}

	const before = usages(party);
	const cpu = clientCpu();
	const start = performance.now();
	await work();
	const seconds = (performance.now() - start) / 1000;
	const clientCpuSeconds = clientCpu() - cpu;
	const members = usages(party).map((after, index) => ({
		...after,
		cpuSeconds: after.cpuSeconds - (before[index]?.cpuSeconds ?? 0),
	}));
	return {seconds, bytes, files, members, clientCpuSeconds};
};

/** Does `task` for 0 … `count` − 1, `limit` at once. */
export const atOnce = async <T>(count: number, limit: number, task: (index: number) => Promise<T>): Promise<T[]> => {
	const results: T[] = [];
	let next = 0;
	const lane = async (): Promise<void> => {
		while (next < count) {
			const index = next++;
			results[index] = await task(index);
		}
	};

	await Promise.all(Array.from({length: Math.min(limit, count)}, lane));
	return results;
};

export const fetchWhole = async (party: Party, id: string, sizeBytes: number): Promise<void> => {
	const got = await party.download(id);
	if (got !== sizeBytes) {
		throw new Error(`${party.name}: ${got} bytes came back, not ${sizeBytes}`);
	}
};

/** Fetches a file and compares its content with what was sent. */
const verify = async (party: Party, id: string, sizeBytes: number): Promise<void> => {
	const hash = createHash('sha256');
	await party.download(id, piece => hash.update(piece));
	if (hash.digest('hex') !== contentDigest(sizeBytes)) {
		throw new Error(`${party.name}: other bytes came back than were sent`);
	}
};

/** Reads all that is stored once, so that downloads measure programs and not which blocks the disk has cached. */
const warm = async (party: Party): Promise<void> => {
	for (const folder of party.folders) {
		for (const entry of await readdir(folder, {recursive: true, withFileTypes: true})) {
			if (!entry.isFile()) continue;
			const stream = createReadStream(join(entry.parentPath, entry.name), {highWaterMark: 1024 * 1024});
			await finished(stream.resume());
		}
	}
};

type Phase = {
	up: PhaseName;
	down?: PhaseName;
	/** How many fetch one file at once then. */
	readers?: number;
	files: number;
	bytes: number;
	limit: number;
};

/**
Stores `files` files of `bytes`, fetches them where `down` names a phase, checks one, and removes them if they are large.
Small files stay: they take little room, and ext4 without a journal is slow to create files for seconds after many were
removed (it steps over each inode that was freed lately), which would be measured in place of the programs.
*/
const runPhase = async (parties: readonly Party[], phase: Phase, keep: Keep): Promise<void> => {
	const {up, down, readers = 0, files, bytes, limit} = phase;
	const stored = new Map<Party, string[]>();
	for (const party of parties) {
		let ids: string[] = [];
		const store = async (): Promise<void> => {
			ids = await atOnce(files, limit, async () => party.upload(bytes));
		};

		keep(up, party, await sampled(party, bytes * files, files, store));
		stored.set(party, ids);
		if (!down) await checkAndClear(party, ids, bytes);
	}

	if (!down) return;
	for (const party of parties) {
		await warm(party);
	}

	for (const party of parties) {
		const ids = stored.get(party) ?? [];
		const fetch = async (): Promise<void> => {
			await atOnce(files, limit, async index => fetchWhole(party, ids[index] ?? '', bytes));
		};

		keep(down, party, await sampled(party, bytes * files, files, fetch));
		if (readers === 0) await checkAndClear(party, ids, bytes);
	}

	if (readers === 0) return;
	for (const party of parties) {
		await runReaders(party, stored.get(party) ?? [], phase, keep);
	}
};

/** All of them read the first file at once. */
const runReaders = async (
	party: Party,
	ids: readonly string[],
	{readers = 0, bytes}: Phase,
	keep: Keep,
): Promise<void> => {
	const read = async (): Promise<void> => {
		await atOnce(readers, readers, async () => fetchWhole(party, ids[0] ?? '', bytes));
	};

	keep('readers', party, await sampled(party, bytes * readers, readers, read));
	await checkAndClear(party, ids, bytes);
};

export const checkAndClear = async (party: Party, ids: readonly string[], bytes: number): Promise<void> => {
	await verify(party, ids[0] ?? '', bytes);
	if (bytes >= CLEARED_FROM_BYTES) await party.clear(ids);
};

export const runBig = async (parties: readonly Party[], {bigBytes}: Load, keep: Keep): Promise<void> =>
	runPhase(parties, {up: 'upload', down: 'download', files: 1, bytes: bigBytes, limit: 1}, keep);

/** The same, and then all at once who want the file. */
export const runBigRead = async (parties: readonly Party[], {bigBytes}: Load, keep: Keep): Promise<void> => {
	const shape = {files: 1, bytes: bigBytes, limit: 1, readers: READERS};
	await runPhase(parties, {up: 'upload', down: 'download', ...shape}, keep);
};

export const runSmall = async (parties: readonly Party[], load: Load, keep: Keep): Promise<void> => {
	const shape = {files: load.smallFiles, bytes: load.smallBytes, limit: SMALL_AT_ONCE};
	await runPhase(parties, {up: 'small up', down: 'small down', ...shape}, keep);
};

export const runMany = async (parties: readonly Party[], load: Load, keep: Keep): Promise<void> => {
	const shape = {files: load.manyFiles, bytes: load.manyBytes, limit: load.manyFiles};
	await runPhase(parties, {up: 'many up', ...shape}, keep);
};

export const runManyByTus = async (parties: readonly Party[], load: Load, keep: Keep): Promise<void> =>
	runMany(parties, {...load, manyBytes: load.manyByTusBytes}, keep);

/** Runs every way once, small, so that what is measured is compiled, connected and has its buffers. */
export const warmUp = async (parties: readonly Party[]): Promise<void> => {
	const keep: Keep = () => undefined;
	await runBig(parties, WARM_UP, keep);
	await runSmall(parties, WARM_UP, keep);
};
