import {statfs} from 'node:fs/promises';
import {setTimeout as delay} from 'node:timers/promises';
import type {RepairView, Stats} from '../../source/protocol/api.js';
import {FLOOR_BLOCK_BYTES} from './floor-blocks.js';
import {startCopyFloor} from './floor.js';
import {median, table} from './measure.js';
import {type Network, withNetwork} from './network.js';
import {type Options, UsageError} from './options.js';
import {digits, ratioDigits, type Verdict} from './report.js';

/** What a node's death costs: until every chunk has three copies again, and of the speed of uploads meanwhile. */
export type RepairFigures = {
	storedBytes: number;
	/** What was copied to make up for the node. */
	copiedBytes: number;
	/** From the node's death until the first copy began: nobody is missed at once. */
	noticedSeconds: number;
	/** From then on until every chunk had all its copies. */
	copySeconds: number;
	/** The floor's time for as many bytes. */
	floorSeconds: number;
	uploads: UploadFigures[];
};

/** Speeds of single uploads, in bytes a second. */
type UploadFigures = {rate: string; calm: number[]; repairing: number[]};

type Print = (text: string) => void;

const GIB = 1024 ** 3;
const MIB = 1024 ** 2;
const NODES = 6;
const COPIES = 3;
const USUAL_BYTES = 20 * GIB;
const FILE_BYTES = 256 * MIB;
const UPLOAD_BYTES = 64 * MIB;
/** The floor copies no more, and its time for all is reckoned from that: each byte takes it as long. */
const FLOOR_BYTES = 4 * GIB;
const SPARE_BYTES = GIB;
const CALM_UPLOADS = 5;
const WARM_UPS = 3;
/** As many as `--repair-at-once` has by default. */
const AT_ONCE = 4;
const UPLOADS_FOR_MS = 60_000;
const POLL_MS = 100;
/** Slower than this, and it stands still. */
const SLOWEST_BYTES_PER_SECOND = 2e6;
const START_LIMIT_MS = 300_000;
const UPLOADS_RATIO = 0.7;

const settingsOf = (rate: string): string[] => ['--repair-grace', '0s', '--repair-rate', rate];

/** How much is stored, so that the copies, the repairs and the floor have the room. */
const storedBytesOf = async ({folder, repairBytes}: Options): Promise<number> => {
	const {bavail, bsize} = await statfs(folder);
	// A dead node's copies are gone when they are made anew elsewhere; beside them are the floor's, and what is uploaded meanwhile.
	const room = (bavail * bsize * 0.95 - 2 * FLOOR_BYTES - SPARE_BYTES) / COPIES;
	const bytes = repairBytes ?? Math.min(USUAL_BYTES, Math.floor(room / GIB) * GIB);
	if (bytes > 0 && bytes <= room) return bytes;
	throw new UsageError(
		`${folder} has room for ${digits(room / GIB)} GiB. Give another --folder, or a smaller --repair-size`,
	);
};

const repairOf = async (network: Network) => (await network.get<{repair: RepairView}>('/api/repair')).repair;
const statsOf = async (network: Network) => (await network.get<{stats: Stats}>('/api/stats')).stats;

const waitUntil = async (what: string, withinMs: number, isSo: () => Promise<boolean>) => {
	const end = performance.now() + withinMs;
	while (!(await isSo())) {
		if (performance.now() > end) throw new Error(`${what}: not within ${Math.round(withinMs / 1000)} s`);
		await delay(POLL_MS);
	}
};

const isFull = async (network: Network): Promise<boolean> => {
	const {redundancy, repair} = await statsOf(network);
	return redundancy.partly + redundancy.none === 0 && repair.waiting + repair.active === 0;
};

const repairStarts = async (network: Network) =>
	waitUntil('The repair starts', START_LIMIT_MS, async () => (await repairOf(network)).active.length > 0);

const repairEnds = async (network: Network, bytes: number) =>
	waitUntil('Every chunk has all its copies', START_LIMIT_MS + (bytes * 1000) / SLOWEST_BYTES_PER_SECOND, async () =>
		isFull(network),
	);

const secondsOf = async (work: () => Promise<unknown>): Promise<number> => {
	const start = performance.now();
	await work();
	return (performance.now() - start) / 1000;
};

const uploadOnce = async (network: Network, stored: string[]): Promise<number> =>
	UPLOAD_BYTES / (await secondsOf(async () => stored.push(await network.upload(UPLOAD_BYTES))));

const uploadCalmly = async (network: Network): Promise<number[]> => {
	const stored: string[] = [];
	const speeds: number[] = [];
	for (let count = 0; count < WARM_UPS + CALM_UPLOADS; count++) speeds.push(await uploadOnce(network, stored));
	await network.clear(stored);
	return speeds.slice(WARM_UPS);
};

/** Uploads one file after the other; what began and ended while something was repaired counts. */
const uploadWhileRepairing = async (network: Network): Promise<number[]> => {
	const stored: string[] = [];
	const speeds: number[] = [];
	const end = performance.now() + UPLOADS_FOR_MS;
	while (performance.now() < end) {
		const speed = await uploadOnce(network, stored);
		const {active, waiting} = await repairOf(network);
		if (active.length + waiting === 0) break;
		speeds.push(speed);
	}

	await network.clear(stored);
	return speeds;
};

