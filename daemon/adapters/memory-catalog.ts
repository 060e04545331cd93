import {setImmediate as nextTurn} from 'node:timers/promises';
import {PjasError} from '../../source/protocol/errors.js';
import type {FileId, NodeId} from '../../source/protocol/ids.js';
import type {Catalog} from '../ports/catalog.js';
import {cloneOf, type Document, isKind, toRecord} from './catalog-documents.js';
import {decideWrite, type Write} from './catalog-draft.js';
import {CatalogIndex} from './catalog-index.js';
import {catalogOver} from './catalog-verbs.js';

type Options = {
	/** Lets others have a turn between pages. */
	nextTurn?: () => Promise<void>;
};

/**
Makes one of equal texts in chunks: a copy of its digest and of node ids for each shard of a chunk would be a third of what
a large simulated network takes.
*/
const createCompact = () => {
	const nodes = new Map<NodeId, NodeId>();
	let lastFile: FileId | undefined;
	const nodeOf = (node: NodeId): NodeId => {
		const known = nodes.get(node);
		if (known === undefined) nodes.set(node, node);
		return known ?? node;
	};

	return (document: Document): Document => {
		if (!isKind(document, 'chunk')) return document;
		const {file, shards} = toRecord(document);
		// The chunks of a file come one after the other.
		if (file !== lastFile) lastFile = file;
		document['file'] = lastFile;
		const digests = new Map(shards.map(({digest}) => [digest, digest]));
		for (const shard of shards) {
			shard.node = nodeOf(shard.node);
			shard.digest = digests.get(shard.digest) ?? shard.digest;
		}

		return document;
	};
};

/** A catalogue in memory, for tests and the simulation. */
export const memoryCatalog = (options: Options = {}): Catalog => {
	const documents = new Map<string, Document>();
	const index = new CatalogIndex();
	const compact = createCompact();
	let isClosed = false;

	const write = async <T>(asked: Write<T>): Promise<T> => {
		if (isClosed) throw new PjasError('SHUTTING_DOWN', 'The catalogue is closed');
		const {changes, result} = decideWrite(asked, id => documents.get(id));
		for (const {_id, after} of changes) {
			const kept = after && compact(after);
			index.change(documents.get(_id), kept);
			if (kept) documents.set(_id, kept);
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
