import {isPjasError} from '../../source/protocol/errors.js';
import type {FileId} from '../../source/protocol/ids.js';
import type {FileRecord} from '../core/model.js';
import type {Catalog} from '../ports/catalog.js';
import type {Clock} from '../ports/clock.js';
import type {Worker} from '../ports/worker.js';
import type {Note} from './note.js';
import type {Remover} from './remover.js';

type TrashOptions = {
	catalog: Catalog;
	remover: Pick<Remover, 'sweepFile'>;
	clock: Pick<Clock, 'now'>;
	note: Note;
	/** How long what is deleted can be brought back; 0: not at all. */
	keepMs: number;
};

/**
Files that were deleted and can be brought back. Each verb takes the record that its decision was made for, and throws
`CONFLICT` where that is another by now; then nothing was changed. The worker purges what was there for long enough.
*/
export type Trash = Worker & {
	/** Whether deleted files can be brought back at all. */
	readonly isKept: boolean;
	/** When a file that is in the trash is gone for good. */
	purgeAt: (file: FileRecord) => number;
	put: (file: FileRecord, by: string) => Promise<FileRecord>;
	restore: (file: FileRecord) => Promise<FileRecord>;
	/** Removes the file and, from their nodes, its shards. Says whether it was there: of two at once, one is told true. */
	purge: (file: FileRecord) => Promise<boolean>;
};

const FILES_A_STEP = 100;

export const createTrash = ({catalog, remover, clock, note, keepMs}: TrashOptions): Trash => {
	/** Gone files whose chunks are still there, as the catalogue refused. A start mends that as well. */
	const unswept = new Set<FileId>();

	const sweep = async (file: FileId) => {
		unswept.add(file);
		await remover.sweepFile(file);
		unswept.delete(file);
	};

	const purgeAt: Trash['purgeAt'] = ({trashed}) => (trashed?.at ?? 0) + keepMs;

	const purge: Trash['purge'] = async file => {
		const isRemoved = await catalog.removeFile(file._id, file.revision);
		if (isRemoved) await sweep(file._id);
		return isRemoved;
	};

	/** Somebody may bring the file back at the same moment: then that holds. */
	const purgeDue = async (file: FileRecord) => {
		try {
			if (!(await purge(file))) return;
			note('INFO', `${JSON.stringify(file.name)} was in the trash for long enough, and is gone`, {
				file: file._id,
				owner: file.owner,
			});
		} catch (error) {
			if (!isPjasError(error, 'CONFLICT')) throw error;
		}
	};

	return {
		name: 'trash',
		isKept: keepMs > 0,
		purgeAt,
		put: async (file, by) => catalog.putFile({...file, trashed: {at: clock.now(), by}}),
		async restore(file) {
			const restored = {...file};
			delete restored.trashed;
			return catalog.putFile(restored);
		},
		purge,
		async step(signal) {
			for (const file of [...unswept]) await sweep(file);
			const oldest = await catalog.oldestTrash(FILES_A_STEP);
			const due = oldest.filter(file => purgeAt(file) <= clock.now());
			for (const file of due) {
				if (signal.aborted) return 'idle';
				await purgeDue(file);
			}

			return due.length === FILES_A_STEP ? 'busy' : 'idle';
		},
	};
};
