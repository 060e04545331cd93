import path from 'node:path';
import type {Log} from '../ports/log.js';
import {
	type AuditFiles,
	type AuditHead,
	CURRENT_SEGMENT,
	firstRecordOf,
	fullSegmentName,
	fullSegmentsIn,
	HEAD_FILE,
	linesBackwards,
	type OpenAuditFile,
	readHead,
	type Segment,
	wholeBytesOf,
	writeHead,
} from './audit-files.js';
import {type AuditEntry, type AuditPlace, type AuditRecord, hashOf, lineOf, origin, parseLine} from './audit-line.js';

export type SegmentsOptions = {
	folder: string;
	/** How large a segment grows before the next one begins. */
	segmentBytes: number;
	/** How much all segments may take; beyond it the oldest go. */
	totalBytes: number;
	log: Log;
	files: AuditFiles;
};

export type Timed = {entry: AuditEntry; timeMs: number};

export type Segments = {
	/** Writes entries durably, in their order, or none of them. */
	append: (batch: readonly Timed[]) => Promise<void>;
	/** Writes the head down, where it isn't yet. */
	saveHead: () => Promise<void>;
	/** The newest entries, the newest first. */
	page: (limit: number, before: number) => Promise<AuditRecord[]>;
	close: () => Promise<void>;
	/** What was noticed about the log itself and belongs into it. */
	takeRemarks: () => AuditEntry[];
};

type Found = {last: AuditPlace | undefined; isHeadThere: boolean};

const remark = (did: string, what: string, result: AuditEntry['result'] = 'ok'): AuditEntry => ({
	who: 'coordinator',
	did,
	what,
	result,
});

/** Looks from the end of the log for its last line, and back to the one that the head names. */
const findEnd = async (paths: readonly string[], head: AuditHead | undefined): Promise<Found> => {
	let last: AuditPlace | undefined;
	for (const file of paths) {
		for await (const line of linesBackwards(file)) {
			const record = parseLine(line);
			if (!record) continue;
			const place = {seq: record.seq, hash: hashOf(line)};
			last ??= place;
			if (!head || place.seq <= head.seq) return {last, isHeadThere: head !== undefined && place.hash === head.hash};
		}
	}

	return {last, isHeadThere: head?.seq === 0};
};

/** Cuts a torn last line off, and gives the size that is left. */
const mend = async (file: string, handle: OpenAuditFile, log: Log): Promise<number> => {
	const {wholeBytes, sizeBytes} = await wholeBytesOf(file);
	if (wholeBytes < sizeBytes) {
		log.warn('the last line of the audit log was not whole and is dropped', {bytes: sizeBytes - wholeBytes});
		await handle.truncate(wholeBytes);
		await handle.sync();
	}

	return wholeBytes;
};

/**
Where the next entry goes on. An end that isn't the one which the head names was changed or cut off: the chain then goes on
from the head, so that the gap stays visible for ever.
*/
const startOf = (
	{last, isHeadThere}: Found,
	head: AuditHead | undefined,
	log: Log,
): {place: AuditPlace; remarks: AuditEntry[]} => {
	if (!head) {
		if (!last) return {place: origin, remarks: []};
		log.warn(`${HEAD_FILE} is missing: nobody can tell whether the end of the audit log was cut off`);
		return {place: last, remarks: [remark('audit.head-missing', `the log ended with entry ${last.seq}`, 'refused')]};
	}

	if (isHeadThere) return {place: last ?? origin, remarks: []};
	log.error('the audit log does not end as it did: see what pjas-daemon audit verify says', {wanted: head.seq});
	const place = last && last.seq > head.seq ? last : {seq: head.seq, hash: head.hash};
	return {place, remarks: [remark('audit.broken', `entry ${head.seq} was not as it was written`, 'refused')]};
};