/** The floor's seconds for as many bytes between as many nodes as are left. */
const floorCopies = async (folder: string, bytes: number): Promise<number> => {
	const blocks = Math.max(1, Math.round(Math.min(bytes, FLOOR_BYTES) / FLOOR_BLOCK_BYTES));
	const floor = await startCopyFloor(folder, NODES - 1);
	try {
		await floor.fill(blocks);
		const seconds = await secondsOf(async () => floor.copy(AT_ONCE));
		return (seconds * bytes) / (blocks * FLOOR_BLOCK_BYTES);
	} finally {
		await floor.stop();
	}
};

const measureDeath = async (network: Network, storedBytes: number, label: string) => {
	const noticedSeconds = await secondsOf(async () => {
		await network.kill(label);
		await repairStarts(network);
	});
	const copySeconds = await secondsOf(async () => repairEnds(network, storedBytes));
	const {bytes: copiedBytes} = (await repairOf(network)).done;
	return {noticedSeconds, copySeconds, copiedBytes};
};

const measureUploads = async (network: Network, rate: string, label: string, print: Print): Promise<UploadFigures> => {
	const calm = await uploadCalmly(network);
	print(`  uploads       without repair: ${digits(median(calm) / 1e6)} MB/s`);
	await network.kill(label);
	await repairStarts(network);
	const repairing = await uploadWhileRepairing(network);
	print(
		`  uploads       with --repair-rate ${rate}: ${repairing.length} of them, ${digits(median(repairing) / 1e6)} MB/s`,
	);
	return {rate, calm, repairing};
};

const measure = async (network: Network, folder: string, storedBytes: number, print: Print): Promise<RepairFigures> => {
	for (let bytes = 0; bytes < storedBytes; bytes += FILE_BYTES) {
		await network.upload(Math.min(FILE_BYTES, storedBytes - bytes));
	}

	print(`  repair        ${digits(storedBytes / GIB)} GiB are stored on ${NODES} nodes`);
	const death = await measureDeath(network, storedBytes, 'node 1');
	print(`  repair        full again ${digits(death.noticedSeconds + death.copySeconds)} s after a node's death`);
	const floorSeconds = await floorCopies(folder, death.copiedBytes);
	print(`  floor         the same bytes copied in ${digits(floorSeconds)} s`);
	const uploads = [await measureUploads(network, '0', 'node 2', print)];
	await repairEnds(network, storedBytes);
	await network.restart({settings: settingsOf('20MB')});
	await waitUntil(
		'The nodes are heard of',
		START_LIMIT_MS,
		async () => (await statsOf(network)).onlineNodes === NODES - 2,
	);
	uploads.push(await measureUploads(network, '20MB', 'node 3', print));
	return {storedBytes, ...death, floorSeconds, uploads};
};

/** Starts a network of six nodes, lets three of them die one after the other, and leaves nothing behind. */
export const benchRepair = async (options: Options, print: Print): Promise<RepairFigures> => {
	const storedBytes = await storedBytesOf(options);
	return withNetwork(options.folder, {nodes: NODES, settings: settingsOf('0')}, print, async (network, folder) =>
		measure(network, folder, storedBytes, print),
	);
};

const uploadRow = ({rate, calm, repairing}: UploadFigures): string[] => {
	const label = `MB/s, --repair-rate ${rate}${rate === '0' ? ' (any)' : ''}`;
	if (repairing.length === 0) return [label, digits(median(calm) / 1e6), 'ended before an upload', '', ''];
	const ratio = median(repairing) / median(calm);
	const bar = `>= ${UPLOADS_RATIO}`;
	return [label, digits(median(calm) / 1e6), digits(median(repairing) / 1e6), ratioDigits(ratio), bar];
};

/** The figures beside the floor's, and whether uploads keep their speed. */
export const repairReportOf = (figures: RepairFigures): {text: string; verdicts: Verdict[]} => {
	const {storedBytes, copiedBytes, noticedSeconds, copySeconds, floorSeconds, uploads} = figures;
	const speed = (seconds: number) => digits(copiedBytes / 1e6 / seconds);
	const rows = [
		['', 'floor', 'ours', 'ratio', 'bar'],
		[`repair: ${digits(storedBytes / GIB)} GiB on ${NODES} nodes, of which one dies, --repair-rate 0 (any)`],
		['s until it is noticed', '', digits(noticedSeconds), '', ''],
		[`s to copy ${digits(copiedBytes / GIB)} GiB`, digits(floorSeconds), digits(copySeconds), '', ''],
		['s from death to full redundancy', '', digits(noticedSeconds + copySeconds), '', ''],
		['MB/s of copies', speed(floorSeconds), speed(copySeconds), ratioDigits(floorSeconds / copySeconds), ''],
		[''],
		['uploads while it repairs, beside those without', 'without', 'repairing', 'ratio', 'bar'],
		...uploads.map(uploadRow),
	];
	const verdicts = uploads.flatMap(({rate, calm, repairing}): Verdict[] => {
		if (repairing.length === 0) return [];
		const value = median(repairing) / median(calm);
		const label = `uploads while repairing, --repair-rate ${rate}, / without`;
		return [{phase: 'repair', label, value, bar: `>= ${UPLOADS_RATIO}`, passes: value >= UPLOADS_RATIO}];
	});
	return {text: table(rows), verdicts};
};
