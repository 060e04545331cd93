import {join} from 'node:path';
import {z} from 'zod';
import type {Log} from '../ports/log.js';
import {type CoordinatorKey, coordinatorKeysSchema} from '../trust/coordinator-key.js';
import {type DiskFiles, isMissing, writeDurably} from './disk-shards-files.js';

export const COORDINATOR_KEYS_FILE = 'coordinator_keys.json';

export type CoordinatorKeyFile = {
	/** None where the node has met no coordinator yet. */
	read: () => Promise<CoordinatorKey[]>;
	/** Durable when it returns. */
	write: (keys: readonly CoordinatorKey[]) => Promise<void>;
};

const fileSchema = z.object({version: z.literal(1), keys: coordinatorKeysSchema});

const parse = (text: string): CoordinatorKey[] | undefined => {
	try {
		return fileSchema.parse(JSON.parse(text)).keys;
	} catch {
		return undefined;
	}
};

/** Where a node keeps the public keys of its coordinator, beside its identity. */
export const coordinatorKeyFile = (files: DiskFiles, folder: string, log: Log): CoordinatorKeyFile => {
	const path = join(folder, COORDINATOR_KEYS_FILE);
	return {
		async read() {
			const text = await files.readFile(path, 'utf8').catch((error: unknown) => {
				if (isMissing(error)) return undefined;
				throw error;
			});
			const keys = text === undefined ? [] : parse(text);
			if (!keys) log.warn(`${COORDINATOR_KEYS_FILE} can't be read: this node must join with a code again`);
			return keys ?? [];
		},
		async write(keys) {
			const content = `${JSON.stringify({version: 1, keys}, undefined, '\t')}\n`;
			await writeDurably(files, path, content, join(folder, `.${COORDINATOR_KEYS_FILE}.part`));
		},
	};
};
