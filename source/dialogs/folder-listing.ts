import {lstat, opendir, stat} from 'node:fs/promises';
import path from 'node:path';
import {printable} from '../terminal/text.js';
import {codeOf} from '../transfers/transfer-error.js';

export type FolderEntry = {name: string; kind: 'folder' | 'file' | 'other'; isLink: boolean};

/** What is in a folder, or why that can't be said. */
export type Listing = {entries: readonly FolderEntry[]; problem?: string; isCut?: boolean};

/** Of a larger folder only so many entries are read. */
export const MOST_ENTRIES = 200_000;
/** Of so many links is looked up what they lead to. Others count as files until they are opened. */
const MOST_LINKS = 2000;
const LINKS_AT_ONCE = 16;
const BUFFERED_ENTRIES = 1024;

const sayings: Record<string, string> = {
	ENOENT: 'is not there any more',
	ENOTDIR: 'is no folder, or lies in none',
	EACCES: 'may not be read by you',
	EPERM: 'may not be read by you',
	ELOOP: 'is a link that leads in a circle',
	ENAMETOOLONG: 'has too long a name',
};

/** Why something on the disk can't be used, in words. */
export const diskWords = (target: string, error: unknown): string =>
	`${printable(target)} ${sayings[codeOf(error) ?? ''] ?? `can't be read (${codeOf(error) ?? String(error)})`}`;

const followLinks = async (folder: string, links: readonly FolderEntry[]): Promise<void> => {
	const waiting = links.slice(0, MOST_LINKS);
	const worker = async () => {
		for (let entry = waiting.shift(); entry; entry = waiting.shift()) {
			const found = await stat(path.join(folder, entry.name)).catch(() => undefined);
			if (!found) entry.kind = 'other';
			else if (found.isDirectory()) entry.kind = 'folder';
			else entry.kind = found.isFile() ? 'file' : 'other';
		}
	};

	await Promise.all(Array.from({length: LINKS_AT_ONCE}, worker));
};

/** Folders first, and by name without regard to capitals. */
const inOrder = (entries: readonly FolderEntry[]): FolderEntry[] =>
	entries
		.map(entry => ({entry, key: `${entry.kind === 'folder' ? 0 : 1}${entry.name.toLowerCase()}`}))
		.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
		.map(({entry}) => entry);

/** Reads a folder. Never rejects: a problem is words. */
export const readFolder = async (folder: string, signal: AbortSignal): Promise<Listing> => {
	const entries: FolderEntry[] = [];
	let isCut = false;
	try {
		for await (const found of await opendir(folder, {bufferSize: BUFFERED_ENTRIES})) {
			if (signal.aborted) break;
			isCut = entries.length === MOST_ENTRIES;
			if (isCut) break;
			const kind = found.isDirectory() ? 'folder' : found.isFile() || found.isSymbolicLink() ? 'file' : 'other';
			entries.push({name: found.name, kind, isLink: found.isSymbolicLink()});
		}
	} catch (error) {
		return {entries: [], problem: diskWords(folder, error)};
	}

	const links = entries.filter(({isLink}) => isLink);
	await followLinks(folder, links);
	return {entries: inOrder(entries), ...(isCut && {isCut})};
};

/** Size and time of an entry, or why there are none. */
export type EntryFacts = {sizeBytes?: number; changedMs?: number; words?: string};

const factsOf = async (target: string): Promise<EntryFacts> => {
	try {
		const found = await stat(target);
		return {sizeBytes: found.size, changedMs: found.mtimeMs};
	} catch (error) {
		const link = await lstat(target).catch(() => undefined);
		if (link?.isSymbolicLink() === true) return {words: 'broken link'};
		return {words: codeOf(error) === 'ENOENT' ? 'gone' : 'unreadable'};
	}
};

/** Facts of the entries that are seen, asked for when they are first wanted. */
export type FactsReader = {of: (target: string) => EntryFacts | undefined; clear: () => void};

const STATS_AT_ONCE = 8;
const MOST_KEPT = 5000;

/** @param changed - Called when something that was wanted is here. */
export const createFactsReader = (changed: () => void): FactsReader => {
	let kept = new Map<string, EntryFacts | undefined>();
	let waiting: string[] = [];
	let running = 0;

	const clear = () => {
		kept = new Map();
		waiting = [];
	};

	const next = () => {
		// What was wanted last is what is seen now.
		const target = running < STATS_AT_ONCE ? waiting.pop() : undefined;
		if (target === undefined) return;
		const into = kept;
		running++;
		void factsOf(target).then(facts => {
			running--;
			into.set(target, facts);
			if (into === kept) changed();
			next();
		});
	};

	return {
		of(target) {
			if (kept.has(target)) return kept.get(target);
			if (kept.size >= MOST_KEPT) clear();
			kept.set(target, undefined);
			waiting.push(target);
			next();
			return undefined;
		},
		clear,
	};
};
