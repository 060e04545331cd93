import {isPjasError} from '../../source/protocol/errors.js';
import type {FileId} from '../../source/protocol/ids.js';
import type {Chance} from './chance.js';
import {filesIn} from './whole-catalog.js';
import type {World} from './world.js';

/** A file that somebody was told is safe. */
export type Promised = {id: FileId; chunkCount: number; content: Uint8Array; trashedAt?: number};

export type Users = {
	/** What was acknowledged and nobody deleted for good since. */
	promised: Map<FileId, Promised>;
	/** How many chunks each of them has that must be there at this moment. */
	owed: () => Map<FileId, number>;
	/** Uploads that are under way. */
	uploads: () => number;
	upload: () => Promise<void>;
	/** Deletes a file, mostly into the trash. */
	deleteOne: () => Promise<void>;
	restoreOne: () => Promise<void>;
	/** Reads a file, or part of it. Bytes may be late or refused, never wrong. */
	downloadOne: () => Promise<void>;
	/** Reads a file whole; throws where that can't be done. */
	readWhole: (file: Promised) => Promise<void>;
	/** The catalogue is the one of a backup: what was promised since then is not owed, and what was deleted is deleted again. */
	afterRestore: () => Promise<void>;
	counts: () => {uploads: number; failedUploads: number; downloads: number; failedDownloads: number; deletions: number};
};

/** A person got other bytes than were uploaded. */
export class WrongBytes extends Error {}

type Options = {
	world: World;
	chance: Chance;
	chunkSizeBytes: number;
	trashMs: number;
	trace: (text: string) => void;
};

async function* piecesOf(content: Uint8Array, pieceBytes: number, pause: () => Promise<void>) {
	for (let at = 0; at < content.length; at += pieceBytes) {
		await pause();
		yield content.subarray(at, at + pieceBytes);
	}
}

