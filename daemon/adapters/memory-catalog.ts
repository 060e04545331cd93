import {setImmediate as nextTurn} from 'node:timers/promises';
import {PjasError} from '../../source/protocol/errors.js';
import type {Catalog} from '../ports/catalog.js';
import {cloneOf, type Document} from './catalog-documents.js';
import {decideWrite, type Write} from './catalog-draft.js';
import {CatalogIndex} from './catalog-index.js';
import {catalogOver} from './catalog-verbs.js';

type Options = {
	/** Lets others have a turn between pages. */
	nextTurn?: () => Promise<void>;
};

/** A catalogue in memory, for tests and the simulation. */
export const memoryCatalog = (options: Options = {}): Catalog => {
	const documents = new Map<string, Document>();
	const index = new CatalogIndex();
	let isClosed = false;

	const write = async <T>(asked: Write<T>): Promise<T> => {
		if (isClosed) throw new PjasError('SHUTTING_DOWN', 'The catalogue is closed');
		const {changes, result} = decideWrite(asked, id => documents.get(id));
		for (const {_id, after} of changes) {
			index.change(documents.get(_id), after);
			if (after) documents.set(_id, after);
			else documents.delete(_id);
		}

		return Promise.resolve(result);
	};

	return catalogOver({
		index,
		nextTurn: options.nextTurn ?? nextTurn,
		write,
		async read(ids) {
			const found = ids.flatMap(id => documents.get(id) ?? []);
			return Promise.resolve(found.map(cloneOf));
		},
		async close() {
			isClosed = true;
			return Promise.resolve();
		},
	});
};
