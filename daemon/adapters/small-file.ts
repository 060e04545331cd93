import {join} from 'node:path';
import type {z} from 'zod';
import type {Log} from '../ports/log.js';
import {type DiskFiles, isMissing, unlinkIfThere, writeDurably} from './disk-shards-files.js';

export type SmallFile<State> = {
	/** `undefined` where there is none, or none that can be read: that is said in the log. */
	read: () => Promise<State | undefined>;
	/** Durable when it returns. */
	write: (state: State) => Promise<void>;
};

export type SmallFilePlace = {files: DiskFiles; folder: string; log: Log};

type SmallFileKind<State> = {
	name: string;
	/** What it means that it can't be read. */
	lost: string;
	schema: z.ZodType<State & {version: 1}>;
};

/** Some JSON in a node's folder, written whole. */
export const smallFile = <State extends object>(
	{files, folder, log}: SmallFilePlace,
	{name, lost, schema}: SmallFileKind<State>,
): SmallFile<State> => {
	const path = join(folder, name);
	const partial = join(folder, `.${name}.part`);
	return {
		async read() {
			await unlinkIfThere(files, partial);
			try {
				return schema.parse(JSON.parse(await files.readFile(path, 'utf8')));
			} catch (error) {
				if (!isMissing(error)) log.warn(`${name} can't be read: ${lost}`, {error});
				return undefined;
			}
		},
		async write(state) {
			await writeDurably(files, path, `${JSON.stringify({version: 1, ...state})}\n`, partial);
		},
	};
};
