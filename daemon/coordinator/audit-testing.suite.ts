import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import type {ExecutionContext} from 'ava';
import {manualClock} from '../testing/manual-clock.js';
import {recordingLog} from '../testing/recording-log.js';
import {type AuditEntry, type AuditOptions, openAudit} from './audit.js';
import {verifyAudit} from './audit-verify.js';

export const startMs = Date.UTC(2026, 10, 25, 12, 0, 0);

export const newFolder = async (t: ExecutionContext): Promise<string> => {
	const folder = await mkdtemp(path.join(tmpdir(), 'pjas-audit-'));
	t.teardown(async () => rm(folder, {recursive: true, force: true}));
	return folder;
};

export const open = async (folder: string, options: Partial<AuditOptions> = {}) => {
	const clock = manualClock(startMs);
	const log = recordingLog();
	const audit = await openAudit({folder, clock, log, ...options});
	return {audit, clock, log};
};

export const deed = (number: number): AuditEntry => ({
	who: 'ann',
	did: 'file.delete',
	what: `file ${number}`,
	from: '192.0.2.7',
	result: number % 5 === 0 ? 'refused' : 'ok',
});

export const verify = async (folder: string, headFile?: string) =>
	verifyAudit({folder, headFile}, async () => Promise.resolve());

export const current = (folder: string) => path.join(folder, 'audit.jsonl');
export const head = (folder: string) => path.join(folder, 'audit.head');

/** A log of so many entries, closed. */
export const written = async (
	t: ExecutionContext,
	count: number,
	options: Partial<AuditOptions> = {},
): Promise<string> => {
	const folder = await newFolder(t);
	const {audit} = await open(folder, options);
	for (let number = 1; number <= count; number++) await audit.add(deed(number));
	await audit.close();
	return folder;
};
