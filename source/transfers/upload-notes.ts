import {createHash} from 'node:crypto';
import type {Stats} from 'node:fs';
import {mkdir, readdir, readFile, rename, rm, stat, writeFile} from 'node:fs/promises';
import path from 'node:path';
import {z} from 'zod';
import type {Resume} from '../client/contract.js';

/** Which upload an earlier run began, so that another one goes on with it. */
export type UploadNotes = {
	/** Of a file as it is now: one that was changed since is another. */
	of: (about: {path: string; name: string; found: Pick<Stats, 'size' | 'mtimeMs' | 'ctimeMs'>}) => Resume;
};

const noteSchema = z.object({id: z.string(), path: z.string()});
/** No coordinator keeps an unfinished upload for so long unless it is told to. */
const FORGOTTEN_AFTER_MS = 30 * 24 * 3600 * 1000;

/** Only for this run. */
export const createMemoryNotes = (): UploadNotes => {
	const known = new Map<string, string>();
	return {
		of({path: at, name, found}) {
			const key = JSON.stringify([at, name, found.size, found.mtimeMs, found.ctimeMs]);
			return {
				known: async () => Promise.resolve(known.get(key)),
				begun: async id => Promise.resolve(void known.set(key, id)),
				ended: async () => Promise.resolve(void known.delete(key)),
			};
		},
	};
};

const removeOld = async (folder: string, now: number) => {
	for (const name of await readdir(folder)) {
		const file = path.join(folder, name);
		const {mtimeMs} = await stat(file);
		if (mtimeMs + FORGOTTEN_AFTER_MS < now) await rm(file, {force: true});
	}
};

/**
Keeps them in a folder, a file for each. Where that can't be written or read, an upload begins anew.

@param url - The coordinator's.
@param kind - What else makes an upload another one: whether it is sealed.
*/
export const createUploadNotes = (
	folder: string,
	{url, kind, now}: {url: string; kind: string; now: () => number},
): UploadNotes => ({
	of({path: at, name, found}) {
		const about = JSON.stringify([url, kind, at, name, found.size, found.mtimeMs, found.ctimeMs]);
		const file = path.join(folder, `${createHash('sha256').update(about).digest('hex').slice(0, 32)}.json`);
		return {
			async known() {
				try {
					return noteSchema.parse(JSON.parse(await readFile(file, 'utf8'))).id;
				} catch {
					return undefined;
				}
			},
			async begun(id) {
				try {
					await mkdir(folder, {recursive: true, mode: 0o700});
					await removeOld(folder, now());
					const temporary = `${file}.${process.pid}.new`;
					await writeFile(temporary, `${JSON.stringify({id, path: at})}\n`, {mode: 0o600});
					await rename(temporary, file);
				} catch {
					// The upload goes on all the same; only another run can't.
				}
			},
			ended: async () => rm(file, {force: true}).catch(() => undefined),
		};
	},
});
