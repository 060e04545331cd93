import type {ChunkView, FileView} from '../../source/protocol/api.js';
import {
	ask,
	askFor,
	download,
	type DownloadOutcome,
	type RemoveOutcome,
	sha256,
	type UploadOutcome,
} from './crash-client.js';

/** What was uploaded, as its owner remembers it. */
export type KnownFile = {id: string; name: string; sizeBytes: number; sha256: string};

/** What the network answers for, by what it said to its clients. */
export type Ledger = {
	/** Files that are acknowledged and whose removal nobody has asked for. */
	kept: () => KnownFile[];
	/** Takes note of how an upload ended. */
	uploaded: (name: string, bytes: Uint8Array, outcome: UploadOutcome) => void;
	/** A removal is about to be asked for: from now on nobody counts on the file. */
	removing: (file: KnownFile) => void;
	removed: (file: KnownFile, outcome: RemoveOutcome) => void;
	/** Files whose removal was acknowledged, and whose return from the trash nobody has asked for since. */
	gone: () => KnownFile[];
	/** A return from the trash is about to be asked for: until its answer nobody knows where the file is. */
	restoring: (file: KnownFile) => void;
	restored: (file: KnownFile) => void;
	/** Whether a download that ended so is what this file's reader may meet when everybody is there. */
	isRight: (file: KnownFile, outcome: DownloadOutcome) => boolean;
	/** Where the shards of files were, as far as that was seen, whose removal was acknowledged: `<node id>/<digest>`. */
	removedPlaces: () => Set<string>;
	/**
	Compares the network, which must be whole and at rest, with what it said. What nobody could know, because no answer
	came, is decided by it: from now on it must stay so.

	@returns What is wrong, in words.
	*/
	compare: (url: string, options?: {allRemoved?: boolean}) => Promise<string[]>;
};

const DOWNLOADS_AT_ONCE = 4;
const LISTING_PAGE = 200;
/** How many of the files that were removed long ago are asked for each time; all of them are looked for in the listing. */
const OLD_REMOVALS_ASKED = 15;

const filesOf = async (url: string): Promise<FileView[]> => {
	const files: FileView[] = [];
	for (let before = ''; ;) {
		const page = await ask<{files: FileView[]; next_before: string | null}>(
			url,
			`/api/files?limit=${LISTING_PAGE}${before}`,
		);
		files.push(...page.files);
		if (page.next_before === null) return files;
		before = `&before=${page.next_before}`;
	}
};

const tell = (outcome: DownloadOutcome): string => {
	if (outcome.kind === 'whole') return `${outcome.sizeBytes} bytes ${outcome.sha256.slice(0, 8)}`;
	return outcome.kind === 'refused' ? `${outcome.status} ${outcome.code}` : `broke off: ${outcome.error.message}`;
};

/** Does something for each, a few at once. */
const forEach = async <T>(values: Iterable<T>, work: (value: T) => Promise<void>): Promise<void> => {
	const rest = values[Symbol.iterator]();
	const one = async () => {
		for (let next = rest.next(); !next.done; next = rest.next()) await work(next.value);
	};
	await Promise.all(Array.from({length: DOWNLOADS_AT_ONCE}, one));
};

export const createLedger = (): Ledger => {
	const kept = new Map<string, KnownFile>();
	/** Uploads without an answer, by name. */
	const unanswered = new Map<string, Omit<KnownFile, 'id'>>();
	/** Removals without an answer, by id. */
	const unansweredRemovals = new Map<string, KnownFile>();
	const refused = new Set<string>();
	const removed = new Map<string, KnownFile>();
	let newlyRemoved: KnownFile[] = [];
	/** Where the shards of files are, by their id. */
	const places = new Map<string, string[]>();

	const isRight: Ledger['isRight'] = (file, outcome) =>
		outcome.kind === 'whole' && outcome.sizeBytes === file.sizeBytes && outcome.sha256 === file.sha256;

	const whyNotListed = ({file_id: id, filename}: FileView): string => {
		if (removed.has(id)) return 'its removal was acknowledged';
		if (refused.has(filename)) return 'its upload was refused';
		return 'nobody uploaded it';
	};

	/** Takes what is listed for what it is. */
	const compareListing = (files: readonly FileView[]): string[] => {
		const problems: string[] = [];
		for (const file of files) {
			const {file_id: id, filename: name, size} = file;
			const doubtful = unanswered.get(name);
			const known = kept.get(id) ?? unansweredRemovals.get(id) ?? (doubtful && {...doubtful, id});
			if (!known) {
				problems.push(`${name} is listed although ${whyNotListed(file)}`);
				continue;
			}

			unanswered.delete(name);
			kept.set(id, known);
			if (known.sizeBytes !== size || known.name !== name)
				problems.push(`${known.name} is listed as ${name}, ${size} bytes`);
		}

		const listed = new Set<string>(files.map(file => file.file_id));
		for (const {id, name} of kept.values()) if (!listed.has(id)) problems.push(`${name} is not listed`);
		for (const [id, file] of unansweredRemovals) if (!listed.has(id)) removed.set(id, file);
		for (const name of unanswered.keys()) refused.add(name);
		unanswered.clear();
		unansweredRemovals.clear();
		return problems;
	};

	const notePlaces = async (url: string, id: string) => {
		if (places.has(id)) return;
		const {chunks} = await askFor<{chunks: ChunkView[]}>(url, 'replication', id);
		places.set(
			id,
			chunks.flatMap(({shards}) => shards.map(shard => `${shard.node_id}/${shard.digest}`)),
		);
	};

	return {
		kept: () => [...kept.values()],
		uploaded(name, bytes, outcome) {
			const file = {name, sizeBytes: bytes.length, sha256: sha256(bytes)};
			if (outcome.kind === 'stored') kept.set(outcome.id, {...file, id: outcome.id});
			else if (outcome.kind === 'lost') unanswered.set(name, file);
			else refused.add(name);
		},
		removing(file) {
			kept.delete(file.id);
			unansweredRemovals.set(file.id, file);
		},
		removed(file, outcome) {
			if (outcome.kind !== 'removed') return;
			unansweredRemovals.delete(file.id);
			removed.set(file.id, file);
			newlyRemoved.push(file);
		},
		gone: () => [...removed.values()],
		restoring(file) {
			removed.delete(file.id);
			newlyRemoved = newlyRemoved.filter(({id}) => id !== file.id);
			unansweredRemovals.set(file.id, file);
		},
		restored(file) {
			unansweredRemovals.delete(file.id);
			kept.set(file.id, file);
		},
		isRight,
		removedPlaces: () => new Set([...removed.keys()].flatMap(id => places.get(id) ?? [])),
		async compare(url, {allRemoved = false} = {}) {
			const problems = compareListing(await filesOf(url));
			await forEach([...kept.values()], async file => {
				const outcome = await download(url, file.id);
				if (isRight(file, outcome)) {
					await notePlaces(url, file.id);
					return;
				}

				const was = `${file.sizeBytes} bytes ${file.sha256.slice(0, 8)}`;
				problems.push(`${file.name}: ${was} came back as ${tell(outcome)}`);
			});
			const old = [...removed.values()].slice(allRemoved ? 0 : -OLD_REMOVALS_ASKED);
			await forEach(new Set([...newlyRemoved, ...old]), async file => {
				const outcome = await download(url, file.id);
				if (outcome.kind !== 'refused' || outcome.status !== 404)
					problems.push(`${file.name} was removed: ${tell(outcome)}`);
			});
			newlyRemoved = [];
			return problems;
		},
	};
};
