import {createHash} from 'node:crypto';
import {readdir, readFile} from 'node:fs/promises';
import path from 'node:path';
import type {PageFile, PageFiles} from '../ports/page-files.js';

const codings = {'.br': 'br', '.gz': 'gzip'} as const;
const codingOf = (name: string) => codings[path.extname(name) as keyof typeof codings] as 'br' | 'gzip' | undefined;

/**
Reads the page as it was built, with what is compressed beside it. It is a few hundred kilobytes, so it stays in memory.

@throws What the disk says, `ENOENT` where there is no such folder.
*/
export const readPageFiles = async (folder: string): Promise<PageFiles> => {
	const entries = await readdir(folder, {recursive: true, withFileTypes: true});
	const names = entries
		.filter(entry => entry.isFile())
		.map(entry => path.relative(folder, path.join(entry.parentPath, entry.name)));
	const bytesOf = new Map<string, Uint8Array>();
	for (const name of names) bytesOf.set(name, await readFile(path.join(folder, name)));

	const files = new Map<string, PageFile>();
	for (const [name, identity] of bytesOf) {
		if (codingOf(name)) continue;
		const bodies: PageFile['bodies'] = {identity};
		for (const [ending, coding] of Object.entries(codings)) {
			const encoded = bytesOf.get(name + ending);
			if (encoded) bodies[coding] = encoded;
		}

		const etag = `"${createHash('sha256').update(identity).digest('base64url').slice(0, 22)}"`;
		files.set(name.split(path.sep).join('/'), {extension: path.extname(name), etag, bodies});
	}

	return files;
};
