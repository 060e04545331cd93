import type {ChunkRecord, FileRecord, NodeRecord, RemovalRecord, SmallKind, SmallRecords} from '../core/model.js';

/**
How records stand in the catalogue's one file: a record's own fields, behind an `_id` with a prefix for its kind and the
kind's name. One document a line, as JSON.
*/
export type Kind = 'file' | 'chunk' | 'node' | 'removal' | SmallKind;

export type Records = SmallRecords & {
	file: FileRecord;
	chunk: ChunkRecord;
	node: NodeRecord;
	removal: RemovalRecord;
};

/** A document as it is stored. */
export type Document = {_id: string; is: Kind; [field: string]: unknown};

const prefixes: Record<Kind, string> = {
	file: 'f/',
	chunk: 'c/',
	node: 'n/',
	removal: 'r/',
	account: 'a/',
	token: 't/',
	session: 's/',
	invitation: 'i/',
	link: 'l/',
	nodeInvitation: 'j/',
	keyring: 'k/',
	switch: 'w/',
	departure: 'd/',
	upload: 'u/',
};

/** The kinds of which there are few. */
export const smallKinds = [
	'account',
	'token',
	'session',
	'invitation',
	'link',
	'nodeInvitation',
	'keyring',
	'switch',
	'departure',
	'upload',
] as const satisfies SmallKind[];

/** The `_id` that a record's document has. */
export const storedId = (kind: Kind, id: string): string => prefixes[kind] + id;

/** A copy that shares nothing with its original, and is what the disk would give back. */
export const copyOf = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

/** A copy of what came out of JSON, such as a stored document. */
export const cloneOf = <T>(value: T): T => {
	if (typeof value !== 'object' || value === null) return value;
	if (Array.isArray(value)) return value.map(cloneOf) as T;
	const copy: Record<string, unknown> = {};
	for (const [key, inner] of Object.entries(value)) copy[key] = cloneOf(inner);
	return copy as T;
};

/** The document shares the record's inner values. */
export const toDocument = <K extends Kind>(kind: K, {_id, ...rest}: Records[K]): Document => ({
	_id: storedId(kind, _id),
	is: kind,
	...rest,
});

/** The record shares the document's inner values. */
export const toRecord = <K extends Kind>({_id, is, ...rest}: Document & {is: K}): Records[K] =>
	({_id: _id.slice(prefixes[is].length), ...rest}) as unknown as Records[K];

export const isKind = <K extends Kind>(document: Document | undefined, kind: K): document is Document & {is: K} =>
	document?.is === kind;

/** Whether something read from a line is a document of a kind that is known here. */
export const isDocument = (value: object): value is Document => {
	const {_id, is} = value as Partial<Record<'_id' | 'is', unknown>>;
	return (
		typeof _id === 'string' &&
		typeof is === 'string' &&
		Object.hasOwn(prefixes, is) &&
		_id.startsWith(prefixes[is as Kind])
	);
};

/**
NeDB ends a line at these three too, which JSON leaves as they are in a string: a file's name with one of them would break
its line in two at the next start, and the record would be lost.
https://github.com/seald/nedb/blob/v4.1.2/lib/byline.js
*/
export const lineBreaks = /[\u0085\u2028\u2029]/;
const allLineBreaks = new RegExp(lineBreaks, 'g');

/** Makes a line of JSON one line for every reader. It stays the same JSON. */
const escapeLine = (line: string): string =>
	line.replace(allLineBreaks, character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** The line that NeDB writes for a document. */
export const lineOf = (document: Document): string => `${escapeLine(JSON.stringify(document))}\n`;
