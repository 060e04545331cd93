import path from 'node:path';
import {dateTime} from '../console/age.js';
import {createTable, type Table} from '../console/table.js';
import {formatSize} from '../format.js';
import type {FolderBrowser} from './folder-browser.js';
import type {EntryFacts, FactsReader, FolderEntry} from './folder-listing.js';

type Parts = {
	browser: FolderBrowser;
	facts: FactsReader;
	/** What is marked, by path: it may stand in other folders too. */
	marks: ReadonlyMap<string, FolderEntry['kind']>;
	changed: () => void;
};

const sizeText = ({kind}: FolderEntry, facts: EntryFacts | undefined): string => {
	if (facts?.words !== undefined) return facts.words;
	if (kind === 'folder') return 'folder';
	if (kind === 'other') return 'no file';
	return facts?.sizeBytes === undefined ? '' : formatSize(facts.sizeBytes);
};

export const entryPath = (browser: FolderBrowser, {name}: FolderEntry): string => path.join(browser.path(), name);

/** The entries of the folder as a table. Sizes and times are asked for as they are seen. */
export const createPickerTable = ({browser, facts, marks, changed}: Parts): Table<FolderEntry> => {
	const factsOf = (entry: FolderEntry) => facts.of(entryPath(browser, entry));
	const table = createTable<FolderEntry>({
		columns: [
			{
				id: 'name',
				title: 'NAME',
				min: 20,
				grow: 1,
				priority: 0,
				cell: ({name, kind, isLink}) => [
					kind === 'folder' ? {text: `${name}/`, tone: 'accent', isBold: true} : {text: name},
					{text: isLink ? ' (link)' : '', tone: 'muted'},
				],
			},
			{id: 'size', title: 'SIZE', min: 11, priority: 1, align: 'right', cell: entry => sizeText(entry, factsOf(entry))},
			{
				id: 'changed',
				title: 'CHANGED',
				min: 16,
				priority: 2,
				cell(entry) {
					const changedMs = factsOf(entry)?.changedMs;
					return changedMs === undefined ? '' : dateTime(changedMs);
				},
			},
		],
		rows: browser.rows,
		keyOf: ({name}) => name,
		textOf: ({name}) => name,
		changed,
	});
	return {
		...table,
		// What narrows the list stands in a line of its own.
		filter: () => '',
		isMarked: entry => marks.size > 0 && marks.has(entryPath(browser, entry)),
		markedCount: () => marks.size,
	};
};

/** An entry as a sentence. */
export const entrySentence = (entry: FolderEntry, facts: EntryFacts | undefined, isMarked: boolean): string =>
	[
		entry.name,
		sizeText(entry, facts) || 'file',
		...(entry.isLink ? ['link'] : []),
		...(isMarked ? ['marked'] : []),
	].join(', ');
