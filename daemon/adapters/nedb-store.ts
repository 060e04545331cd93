import Datastore from 'nedb-promises';
import {escapeLine, type Document} from './catalog-documents.js';
import {PRIVATE_FILE} from './catalog-files.js';
import type {Change} from './catalog-draft.js';

/** How many documents one call to NeDB takes. It compares each document found with each `_id` asked for. */
const sizes = {insert: 200, update: 1, remove: 100} as const;
const FIND_IDS = 100;

type Step = {verb: keyof typeof sizes; changes: Change[]};

/** NeDB's part: documents in memory by their `_id`, and their lines at the file's end. */
export type NedbStore = {
	/** How many bytes of lines were handed to the file since the start. */
	appendedBytes: () => number;
	/** NeDB's own documents, not copies. */
	all: () => Document[];
	/** Copies. */
	find: (ids: readonly string[]) => Promise<Document[]>;
	/** Carries changes out in their order. `before` holds those of the documents concerned that are there. */
	apply: (before: ReadonlyMap<string, Document>, changes: readonly Change[]) => Promise<void>;
	/**
	Steps that make the documents in memory what they were before, whatever was carried out; each may fail to write its
	lines, which change nothing.
	*/
	restore: (before: ReadonlyMap<string, Document>, ids: readonly string[]) => (() => Promise<unknown>)[];
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

/** Reads the file into a store; where there is none, makes it. */
export const loadNedbStore = async (file: string): Promise<NedbStore> => {
	let appendedBytes = 0;
	const options = {
		filename: file,
		corruptAlertThreshold: 0,
		modes: {fileMode: PRIVATE_FILE}, // Known to NeDB, not to the types of nedb-promises.
		afterSerialization(line: string) {
			const escaped = escapeLine(line);
			appendedBytes += Buffer.byteLength(escaped) + 1;
			return escaped;
		},
		beforeDeserialization: (line: string) => line,
	};
	const store = Datastore.create(options) as ReturnType<typeof Datastore.create> & {getAllData: () => Document[]};
	keepFileAtLoad(store.persistence);
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
		appendedBytes: () => appendedBytes,
		all: () => store.getAllData(),
		async find(ids) {
			const pages = slices(ids, FIND_IDS).map(async page => store.find<Document>({_id: {$in: page}}).exec());
			return (await Promise.all(pages)).flat();
		},
		async apply(before, changes) {
			for (const step of stepsOf(before, changes)) await carryOut(step);
		},
		restore: (before, ids) => [
			...ids.flatMap(id => before.get(id) ?? []).map(document => async () => update(document, true)),
			...slices(ids, sizes.remove)
				.map(slice => slice.filter(id => !before.has(id)))
				.filter(slice => slice.length > 0)
				.map(slice => async () => remove(slice)),
		],
	};
};
