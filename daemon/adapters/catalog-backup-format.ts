import {createHash} from 'node:crypto';
import {z} from 'zod';
import {PjasError} from '../../source/protocol/errors.js';
import {blocksOf, CATALOG_FILE, type OpenFile} from './catalog-files.js';
import {LineChecker} from './catalog-lines.js';

/**
A backup is one file: a header, which is a line of JSON; the bytes of the files that the header names, one after the other;
and a last line, `{"sha256":"<hex>"}`, over everything before it.
*/
export type BackupHeader = {
	format: 'pjas-backup';
	version: 1;
	/** ISO 8601, UTC. */
	created_at: string;
	/** In their order in the backup; the catalogue is the last. */
	files: {name: string; bytes: number}[];
};

const VERSION = 1;
const MAX_HEADER_BYTES = 64 * 1024;

const anyHeader = z.object({format: z.literal('pjas-backup'), version: z.int().positive()});
const header = anyHeader.extend({
	version: z.literal(VERSION),
	created_at: z.iso.datetime(),
	files: z.array(z.object({name: z.string().regex(/^\w[\w.-]*$/), bytes: z.int().nonnegative()})),
});

/** Throws where a name is none that a restore would take. */
export const headerLine = (createdAt: string, files: BackupHeader['files']): string => {
	const value = {format: 'pjas-backup', version: VERSION, created_at: createdAt, files} satisfies BackupHeader;
	return `${JSON.stringify(header.parse(value))}\n`;
};

export const trailerLine = (sha256: string): string => `${JSON.stringify({sha256})}\n`;

const TRAILER_BYTES = trailerLine('0'.repeat(64)).length;

/** A file within a backup. */
export type Section = {name: string; from: number; to: number};

export type BackupContents = {createdAt: string; sections: Section[]};

const damaged = (what: string, cause?: unknown) =>
	new PjasError('CATALOG_CORRUPT', `This is no whole backup: ${what}. Nothing was changed: take another`, {cause});

const readText = async (file: OpenFile, from: number, to: number): Promise<string> => {
	const pieces: Buffer[] = [];
	for await (const block of blocksOf(file, from, to)) pieces.push(block);
	return Buffer.concat(pieces).toString();
};

const readHeader = async (file: OpenFile): Promise<{parsed: BackupHeader; bytes: number}> => {
	const start = await readText(file, 0, MAX_HEADER_BYTES);
	const line = start.slice(0, start.indexOf('\n') + 1);
	let value: unknown;
	try {
		value = JSON.parse(line);
	} catch (error) {
		throw damaged('it does not start as one', error);
	}

	const known = anyHeader.safeParse(value);
	if (known.success && known.data.version > VERSION) {
		throw new PjasError('CATALOG_CORRUPT', 'A newer version of PJAS made this backup: restore it with that version');
	}

	const {success, data, error} = header.safeParse(value);
	if (!success) throw damaged('it does not start as one', error);
	const names = data.files.map(({name}) => name);
	if (names.at(-1) !== CATALOG_FILE || new Set(names).size !== names.length)
		throw damaged('its files are not what they should be');
	return {parsed: data, bytes: Buffer.byteLength(line)};
};

const checkHash = async (file: OpenFile, endBytes: number): Promise<void> => {
	const hash = createHash('sha256');
	for await (const block of blocksOf(file, 0, endBytes)) hash.update(block);
	const trailer = await readText(file, endBytes, endBytes + TRAILER_BYTES + 1);
	if (trailer !== trailerLine(hash.digest('hex'))) throw damaged('it was changed or cut off after it was made');
};

/**
Checks a backup from its first byte to its last.

@throws {PjasError} `CATALOG_CORRUPT`
*/
export const verifyBackup = async (file: OpenFile): Promise<BackupContents> => {
	const {parsed, bytes} = await readHeader(file);
	const sections: Section[] = [];
	let from = bytes;
	for (const {name, bytes: sectionBytes} of parsed.files) {
		sections.push({name, from, to: from + sectionBytes});
		from += sectionBytes;
	}

	const {size} = await file.stat();
	if (size !== from + TRAILER_BYTES) throw damaged('it was changed or cut off after it was made');
	await checkHash(file, from);
	for (const section of sections) {
		if (section.name === CATALOG_FILE) await checkCatalogLines(file, section);
	}

	return {createdAt: parsed.created_at, sections};
};

const checkCatalogLines = async (file: OpenFile, {from, to}: Section): Promise<void> => {
	const checker = new LineChecker("the backup's catalogue");
	for await (const block of blocksOf(file, from, to)) checker.push(block);
	if (checker.wholeBytes !== to - from) throw damaged('its catalogue ends within a line');
};
