import {PjasError} from '../../source/protocol/errors.js';
import type {Clock} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import {type AuditFiles, diskAuditFiles} from './audit-files.js';
import type {AuditEntry, AuditRecord} from './audit-line.js';
import {openAuditSegments, type Timed} from './audit-segments.js';

export type {AuditEntry, AuditRecord} from './audit-line.js';

/** Who did what to what, from where: written once, chained by hashes, never changed. */
export type Audit = {
	/**
	Writes an entry down; it is on disk when this resolves. What comes at once shares a flush, and what is in no hurry waits
	a moment for others.

	@throws {PjasError} `AUDIT_UNAVAILABLE` where it could not be written.
	*/
	add: (entry: AuditEntry, options?: {isUrgent?: boolean}) => Promise<void>;
	/** The newest entries before the one of this number, the newest first. */
	page: (limit: number, before?: number) => Promise<AuditRecord[]>;
	/** Writes what waits; nothing may be added later. */
	close: () => Promise<void>;
};

export type AuditOptions = {
	folder: string;
	clock: Pick<Clock, 'now' | 'timer'>;
	log: Log;
	segmentBytes?: number;
	totalBytes?: number;
	files?: AuditFiles;
};

type Waiting = Timed & {resolve: () => void; reject: (error: unknown) => void};

const MIB = 1024 * 1024;
const SEGMENT_BYTES = 16 * MIB;
const TOTAL_BYTES = 1024 * MIB;
const MAX_BATCH = 1_000;
const MAX_WAITING = 10_000;
/** The head follows the log by no more than this: each writing of it costs two flushes more. */
const HEAD_REST_MS = 250;
const LEISURE_MS = 250;
const RETRY_AFTER_SECONDS = 10;

const unavailable = (cause?: unknown) =>
	new PjasError('AUDIT_UNAVAILABLE', 'The audit log could not be written, as when the disk is full: try again later', {
		cause,
		retryAfterSeconds: RETRY_AFTER_SECONDS,
	});

/** Opens the audit log of a data folder, and mends what a crash left. Nobody else may have it open. */
export const openAudit = async (options: AuditOptions): Promise<Audit> => {
	const {folder, clock, log, segmentBytes = SEGMENT_BYTES, totalBytes = TOTAL_BYTES, files = diskAuditFiles} = options;
	const segments = await openAuditSegments({folder, segmentBytes, totalBytes, log, files});
	let waiting: Waiting[] = [];
	let running: Promise<void> | undefined;
	let isHeadDue = false;
	let isHeadTimed = false;
	let isRunTimed = false;
	let isClosed = false;

	const commit = async () => {
		const batch = waiting.slice(0, MAX_BATCH);
		waiting = waiting.slice(MAX_BATCH);
		try {
			await segments.append(batch);
			for (const {resolve} of batch) resolve();
		} catch (error) {
			log.error('the audit log could not be written', {error, entries: batch.length});
			for (const {reject} of batch) reject(unavailable(error));
		}

		timeHead();
		for (const remark of segments.takeRemarks()) void add(remark).catch(() => undefined);
	};

	const saveHead = async () => {
		isHeadDue = false;
		await segments.saveHead().catch((error: unknown) => {
			log.warn('the head of the audit log could not be written', {error});
			timeHead();
		});
	};

	const run = async () => {
		while (waiting.length > 0 || isHeadDue) await (waiting.length > 0 ? commit() : saveHead());
		running = undefined;
	};

	const timeHead = () => {
		if (isHeadTimed) return;
		isHeadTimed = true;
		clock.timer(HEAD_REST_MS, () => {
			isHeadTimed = false;
			if (isClosed) return;
			isHeadDue = true;
			running ??= run();
		});
	};

	const start = () => {
		// Whoever is about to add in this turn comes along.
		running ??= Promise.resolve().then(run);
	};

	const startSoon = () => {
		if (isRunTimed) return;
		isRunTimed = true;
		clock.timer(LEISURE_MS, () => {
			isRunTimed = false;
			start();
		});
	};

	const add: Audit['add'] = async (entry, {isUrgent = true} = {}) => {
		if (isClosed || waiting.length >= MAX_WAITING) throw unavailable();
		return new Promise((resolve, reject) => {
			waiting.push({entry, timeMs: clock.now(), resolve, reject});
			if (isUrgent) start();
			else startSoon();
		});
	};

	await Promise.all(segments.takeRemarks().map(async remark => add(remark)));
	return {
		add,
		page: async (limit, before = Infinity) => segments.page(limit, before),
		async close() {
			isClosed = true;
			start();
			await running;
			await segments.close();
		},
	};
};