/** The files of the audit log: one that is written, and full ones before it. Nobody else may write them. */
export const openAuditSegments = async (options: SegmentsOptions): Promise<Segments> => {
	const {folder, segmentBytes, totalBytes, log, files} = options;
	const current = path.join(folder, CURRENT_SEGMENT);
	const pathOf = ({name}: Segment) => path.join(folder, name);

	const read = await readHead(path.join(folder, HEAD_FILE));
	const head = read === 'unreadable' ? undefined : read;
	let file = await files.open(current, 'a');
	let sizeBytes = await mend(current, file, log);
	const full = await fullSegmentsIn(folder);
	const newestFirst = () => [current, ...full.map(pathOf).reverse()];
	let {place, remarks} = startOf(await findEnd(newestFirst(), head), head, log);
	let firstSeq = (await firstRecordOf(current))?.seq ?? place.seq + 1;
	const oldest = full[0] ? await firstRecordOf(pathOf(full[0])) : await firstRecordOf(current);
	let before: AuditPlace = head?.before ?? (oldest ? {seq: oldest.seq - 1, hash: oldest.prev} : origin);
	let isHeadSaved = head !== undefined && head.seq === place.seq;
	/** Grows whenever a file gets another name or goes. */
	let moves = 0;
	/** While that is under way, a reader may find a file under neither name. */
	let isMoving = false;

	const move = async (work: () => Promise<void>) => {
		isMoving = true;
		try {
			await work();
		} finally {
			moves++;
			isMoving = false;
		}
	};
	let failure: unknown;

	const saveHead = async () => {
		if (isHeadSaved) return;
		const saved = place;
		await writeHead(folder, {seq: saved.seq, hash: saved.hash, before}, files);
		isHeadSaved = place === saved;
	};

	const rotate = async () => {
		await file.close();
		const name = fullSegmentName(firstSeq);
		await move(async () => {
			await files.rename(current, path.join(folder, name));
			full.push({name, firstSeq, sizeBytes});
			file = await files.open(current, 'a');
		});
		await files.syncFolder(folder);
		sizeBytes = 0;
		firstSeq = place.seq + 1;
	};

	/** Forgets the oldest segments beyond the total: the head says first where the log begins from then on. */
	const prune = async () => {
		const sum = () => full.reduce((total, segment) => total + segment.sizeBytes, sizeBytes);
		while (sum() > totalBytes && full[0]) {
			const [gone, next] = full;
			const first = next && (await firstRecordOf(pathOf(next)));
			before = next ? {seq: next.firstSeq - 1, hash: first?.prev ?? origin.hash} : place;
			isHeadSaved = false;
			await saveHead();
			await move(async () => {
				await files.remove(pathOf(gone));
				full.shift();
			});
			await files.syncFolder(folder);
			log.warn('the audit log has its full size: its oldest entries are dropped', {before: before.seq + 1});
			remarks.push(remark('audit.dropped', `entries ${gone.firstSeq} to ${before.seq}, beyond the log's full size`));
		}
	};

	const undo = async () => {
		try {
			await file.truncate(sizeBytes);
			await file.sync();
		} catch (error) {
			failure = error;
			log.error('the audit log takes no entries until the next start: its disk failed', {error});
		}
	};

	const append = async (batch: readonly Timed[]) => {
		if (failure !== undefined) throw failure as Error;
		if (sizeBytes >= segmentBytes) {
			await rotate().catch((error: unknown) => {
				failure = error;
				throw error;
			});
			await prune();
		}

		let next = place;
		let text = '';
		for (const {entry, timeMs} of batch) {
			const line = lineOf(entry, timeMs, next);
			next = {seq: next.seq + 1, hash: hashOf(line)};
			text += `${line}\n`;
		}

		try {
			await file.appendFile(text);
			await file.datasync();
		} catch (error) {
			await undo();
			throw error;
		}

		place = next;
		sizeBytes += Buffer.byteLength(text);
		isHeadSaved = false;
	};

	const readPage = async (limit: number, beforeSeq: number): Promise<AuditRecord[]> => {
		const records: AuditRecord[] = [];
		const durableSeq = place.seq;
		const wanted = full.filter(segment => segment.firstSeq < beforeSeq).reverse();
		for (const segment of [current, ...wanted.map(pathOf)]) {
			for await (const line of linesBackwards(segment)) {
				const record = parseLine(line);
				if (!record || record.seq >= beforeSeq || record.seq > durableSeq) continue;
				records.push(record);
				if (records.length >= limit) return records;
			}
		}

		return records;
	};

	await files.syncFolder(folder);
	if (!head) await saveHead();
	return {
		append,
		saveHead,
		async page(limit, beforeSeq) {
			for (;;) {
				const movesBefore = moves;
				const isStill = () => moves === movesBefore && !isMoving;
				const page = await readPage(limit, beforeSeq).catch((error: unknown) => {
					if (isStill()) throw error;
					return [];
				});
				if (isStill()) return page;
			}
		},
		async close() {
			await saveHead();
			await file.close();
		},
		takeRemarks() {
			const taken = remarks;
			remarks = [];
			return taken;
		},
	};
};
