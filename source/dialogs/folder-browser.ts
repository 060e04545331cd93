import {type FolderEntry, type Listing, readFolder} from './folder-listing.js';

/** The folder that is looked into. What comes late of one that was left is ignored. */
export type FolderBrowser = {
	path: () => string;
	/** What is shown of it: hidden files only where they are wanted. Another array whenever anything in it changed. */
	rows: () => readonly FolderEntry[];
	/** All that is in it. */
	all: () => readonly FolderEntry[];
	/** What is said in place of rows. */
	words: () => string;
	/** Whether it was read, and could be. */
	isSound: () => boolean;
	/** Said where not all entries are shown. */
	isCut: () => boolean;
	showsHidden: () => boolean;
	toggleHidden: () => void;
	/** Resolves when it is read, or when another one is looked into. Never rejects. */
	open: (folder: string) => Promise<void>;
	/** Resolves when what is looked into now is read. */
	ready: () => Promise<void>;
	close: () => void;
};

const nothing: readonly FolderEntry[] = [];

export const createFolderBrowser = (initial: string, changed: () => void): FolderBrowser => {
	let folder = initial;
	let listing: Listing | undefined;
	let reading = new AbortController();
	let ready = Promise.resolve();
	let isHiddenShown = false;
	let rows = nothing;

	const select = () => {
		const {entries = nothing} = listing ?? {};
		rows = isHiddenShown ? entries : entries.filter(({name}) => !name.startsWith('.'));
		changed();
	};

	const read = async ({signal}: AbortController, target: string): Promise<void> => {
		const found = await readFolder(target, signal);
		if (signal.aborted) return;
		listing = found;
		select();
	};

	return {
		path: () => folder,
		rows: () => rows,
		all: () => listing?.entries ?? nothing,
		words() {
			if (!listing) return 'Reading the folder.';
			if (listing.problem !== undefined) return `${listing.problem}.`;
			return listing.entries.length > 0
				? 'There are only hidden files here: Ctrl-h shows them.'
				: 'The folder is empty.';
		},
		isSound: () => listing !== undefined && listing.problem === undefined,
		isCut: () => listing?.isCut === true,
		showsHidden: () => isHiddenShown,
		toggleHidden() {
			isHiddenShown = !isHiddenShown;
			select();
		},
		async open(target) {
			reading.abort();
			reading = new AbortController();
			folder = target;
			listing = undefined;
			select();
			ready = read(reading, target);
			return ready;
		},
		ready: async () => ready,
		close: () => reading.abort(),
	};
};
