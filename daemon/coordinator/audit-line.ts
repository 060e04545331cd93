import {createHash} from 'node:crypto';
import {z} from 'zod';
import {escapeControls} from '../../source/protocol/escape.js';

/** Who did what to what, from where, and whether it was let through. */
export type AuditEntry = {
	/** An account's name; '' for nobody known. */
	who: string;
	/** The deed, in a word or two: `sign-in`, `file.delete`. */
	did: string;
	/** What it was done to. */
	what?: string | undefined;
	/** The client's address. */
	from?: string | undefined;
	result: 'ok' | 'refused';
};

/** An entry in its place: numbers grow by one, and `prev` is the hash of the line before. */
export type AuditRecord = {seq: number; time: string} & AuditEntry & {prev: string};

/** A place in the chain: the number of an entry and the hash of its line. */
export type AuditPlace = {seq: number; hash: string};

/** What stands before the first entry. */
export const origin: AuditPlace = {seq: 0, hash: '0'.repeat(64)};

/** More than the longest line has. */
export const MAX_LINE_BYTES = 16 * 1024;

const MAX_FIELD_LENGTH = 300;

export const hashSchema = z.string().regex(/^[0-9a-f]{64}$/);

const recordSchema = z.strictObject({
	seq: z.int().positive(),
	time: z.iso.datetime(),
	who: z.string(),
	did: z.string(),
	what: z.string().optional(),
	from: z.string().optional(),
	result: z.enum(['ok', 'refused']),
	prev: hashSchema,
});

/** Names come from outside: one of them must neither be obeyed by a terminal nor fill the disk. */
const bounded = (text: string): string => {
	const escaped = escapeControls(text.slice(0, MAX_FIELD_LENGTH + 1));
	if (escaped.length <= MAX_FIELD_LENGTH) return escaped;
	// Half of a surrogate pair is no character.
	return `${escaped.slice(0, MAX_FIELD_LENGTH - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
};

/** The line of an entry, without its end. */
export const lineOf = ({who, did, what, from, result}: AuditEntry, timeMs: number, before: AuditPlace): string =>
	JSON.stringify({
		seq: before.seq + 1,
		time: new Date(timeMs).toISOString(),
		who: bounded(who),
		did: bounded(did),
		...(what !== undefined && {what: bounded(what)}),
		...(from !== undefined && {from: bounded(from)}),
		result,
		prev: before.hash,
	});

export const hashOf = (line: string | Uint8Array): string => createHash('sha256').update(line).digest('hex');

/** What a line says; `undefined` where it is no line of ours. */
export const parseLine = (line: Uint8Array): AuditRecord | undefined => {
	try {
		return recordSchema.safeParse(JSON.parse(new TextDecoder('utf-8', {fatal: true}).decode(line))).data;
	} catch {
		return undefined;
	}
};
