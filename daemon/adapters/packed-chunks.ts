import {isDeepStrictEqual} from 'node:util';
import type {Digest, NodeId} from '../../source/protocol/ids.js';
import {schemeOf, type ShardFault, type ShardRecord, wantedShards} from '../core/model.js';
import {type Document, isKind, storedId, toRecord} from './catalog-documents.js';

/** A chunk's document but for its `_id`, each of its bytes a character: a fifth of the memory that its objects take. */
export type PackedChunk = string & {readonly packedChunk: unique symbol};

export type ChunkPacker = {
	/** `undefined` where a document is none of a chunk, or has anything that would be lost. */
	pack: (document: Document) => PackedChunk | undefined;
	unpack: (id: string, packed: PackedChunk) => Document;
};

const MOST_SHARDS = 16;
const NUMBER_BYTES = 8;
const NODE_BYTES = 4;
const DIGEST_BYTES = 32;
const SHARD_BYTES = NODE_BYTES + NUMBER_BYTES + 1 + NUMBER_BYTES;
const HEAD_BYTES = 2 + 2 * NUMBER_BYTES + DIGEST_BYTES;

const faultKinds: readonly (ShardFault['kind'] | undefined)[] = [undefined, 'missing', 'corrupt'];

const FILE_AT = storedId('chunk', '').length;
const FILE_LENGTH = 32;

/** Packs the chunks of a catalogue. It knows each node by a number, and forgets none. */
export const createChunkPacker = (): ChunkPacker => {
	const bytes = Buffer.alloc(HEAD_BYTES + MOST_SHARDS * SHARD_BYTES);
	const nodes: NodeId[] = [];
	const numbers = new Map<NodeId, number>();

	const numberOf = (node: NodeId): number => {
		const known = numbers.get(node) ?? nodes.push(node) - 1;
		numbers.set(node, known);
		return known;
	};

	const writeShard = ({node, verifiedAt, fault}: ShardRecord, from: number): number => {
		let at = bytes.writeUInt32LE(numberOf(node), from);
		at = bytes.writeDoubleLE(verifiedAt, at);
		at = bytes.writeUInt8(faultKinds.indexOf(fault?.kind), at);
		return fault ? bytes.writeDoubleLE(fault.at, at) : at;
	};

	const readShards = (digest: Digest, count: number): ShardRecord[] => {
		let at = HEAD_BYTES;
		return Array.from({length: count}, () => {
			const node = nodes[bytes.readUInt32LE(at)] as NodeId;
			const verifiedAt = bytes.readDoubleLE(at + NODE_BYTES);
			const kind = faultKinds[bytes[at + NODE_BYTES + NUMBER_BYTES] ?? 0];
			at += NODE_BYTES + NUMBER_BYTES + 1;
			if (!kind) return {digest, node, verifiedAt};
			const fault = {kind, at: bytes.readDoubleLE(at)};
			at += NUMBER_BYTES;
			return {digest, node, verifiedAt, fault};
		});
	};

	const unpack: ChunkPacker['unpack'] = (id, packed) => {
		bytes.write(packed, 'latin1');
		const [wanted = 0, count = 0] = bytes;
		const digestAt = 2 + 2 * NUMBER_BYTES;
		const digest = bytes.toString('hex', digestAt, digestAt + DIGEST_BYTES) as Digest;
		return {
			_id: id,
			is: 'chunk',
			file: id.slice(FILE_AT, FILE_AT + FILE_LENGTH),
			index: Number(id.slice(FILE_AT + FILE_LENGTH + 1)),
			sizeBytes: bytes.readDoubleLE(2),
			scheme: schemeOf(wanted),
			shards: readShards(digest, count),
			revision: bytes.readDoubleLE(2 + NUMBER_BYTES),
		};
	};

	return {
		pack(document) {
			if (!isKind(document, 'chunk')) return undefined;
			const {sizeBytes, revision, scheme, shards} = toRecord(document);
			const wanted = wantedShards(scheme);
			if (!(wanted < 256) || shards.length === 0 || shards.length > MOST_SHARDS) return undefined;
			let at = bytes.writeUInt8(wanted);
			at = bytes.writeUInt8(shards.length, at);
			at = bytes.writeDoubleLE(sizeBytes, at);
			at = bytes.writeDoubleLE(revision, at);
			at += bytes.write(shards[0]?.digest ?? '', at, 'hex');
			for (const shard of shards) at = writeShard(shard, at);
			const packed = bytes.toString('latin1', 0, at) as PackedChunk;
			// What has digests of several kinds, or comes from an upload that can be gone on with, has more.
			return isDeepStrictEqual(unpack(document._id, packed), document) ? packed : undefined;
		},
		unpack,
	};
};
