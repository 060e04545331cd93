import type {FileId, NodeId} from '../../source/protocol/ids.js';
import type {ChunkRecord} from '../core/model.js';
import {type Document, isKind} from './catalog-documents.js';

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
		const chunk = document as unknown as Pick<ChunkRecord, 'file' | 'shards'>;
		// The chunks of a file come one after the other.
		if (chunk.file === lastFile) chunk.file = lastFile;
		else lastFile = chunk.file;
		const [first] = chunk.shards;
		for (const shard of chunk.shards) {
			shard.node = nodeOf(shard.node);
			if (first && shard.digest === first.digest) shard.digest = first.digest;
		}

		return document;
	};
};
