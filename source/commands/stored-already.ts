import {createReadStream} from 'node:fs';
import {stat} from 'node:fs/promises';
import type {Api, FileView} from '../client/contract.js';
import {createChunkSums} from '../client/chunk-sums.js';
import {AnswerError} from '../client/errors.js';
import {openFiles} from '../client/opened-files.js';
import type {Vault} from '../client/vault.js';

/** Which files below a folder the network has as they are here. */
export type StoredAlready = {
	/** Whether a file of the folder is there: same name and size, and same content as far as that can be told. */
	has: (file: {path: string; name: string; sizeBytes: number}) => Promise<boolean>;
};

type Options = {
	api: Pick<Api, 'files' | 'whoami'>;
	/** The keyring, where what is sealed counts. */
	vault: Vault | undefined;
	signal: AbortSignal;
};

const PAGE = 1000;
const PIECE_BYTES = 1024 * 1024;

const isRefused = (error: unknown) => error instanceof AnswerError && error.status !== undefined && error.status < 500;

/** Whose files count; `undefined` where there are no accounts. */
const ownName = async (api: Options['api']): Promise<string | undefined> => {
	try {
		return (await api.whoami()).name;
	} catch (error) {
		if (isRefused(error)) return undefined;
		throw error;
	}
};

/** All own files by their names, the newest of each; none where the token may not list them. */
const listOwn = async ({api, vault, signal}: Options, folder: string): Promise<Map<string, FileView>> => {
	const found = new Map<string, FileView>();
	const owner = await ownName(api);
	// What is sealed has a name that the coordinator can't look for.
	const search = vault ? {} : {search: `${folder}/`};
	try {
		for (let before: string | undefined; ;) {
			signal.throwIfAborted();
			const page = await api.files({limit: PAGE, ...search, ...(before !== undefined && {before})});
			for (const file of await openFiles(page.files, vault)) {
				const isOwn = owner === undefined || file.owner === owner;
				const isAlike = Boolean(file.e2e) === Boolean(vault);
				if (isOwn && isAlike && !found.has(file.filename)) found.set(file.filename, file);
			}

			if (page.next_before === null) return found;
			before = page.next_before;
		}
	} catch (error) {
		if (isRefused(error)) return new Map();
		throw error;
	}
};

const sumOf = async (path: string, signal: AbortSignal): Promise<string> => {
	const sums = createChunkSums();
	for await (const piece of createReadStream(path, {highWaterMark: PIECE_BYTES, signal})) sums.add(piece as Buffer);
	return sums.digest();
};

/**
Looks what the network has of a folder. Where it has the sum of a file, that decides; else (sealed, or uploaded otherwise)
a file is the same that was not changed since it was uploaded.
*/
export const storedAlready = async (folder: string, options: Options): Promise<StoredAlready> => {
	const own = await listOwn(options, folder);
	return {
		async has({path, name, sizeBytes}) {
			const stored = own.get(name);
			if (stored?.size !== sizeBytes) return false;
			if (stored.e2e || stored.chunks_sha256 === undefined) return (await stat(path)).mtimeMs < stored.uploaded_at;
			return stored.chunks_sha256 === (await sumOf(path, options.signal));
		},
	};
};
