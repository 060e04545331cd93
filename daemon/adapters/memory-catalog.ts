import {setImmediate as nextTurn} from 'node:timers/promises';
import {PjasError} from '../../source/protocol/errors.js';
import type {Catalog} from '../ports/catalog.js';
import {decideWrite, type Write} from './catalog-draft.js';
import {CatalogIndex} from './catalog-index.js';
import {catalogOver} from './catalog-verbs.js';
import {KeptDocuments} from './kept-documents.js';

type Options = {
	/** Lets others have a turn between pages. */
	nextTurn?: () => Promise<void>;
};

/** A catalogue in memory, for tests and the simulation. */
export const memoryCatalog = (options: Options = {}): Catalog => {
	const documents = new KeptDocuments();
	const index = new CatalogIndex();
	let isClosed = false;

	const write = async <T>(asked: Write<T>): Promise<T> => {
		if (isClosed) throw new PjasError('SHUTTING_DOWN', 'The catalogue is closed');
		const {changes, result} = decideWrite(asked, id => documents.get(id));
		for (const {_id, after} of changes) {
			index.change(documents.get(_id), after);
			if (after) documents.set(after);
			else documents.delete(_id);
		}

		return Promise.resolve(result);
	};

	return catalogOver({
		index,
		nextTurn: options.nextTurn ?? nextTurn,
		write,
		async read(ids) {
			return Promise.resolve(ids.flatMap(id => documents.copyOf(id) ?? []));
		},
		async close() {
			isClosed = true;
			return Promise.resolve();
		},
	});
};
