import type {LineInput} from '../console/line-input.js';
import type {Table} from '../console/table.js';
import type {Console} from '../console/view.js';
import type {FolderBrowser} from './folder-browser.js';
import type {FactsReader, FolderEntry} from './folder-listing.js';
import type {KeyHold} from './key-hold.js';
import type {Places} from './places.js';

/** What the picker is made of. */
export type PickerParts = {
	console: Console;
	browser: FolderBrowser;
	facts: FactsReader;
	table: Table<FolderEntry>;
	/** What is marked, by path. */
	marks: Map<string, FolderEntry['kind']>;
	/** What narrows the list. */
	narrow: LineInput;
	hold: KeyHold;
	places: Places;
	state: {
		/** The path that is being written, while it is. */
		written: LineInput | undefined;
		/** The folder to go back to when that is given up. */
		folderBefore: string;
		/** Whether what is uploaded is sealed end to end. */
		isSealed: boolean;
	};
	/** Closes the picker and uploads these. */
	upload: (paths: readonly string[]) => void;
};

export const warn = ({console}: PickerParts, text: string): void => console.notice({tone: 'warn', text});
