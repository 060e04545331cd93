import type {Readable} from 'node:stream';
import Datastore from 'nedb-promises';
import {lineOf, type Document} from './catalog-documents.js';
import {PRIVATE_FILE} from './catalog-files.js';
import type {Change} from './catalog-draft.js';
import type {KeptDocuments} from './kept-documents.js';

/** How many documents one call to NeDB takes. It compares each document found with each `_id` asked for. */
const sizes = {insert: 200, update: 1, remove: 100} as const;

type Step = {verb: keyof typeof sizes; changes: Change[]};

/** NeDB's part: documents in memory by their `_id`, and the lines that its file is made of. */
export type NedbStore = {
	/** Copies, as the documents are in memory now. */
	find: (ids: readonly string[]) => Document[];
	/**
	Carries changes out in memory, in their order. `before` holds those of the documents concerned that are there.

	@returns The lines that say so to whoever reads the file.
	*/
	apply: (before: ReadonlyMap<string, Document>, changes: readonly Change[]) => Promise<string>;
	/** Makes documents in memory what they were before, whatever was carried out. */
	restore: (before: ReadonlyMap<string, Document>, ids: readonly string[]) => Promise<void>;
};

const verbOf = (isThere: boolean, {after}: Change): Step['verb'] | undefined => {
	if (after) return isThere ? 'update' : 'insert';
	return isThere ? 'remove' : undefined;
};

/** Groups changes into NeDB's calls, in order. */
function* stepsOf(before: ReadonlyMap<string, Document>, changes: readonly Change[]): Generator<Step> {
	const there = new Set(before.keys());
	let step: Step | undefined;
	for (const change of changes) {
		const verb = verbOf(there.has(change._id), change);
		if (!verb) continue;
		if (step && (step.verb !== verb || step.changes.length === sizes[verb])) {
			yield step;
			step = undefined;
		}

		step ??= {verb, changes: []};
		step.changes.push(change);
		if (change.after) there.add(change._id);
		else there.delete(change._id);
	}

	if (step) yield step;
}

const slices = <T>(values: readonly T[], size: number): T[][] =>
	Array.from({length: Math.ceil(values.length / size)}, (_, at) => values.slice(at * size, (at + 1) * size));

/**
NeDB writes the file anew whenever it loads it: half of the time of a start, and a copy's room, which a full disk hasn't
got. Compaction is done here instead, while writes go on. Were this to have no effect in a later NeDB, a start would only be
slower again; a test would say so.
*/
const keepFileAtLoad = (persistence: object): void => {
	Object.assign(persistence, {persistCachedDatabaseAsync: async () => Promise.resolve()});
};

/**
The documents were read already, since every line was checked. NeDB would parse each once more, and call a function for each
value in it: what was done twice was half of a start. Were this to have no effect in a later NeDB, it would read them
itself.
*/
const readNothing = (persistence: object): void => {
	const treatRawStreamAsync = async (stream: Readable) => {
		stream.destroy();
		return Promise.resolve({data: [], indexes: {}});
	};
	Object.assign(persistence, {treatRawStreamAsync});
};

/**
Documents are kept here in place of NeDB's tree, which takes 150 bytes for each besides the document, and compares its `_id`
with twenty others to find it. Were this to have no effect in a later NeDB, nothing would be found.
*/
const keepIn = (index: object, documents: KeptDocuments): void => {
	const tree = {
		insert(id: string, document: Document) {
			// As NeDB's own tree says it; NeDB then takes back what it inserted before.
			if (documents.has(id)) throw Object.assign(new Error(`There is a ${id}`), {errorType: 'uniqueViolated'});
			documents.set(document);
		},
		delete: (id: string) => documents.delete(id),
		search(id: string) {
			const document = documents.get(id);
			return document ? [document] : [];
		},
	};
	Object.assign(index, {tree, reset: () => undefined});
};

/**
NeDB opens and closes its file for each of its calls. Here it hands its lines over, and those of many calls are written at
once to a file that stays open.
*/
const takeLines = (persistence: object, take: (line: string) => void): void => {
	const persistNewStateAsync = async (documents: readonly Document[]) => {
		for (const document of documents) take(lineOf(document));
		return Promise.resolve();
	};
	Object.assign(persistence, {persistNewStateAsync});
};

type Store = ReturnType<typeof Datastore.create> & {indexes: {_id: object}};

/**
A store over a file that is there.

@param documents - What is in it; they are the store's from then on.
*/
export const loadNedbStore = async (file: string, documents: KeptDocuments): Promise<NedbStore> => {
	// The modes are known to NeDB, not to the types of nedb-promises.
	const options = {filename: file, corruptAlertThreshold: 0, modes: {fileMode: PRIVATE_FILE}};
	const store = Datastore.create(options) as Store;
	let lines = '';
	keepFileAtLoad(store.persistence);
	takeLines(store.persistence, line => (lines += line));
	readNothing(store.persistence);
	keepIn(store.indexes._id, documents);
	await store.load();

	const update = async (document: Document, upsert: boolean) => store.update({_id: document._id}, document, {upsert});
	const remove = async (ids: readonly string[]) => store.remove({_id: {$in: ids}}, {multi: true});

	const carryOut = async ({verb, changes}: Step): Promise<void> => {
		const documents = changes.flatMap(({after}) => after ?? []);
		let count = 0;
		if (verb === 'insert') count = (await store.insert(documents)).length;
		else if (verb === 'remove') count = await remove(changes.map(({_id}) => _id));
		else for (const document of documents) count += await update(document, false);
		if (count !== changes.length) throw new Error(`NeDB changed ${count} documents instead of ${changes.length}`);
	};

	return {
		find: ids => ids.flatMap(id => documents.copyOf(id) ?? []),
		async apply(before, changes) {
			lines = '';
			for (const step of stepsOf(before, changes)) await carryOut(step);
			return lines;
		},
		async restore(before, ids) {
			for (const id of ids) {
				const document = before.get(id);
				if (document) await update(document, true);
			}

			for (const slice of slices(ids, sizes.remove)) await remove(slice.filter(id => !before.has(id)));
		},
	};
};
