import type {Document} from './catalog-documents.js';

/** What a write changes, in the order that it asked for. Without `after` the document goes. */
export type Change = {_id: string; after: Document | undefined};

/** The documents that a write touches, as they are and as it leaves them. What comes out must not be changed. */
export type Draft = {
	get: (id: string) => Document | undefined;
	put: (document: Document) => void;
	remove: (id: string) => void;
};

/** A write as data: what it touches, and what it decides once nothing else can change that. */
export type Write<T> = {
	/** Every document that `decide` asks for or changes. */
	ids: readonly string[];
	/** Throws to change nothing. Keeps no hold of the documents it puts. */
	decide: (draft: Draft) => T;
};

/** Lets a write decide over the documents as they are, and says what it would change. Changes nothing itself. */
export const decideWrite = <T>(
	{decide}: Write<T>,
	current: (id: string) => Document | undefined,
): {changes: Change[]; result: T} => {
	const own = new Map<string, Document | undefined>();
	const changes: Change[] = [];
	const change = (_id: string, after: Document | undefined) => {
		own.set(_id, after);
		changes.push({_id, after});
	};

	const result = decide({
		get: id => (own.has(id) ? own.get(id) : current(id)),
		put: document => change(document._id, document),
		remove: id => change(id, undefined),
	});
	return {changes, result};
};
