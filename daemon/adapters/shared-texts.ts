import type {FileId, NodeId} from '../../source/protocol/ids.js';
import {type Document, isKind, toRecord} from './catalog-documents.js';

/**
Makes one of equal texts in chunks: JSON gives each shard a digest and a node's id of its own, which together take more
memory than all else that there is of a chunk. Changes the document, not what it says.
*/
export const createSharedTexts = () => {
	const nodes = new Map<NodeId, NodeId>();
	let lastFile: FileId | undefined;
	const nodeOf = (node: NodeId): NodeId => {
		const known = nodes.get(node);
		if (known === undefined) nodes.set(node, node);
		return known ?? node;
	};

	return <D extends Document>(document: D): D => {
		if (!isKind(document, 'chunk')) return document;
		const {file, shards} = toRecord(document);
		// The chunks of a file come one after the other.
		if (file !== lastFile) lastFile = file;
		Object.assign(document, {file: lastFile});
		const digests = new Map(shards.map(({digest}) => [digest, digest]));
		for (const shard of shards) {
			shard.node = nodeOf(shard.node);
			shard.digest = digests.get(shard.digest) ?? shard.digest;
		}

		return document;
	};
};
