import {createHash} from 'node:crypto';
import {join} from 'node:path';
import {PjasError} from '../../source/protocol/errors.js';
import {type Digest, parseDigest} from '../../source/protocol/ids.js';
import {type DiskFiles, FolderSync, isMissing, toDiskError, writeDurably} from './disk-shards-files.js';
import type {Space} from './disk-shards-space.js';

export type AliasesOptions = {
	files: DiskFiles;
	/** `aliases/` of the node's folder. */
	path: string;
	temporaryPath: string;
	space: Space;
};

const SUFFIX = '.json';
const LONGEST_ID_BYTES = 200;

/** Whether a chunk id is a legal file name, as the prototype's nodes take them. */
export const isLegalChunkId = (id: string): boolean =>
	id !== '' &&
	id !== '.' &&
	id !== '..' &&
	Buffer.byteLength(id) <= LONGEST_ID_BYTES &&
	// Half a surrogate pair would come back as another id.
	Buffer.from(id).toString() === id &&
	// eslint-disable-next-line no-control-regex -- these are what no id may hold
	!/[/\\\u0000-\u001f\u007f]/.test(id);

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/**
Which shard a classic chunk id stands for: a small file for each, `aliases/<SHA-256 of the id>.json`. An id may be
anything, so it is never part of a path; its hash is, which has one length and no special characters on any system. They
are read when they are asked for, so they take no memory.
*/
export class ClassicAliases {
	readonly #options: AliasesOptions;
	readonly #folder: FolderSync;
	#temporaries = 0;

	constructor(options: AliasesOptions) {
		this.#options = options;
		this.#folder = new FolderSync(options.files, options.path);
	}

	/** Counts what is there from before. */
	async load(): Promise<void> {
		const {files, path, space} = this.#options;
		const names = await files.readdir(path);
		for (let counted = 0; counted < names.length; counted++) space.add(1);
	}

	async get(id: string): Promise<Digest | undefined> {
		try {
			const alias: unknown = JSON.parse(await this.#options.files.readFile(this.#pathOf(id), 'utf8'));
			return isRecord(alias) && alias['chunk_id'] === id ? parseDigest(alias['digest']) : undefined;
		} catch (error) {
			if (isMissing(error) || error instanceof SyntaxError) return undefined;
			throw toDiskError(error);
		}
	}

	/** Throws `INVALID_REQUEST` for what can be no classic chunk's id. */
	check(id: string): void {
		if (isLegalChunkId(id)) return;
		const allowed = `a file name of at most ${LONGEST_ID_BYTES} bytes, without slashes and control characters`;
		throw new PjasError('INVALID_REQUEST', `Wrong chunk id: it must be ${allowed}`);
	}

	/** Durable when it returns. */
	async set(id: string, digest: Digest): Promise<void> {
		this.check(id);
		const {files, space, temporaryPath} = this.#options;
		const known = await this.get(id);
		if (known === digest) return;

		const content = `${JSON.stringify({chunk_id: id, digest})}\n`;
		const reservation = await space.reserve(content.length);
		try {
			const temporary = join(temporaryPath, `alias-${this.#temporaries++}.part`);
			await writeDurably(files, this.#pathOf(id), content, temporary, this.#folder);
			if (known === undefined) reservation.keep(content.length);
		} catch (error) {
			throw toDiskError(error);
		} finally {
			reservation.release();
		}
	}

	#pathOf(id: string): string {
		return join(this.#options.path, createHash('sha256').update(id).digest('hex') + SUFFIX);
	}
}
