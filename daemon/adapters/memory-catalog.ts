import {setImmediate as nextTurn} from 'node:timers/promises';
import {PjasError} from '../../source/protocol/errors.js';
import type {Catalog} from '../ports/catalog.js';
import {cloneOf, type Document} from './catalog-documents.js';
import {decideWrite, type Write} from './catalog-draft.js';
import {CatalogIndex} from './catalog-index.js';
import {catalogOver} from './catalog-verbs.js';
import {createChunkPacker, type PackedChunk} from './packed-chunks.js';

type Options = {
	/** Lets others have a turn between pages. */
	nextTurn?: () => Promise<void>;
};

/** A catalogue in memory, for tests and the simulation. */
export const memoryCatalog = (options: Options = {}): Catalog => {
	/** Chunks are packed: a large simulated network is mostly those. */
	const documents = new Map<string, Document | PackedChunk>();
	const index = new CatalogIndex();
	const {pack, unpack} = createChunkPacker();
	let isClosed = false;

	const get = (id: string): Document | undefined => {
		const kept = documents.get(id);
		return typeof kept === 'string' ? unpack(id, kept) : kept;
	};

	const write = async <T>(asked: Write<T>): Promise<T> => {
		if (isClosed) throw new PjasError('SHUTTING_DOWN', 'The catalogue is closed');
		const {changes, result} = decideWrite(asked, get);
		for (const {_id, after} of changes) {
			index.change(get(_id), after);
			if (after) documents.set(_id, pack(after) ?? after);
			else documents.delete(_id);
		}

		return Promise.resolve(result);
	};

	return catalogOver({
		index,
		nextTurn: options.nextTurn ?? nextTurn,
		write,
		async read(ids) {
			const copyOf = (id: string) => {
				const kept = documents.get(id) ?? [];
				return typeof kept === 'string' ? unpack(id, kept) : cloneOf(kept);
			};
			return Promise.resolve(ids.flatMap(copyOf));
		},
		async close() {
			isClosed = true;
			return Promise.resolve();
		},
	});
};
