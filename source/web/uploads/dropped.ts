import type {Chosen} from './queue.js';

const fileOf = async (entry: FileSystemFileEntry): Promise<File> =>
	new Promise((resolve, reject) => entry.file(resolve, reject));

/** A browser gives a folder's entries some at a time, until it gives none. */
const entriesOf = async (folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> => {
	const reader = folder.createReader();
	const all: FileSystemEntry[] = [];
	for (;;) {
		const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
		if (some.length === 0) return all;
		all.push(...some);
	}
};

const isFile = (entry: FileSystemEntry): entry is FileSystemFileEntry => entry.isFile;
const isFolder = (entry: FileSystemEntry): entry is FileSystemDirectoryEntry => entry.isDirectory;

const walk = async (entry: FileSystemEntry, chosen: Chosen[]): Promise<void> => {
	const name = entry.fullPath.replace(/^\/+/, '');
	if (isFile(entry)) chosen.push({file: await fileOf(entry), name});
	if (isFolder(entry)) for (const inside of await entriesOf(entry)) await walk(inside, chosen);
};

/** What was dropped, folders with all that is in them. The entries must be taken before anything is waited for. */
export const droppedFiles = async (data: DataTransfer): Promise<Chosen[]> => {
	const entries = [...data.items].map(item => (item.kind === 'file' ? item.webkitGetAsEntry() : null));
	const plain = [...data.files];
	const found = entries.filter(entry => entry !== null);
	if (found.length === 0) return plain.map(file => ({file, name: file.name}));
	const chosen: Chosen[] = [];
	for (const entry of found) await walk(entry, chosen);
	return chosen;
};

/** What was chosen in the browser's own dialog. */
export const chosenFiles = (list: FileList | null): Chosen[] =>
	[...(list ?? [])].map(file => ({file, name: file.webkitRelativePath || file.name}));