export const createUsers = ({world, chance, chunkSizeBytes, trashMs, trace}: Options): Users => {
	const promised = new Map<FileId, Promised>();
	const counts = {uploads: 0, failedUploads: 0, downloads: 0, failedDownloads: 0, deletions: 0};
	let underWay = 0;

	const wait = async (ms: number) => new Promise<void>(resolve => void world.time.timer(ms, resolve));

	const upload = async () => {
		const coordinator = world.coordinator();
		if (!coordinator) return;
		const content = chance.bytes(1 + chance.int(chance.isLucky(0.3) ? 4 * chunkSizeBytes : chunkSizeBytes));
		const giveUp = new AbortController();
		if (chance.isLucky(0.05)) world.time.timer(chance.between(0, 2000), () => giveUp.abort(new Error('gone')));
		// Some lines are so slow that much else happens until the file is there.
		const [pieceBytes, pauseMs] = chance.isLucky(0.1)
			? [16 + chance.int(64), 30_000]
			: [1 + chance.int(chunkSizeBytes), 200];
		const source = piecesOf(content, pieceBytes, async () => wait(chance.between(0, pauseMs)));
		const incoming = {name: `file ${counts.uploads}`, type: 'text/plain', source, signal: giveUp.signal};
		underWay++;
		try {
			const received = await coordinator.uploader.receive(incoming);
			const {_id: id, chunkCount} = received.file;
			if (received.lowestCopies < 3) coordinator.repairer.fileChanged(id);
			promised.set(id, {id, chunkCount, content});
			counts.uploads++;
			trace(`uploaded ${id}: ${chunkCount} chunks, ${received.lowestCopies} copies`);
		} catch (error) {
			counts.failedUploads++;
			trace(`upload failed: ${(error as Error).message}`);
		}

		underWay--;
	};

	const inUse = () => [...promised.values()].filter(({trashedAt}) => trashedAt === undefined);
	const isDue = ({trashedAt = Infinity}: Promised) => trashedAt + trashMs <= world.latestWallMs();

	/** What nobody heard the end of may be so or so: nothing is owed until then. */
	const deleteOne = async () => {
		const coordinator = world.coordinator();
		const file = chance.pick(inUse());
		if (!coordinator || !file) return;
		const isForever = chance.isLucky(0.5);
		promised.delete(file.id);
		trace(`deletes ${file.id}${isForever ? ' for ever' : ''}`);
		try {
			const record = await coordinator.catalog.getFile(file.id);
			if (!record) throw new Error('it is not there');
			if (isForever) {
				await coordinator.trash.purge(record);
			} else {
				const {trashed} = await coordinator.trash.put(record, 'somebody');
				promised.set(file.id, {...file, trashedAt: trashed?.at ?? 0});
			}

			counts.deletions++;
		} catch (error) {
			trace(`deletion failed: ${(error as Error).message}`);
		}
	};

	const restoreOne = async () => {
		const coordinator = world.coordinator();
		const file = chance.pick([...promised.values()].filter(each => each.trashedAt !== undefined && !isDue(each)));
		if (!coordinator || !file) return;
		const record = await coordinator.catalog.getFile(file.id);
		if (!record?.trashed) {
			if (isDue(file)) return;
			throw new Error(`file ${file.id} should be in the trash`);
		}

		promised.delete(file.id);
		try {
			await coordinator.trash.restore(record);
			promised.set(file.id, {id: file.id, chunkCount: file.chunkCount, content: file.content});
			trace(`brought back ${file.id}`);
		} catch (error) {
			trace(`not brought back: ${(error as Error).message}`);
		}
	};

	const read = async (file: Promised, firstByte: number, lastByte: number) => {
		const coordinator = world.coordinator();
		if (!coordinator) throw new Error('there is no coordinator');
		const record = await coordinator.catalog.getFile(file.id);
		if (!record) throw new Error('the file is not there');
		let at = firstByte;
		for await (const {bytes, release} of coordinator.downloader.read(
			record,
			{firstByte, lastByte},
			new AbortController().signal,
		)) {
			const isRight = Buffer.compare(bytes, file.content.subarray(at, at + bytes.length)) === 0;
			release();
			if (!isRight) throw new WrongBytes(`file ${file.id} has other bytes from ${at}`);
			at += bytes.length;
		}

		if (at !== lastByte + 1) throw new WrongBytes(`file ${file.id} ended at ${at}, not at ${lastByte + 1}`);
	};

	const downloadOne = async () => {
		const file = chance.pick(inUse());
		if (!file || !world.coordinator()) return;
		const firstByte = chance.isLucky(0.5) ? 0 : chance.int(file.content.length);
		try {
			await read(file, firstByte, file.content.length - 1);
			counts.downloads++;
		} catch (error) {
			if (error instanceof WrongBytes) throw error;
			if (!isPjasError(error) && promised.has(file.id)) trace(`download failed: ${String(error)}`);
			counts.failedDownloads++;
		}
	};

	const afterRestore = async () => {
		const known = new Map((await filesIn(world.catalog)).map(file => [file._id, file]));
		// What had been in the trash for long enough was gone, and the backup may know it from before it came there.
		const before = [...promised.values()].filter(file => !isDue(file));
		promised.clear();
		for (const {id, chunkCount, content} of before) {
			const at = known.get(id)?.trashed?.at;
			if (known.has(id)) promised.set(id, {id, chunkCount, content, ...(at !== undefined && {trashedAt: at})});
		}

		for (const [id, file] of known) {
			if (!promised.has(id)) await world.ask(async () => world.coordinator()?.trash.purge(file));
		}
	};

	return {
		promised,
		afterRestore,
		owed: () => new Map([...promised.values()].filter(file => !isDue(file)).map(file => [file.id, file.chunkCount])),
		uploads: () => underWay,
		upload,
		deleteOne,
		restoreOne,
		downloadOne,
		readWhole: async file => read(file, 0, file.content.length - 1),
		counts: () => ({...counts}),
	};
};
