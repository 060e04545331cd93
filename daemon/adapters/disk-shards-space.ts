import {join} from 'node:path';
import {PjasError} from '../../source/protocol/errors.js';
import {onDiskBytes} from '../core/limits.js';
import type {Clock} from '../ports/clock.js';
import {type DiskFiles, isMissing} from './disk-shards-files.js';

export type SpaceOptions = {
	files: DiskFiles;
	clock: Pick<Clock, 'monotonicMs'>;
	/** The node's folder. */
	folder: string;
	allocatedBytes: number;
};

/** Room for something that is being written. */
export type Reservation = {
	/** It is written: so much of the room is taken now. */
	keep: (sizeBytes: number) => void;
	/** Gives back what is not kept. */
	release: () => void;
};

export type SpaceFigures = {usedBytes: number; allocatedBytes: number; freeBytes: number};

const GIB = 1024 ** 3;
const FIGURES_LAST_MS = 1000;

/** What takes room beside the files that are counted one by one: a folder of many files is large itself. */
const overhead = ['.', 'chunks', 'aliases', 'quarantine', 'tmp', 'node_identity.json'];
/** Written anew beside the old one, so that its size is needed twice. */
const INDEX_FILE = 'node_metadata.json';
/** What the other small files take, and the folders may grow by before they are looked at again. */
const GROWTH_BYTES = 48 * 1024;

/** What must stay free on a disk: 1% of it, but at least 1 GiB, but at most a tenth of it. */
export const diskFloorBytes = (diskBytes: number): number => Math.min(Math.max(diskBytes / 100, GIB), diskBytes / 10);

/**
Keeps account of what a node's folder takes, and gives out room in it: never beyond the allocation, whatever is being
written at once, nor into what must stay free of the disk.
*/
export class Space {
	readonly #options: Omit<SpaceOptions, 'allocatedBytes'>;
	#allocatedBytes: number;
	#keptBytes = 0;
	#reservedBytes = 0;
	#overheadBytes = 0;
	#headroomBytes = GROWTH_BYTES;
	/** Free on the disk above its floor when it was last asked, less what was written since. */
	#diskFreeBytes = 0;
	#askedAtMs = -Infinity;
	#asking: Promise<void> | undefined;

	constructor({allocatedBytes, ...options}: SpaceOptions) {
		this.#options = options;
		this.#allocatedBytes = allocatedBytes;
	}

	get allocatedBytes(): number {
		return this.#allocatedBytes;
	}

	/** Gives it another allocation. What is there stays, also where that is more. */
	allocate(sizeBytes: number): void {
		this.#allocatedBytes = sizeBytes;
	}

	/** Counts a file that is there. */
	add(sizeBytes: number): void {
		this.#keptBytes += onDiskBytes(sizeBytes);
		this.#diskFreeBytes -= onDiskBytes(sizeBytes);
	}

	/** Counts a file no more. */
	subtract(sizeBytes: number): void {
		this.#keptBytes -= onDiskBytes(sizeBytes);
		this.#diskFreeBytes += onDiskBytes(sizeBytes);
	}

	async reserve(sizeBytes: number): Promise<Reservation> {
		await this.refresh();
		const wantedBytes = onDiskBytes(sizeBytes);
		const afterwards = this.#reservedBytes + wantedBytes;
		if (this.#usedBytes + this.#headroomBytes + afterwards > this.#allocatedBytes) {
			throw new PjasError('INSUFFICIENT_STORAGE', 'Not enough free space: this node has filled what it was given');
		}

		if (afterwards > this.#diskFreeBytes) {
			throw new PjasError('INSUFFICIENT_STORAGE', "Not enough free space: this node's disk is nearly full");
		}

		let heldBytes = wantedBytes;
		this.#reservedBytes += heldBytes;
		const release = () => {
			this.#reservedBytes -= heldBytes;
			heldBytes = 0;
		};

		return {
			release,
			keep: keptBytes => {
				release();
				this.add(keptBytes);
			},
		};
	}

	/** Asks the disk again, unless it was asked a moment ago. */
	async refresh(): Promise<void> {
		if (this.#options.clock.monotonicMs() - this.#askedAtMs < FIGURES_LAST_MS) return;
		this.#asking ??= this.#ask().finally(() => {
			this.#asking = undefined;
		});
		return this.#asking;
	}

	/** What is known of the disk is wrong: it is asked before anything more is written. */
	distrust(): void {
		this.#askedAtMs = -Infinity;
	}

	async figures(): Promise<SpaceFigures> {
		await this.refresh();
		const allocatedBytes = this.#allocatedBytes;
		const usedBytes = this.#usedBytes;
		return {
			usedBytes,
			allocatedBytes,
			freeBytes: Math.max(0, Math.min(allocatedBytes - usedBytes - this.#headroomBytes, this.#diskFreeBytes)),
		};
	}

	get #usedBytes(): number {
		return this.#keptBytes + this.#overheadBytes;
	}

	async #ask(): Promise<void> {
		const {files, folder, clock} = this.#options;
		const {bavail, blocks, bsize} = await files.statfs(folder);
		const sizes = await Promise.all(overhead.map(async name => this.#blockBytesOf(join(folder, name))));
		const indexBytes = await this.#blockBytesOf(join(folder, INDEX_FILE));
		this.#overheadBytes = sizes.reduce((sum, sizeBytes) => sum + sizeBytes, indexBytes);
		this.#headroomBytes = indexBytes + GROWTH_BYTES;
		this.#diskFreeBytes = Math.floor(bavail * bsize - diskFloorBytes(blocks * bsize));
		this.#askedAtMs = clock.monotonicMs();
	}

	async #blockBytesOf(path: string): Promise<number> {
		try {
			return (await this.#options.files.stat(path)).blocks * 512;
		} catch (error) {
			if (isMissing(error)) return 0;
			throw error;
		}
	}
}
