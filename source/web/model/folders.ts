/** Files have paths as names, with `/`: the folders that somebody sees are made of those. */

type Named = {file_id: string; filename: string; size: number; uploaded_at: number};

export type Folder = {
	/** From the top on, without a `/` at its end. */
	path: string;
	name: string;
	files: number;
	sizeBytes: number;
	newestAt: number;
};

/** The name of a file in its folder. */
export const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

const insideOf = (folder: string): string => (folder === '' ? '' : `${folder}/`);

/**
What stands in a folder: its files, and the folders in it by name. A path that leads nowhere is a name.

@returns `inside` has the files of each of the folders, however deep, by its path.
*/
export const openFolder = <File extends Named>(
	files: Iterable<File>,
	folder: string,
): {folders: Folder[]; files: File[]; inside: ReadonlyMap<string, readonly File[]>} => {
	const prefix = insideOf(folder);
	const folders = new Map<string, Folder>();
	const inside = new Map<string, File[]>();
	const here: File[] = [];
	for (const file of files) {
		if (!file.filename.startsWith(prefix)) continue;
		const rest = file.filename.slice(prefix.length);
		const end = rest.indexOf('/');
		// A name may begin or end with a slash, or be one: such a file is shown as it is called.
		if (end <= 0 || rest.slice(end).replaceAll('/', '') === '') {
			here.push(file);
			continue;
		}

		const name = rest.slice(0, end);
		const known = folders.get(name) ?? {path: prefix + name, name, files: 0, sizeBytes: 0, newestAt: 0};
		known.files++;
		known.sizeBytes += file.size;
		known.newestAt = Math.max(known.newestAt, file.uploaded_at);
		folders.set(name, known);
		const deeper = inside.get(known.path) ?? [];
		deeper.push(file);
		inside.set(known.path, deeper);
	}

	return {folders: [...folders.values()], files: here, inside};
};

/** The folders on the way to one, from the top on. */
export const trailOf = (folder: string): {name: string; path: string}[] => {
	const parts = folder === '' ? [] : folder.split('/');
	return parts.map((name, index) => ({name, path: parts.slice(0, index + 1).join('/')}));
};

/** What a new file is called that is put into a folder. */
export const nameIn = (folder: string, path: string): string => insideOf(folder) + path.replace(/^\/+/, '');
