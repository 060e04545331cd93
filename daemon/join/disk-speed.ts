import {constants} from 'node:fs';
import {type FileHandle, mkdtemp, open, rm} from 'node:fs/promises';
import path from 'node:path';
import {AlignedPool} from '../adapters/aligned-pool.js';
import type {Clock, Random} from '../ports/clock.js';

/** What a disk does, in bytes a second. */
export type DiskSpeed = {
	/** Written so that a power cut takes nothing of it. */
	writeBytesPerSecond: number;
	readBytesPerSecond: number;
	/** Whether what was read may have come out of memory, since the file system can't be read around it. */
	isReadCached: boolean;
};

const BLOCK_BYTES = 4 * 1024 * 1024;
const MOST_BLOCKS = 12;
/** Whatever the disk, at least one block is written, and read. */
const LONGEST_MS = 2_500;

const O_DIRECT = (constants as Partial<typeof constants>).O_DIRECT ?? 0;

const openForReading = async (file: string): Promise<{handle: FileHandle; isDirect: boolean}> => {
	if (O_DIRECT !== 0) {
		const handle = await open(file, constants.O_RDONLY | O_DIRECT).catch(() => undefined);
		if (handle) return {handle, isDirect: true};
	}

	return {handle: await open(file, 'r'), isDirect: false};
};

const rateOf = (blocks: number, tookMs: number): number => (blocks * BLOCK_BYTES * 1000) / Math.max(1, tookMs);

/** Does something block by block, for as long as there is time. Says how many there were, and how long they took. */
const inTime = async (
	most: number,
	{monotonicMs}: Pick<Clock, 'monotonicMs'>,
	block: (index: number) => Promise<void>,
): Promise<{blocks: number; tookMs: number}> => {
	const startMs = monotonicMs();
	let blocks = 0;
	while (blocks < most && (blocks === 0 || monotonicMs() - startMs < LONGEST_MS)) await block(blocks++);
	return {blocks, tookMs: monotonicMs() - startMs};
};

/**
Measures the disk below a folder: at most 48 MiB are written, flushed and read, for about five seconds, in a folder of its own
that is gone afterwards.
*/
export const measureDisk = async (
	folder: string,
	{clock, random}: {clock: Pick<Clock, 'monotonicMs'>; random: Pick<Random, 'bytes'>},
): Promise<DiskSpeed> => {
	const own = await mkdtemp(path.join(folder, '.speed-'));
	const lent = await new AlignedPool({count: 1, bufferBytes: BLOCK_BYTES, maxWaiting: 0}).acquire();
	try {
		const file = path.join(own, 'trial');
		// What can't be made smaller, for file systems that would.
		lent.bytes.set(random.bytes(BLOCK_BYTES));
		const writer = await open(file, 'wx');
		const written = await inTime(MOST_BLOCKS, clock, async () => {
			await writer.write(lent.bytes);
			await writer.datasync();
		}).finally(async () => writer.close());

		const {handle, isDirect} = await openForReading(file);
		const read = await inTime(written.blocks, clock, async index => {
			await handle.read(lent.bytes, 0, BLOCK_BYTES, index * BLOCK_BYTES);
		}).finally(async () => handle.close());

		return {
			writeBytesPerSecond: rateOf(written.blocks, written.tookMs),
			readBytesPerSecond: rateOf(read.blocks, read.tookMs),
			isReadCached: !isDirect,
		};
	} finally {
		lent.release();
		await rm(own, {recursive: true, force: true});
	}
};
