import type {Digest, NodeId} from '../../source/protocol/ids.js';
import {type ChunkRecord, schemeOf, type ShardFault, type ShardRecord, wantedShards} from '../core/model.js';
import {type Document, isKind, storedId} from './catalog-documents.js';

/** A chunk's document but for its `_id`, each of its bytes a character: a quarter of the memory that its objects take. */
export type PackedChunk = string & {readonly packedChunk: unique symbol};

export type ChunkPacker = {
	/** `undefined` where a document is none of a chunk, or has anything that would be lost. Keeps no hold of it. */
	pack: (document: Document) => PackedChunk | undefined;
	/** A new document, that says what the one did which was packed. */
	unpack: (id: string, packed: PackedChunk) => Document;
};

const MOST_SHARDS = 16;
const MOST_WANTED = 255;
const NUMBER_BYTES = 8;
const NODE_BYTES = 4;
/** Of SHA-256, of which both a shard's digest and what is known of the plain chunk are. */
const HASH_BYTES = 32;
const SHARD_BYTES = NODE_BYTES + NUMBER_BYTES + 1 + NUMBER_BYTES;
const HEAD_BYTES = 3 + 2 * NUMBER_BYTES + HASH_BYTES;

/** A hash as it is written. In base64url its last character has two bits too many, which are zero. */
const hashPatterns = {hex: /^[\da-f]{64}$/, base64url: /^[\w-]{42}[AEIMQUYcgkosw048]$/};

const faultKinds: readonly (ShardFault['kind'] | undefined)[] = [undefined, 'missing', 'corrupt'];

const FILE_AT = storedId('chunk', '').length;
const FILE_LENGTH = 32;

const fileOf = (id: string): string => id.slice(FILE_AT, FILE_AT + FILE_LENGTH);
const indexOf = (id: string): number => Number(id.slice(FILE_AT + FILE_LENGTH + 1));

const hasFields = (value: object, count: number): boolean => Object.keys(value).length === count;
const isNumber = (value: unknown): value is number => typeof value === 'number';

const isPlainFault = (fault: ShardFault): boolean =>
	hasFields(fault, 2) && faultKinds.includes(fault.kind) && isNumber(fault.at);

/** All shards of a chunk have the same digest, as a rule. */
const isPlainShard = (shard: ShardRecord, digest: Digest): boolean => {
	const {node, verifiedAt, fault} = shard;
	if (shard.digest !== digest || typeof node !== 'string' || !isNumber(verifiedAt)) return false;
	return fault === undefined ? hasFields(shard, 3) : hasFields(shard, 4) && isPlainFault(fault);
};

/** Whether a chunk has no more than what is packed, but for how its hashes are written. */
const isPlain = (chunk: ChunkRecord): boolean => {
	const {_id, file, index, sizeBytes, sha256, scheme, shards, revision} = chunk;
	const [first] = shards;
	if (!first || shards.length > MOST_SHARDS || !hasFields(chunk, sha256 === undefined ? 8 : 9)) return false;
	if (file !== fileOf(_id) || index !== indexOf(_id) || !isNumber(sizeBytes) || !isNumber(revision)) return false;
	const wanted = wantedShards(scheme);
	if (!(wanted <= MOST_WANTED) || schemeOf(wanted) !== scheme) return false;
	return shards.every(shard => isPlainShard(shard, first.digest));
};

/** Packs the chunks of a catalogue. It knows each node by a number, and forgets none. */
export const createChunkPacker = (): ChunkPacker => {
	const bytes = Buffer.alloc(HEAD_BYTES + HASH_BYTES + MOST_SHARDS * SHARD_BYTES);
	const nodes: NodeId[] = [];
	const numbers = new Map<NodeId, number>();

	const numberOf = (node: NodeId): number => {
		const known = numbers.get(node);
		if (known !== undefined) return known;
		numbers.set(node, nodes.length);
		return nodes.push(node) - 1;
	};

	/** Returns where it ends; `undefined` where it would be written otherwise when it is read. */
	const writeHash = (hash: string, encoding: keyof typeof hashPatterns, from: number): number | undefined => {
		if (!hashPatterns[encoding].test(hash)) return undefined;
		return from + bytes.write(hash, from, HASH_BYTES, encoding);
	};

	const writeShard = ({node, verifiedAt, fault}: ShardRecord, from: number): number => {
		let at = bytes.writeUInt32LE(numberOf(node), from);
		at = bytes.writeDoubleLE(verifiedAt, at);
		at = bytes.writeUInt8(faultKinds.indexOf(fault?.kind), at);
		return fault ? bytes.writeDoubleLE(fault.at, at) : at;
	};

	const readShards = (digest: Digest, count: number, from: number): ShardRecord[] => {
		const shards: ShardRecord[] = [];
		for (let at = from; shards.length < count;) {
			const node = nodes[bytes.readUInt32LE(at)] as NodeId;
			const verifiedAt = bytes.readDoubleLE(at + NODE_BYTES);
			const kind = faultKinds[bytes[at + NODE_BYTES + NUMBER_BYTES] ?? 0];
			at += NODE_BYTES + NUMBER_BYTES + 1;
			if (!kind) {
				shards.push({digest, node, verifiedAt});
				continue;
			}

			shards.push({digest, node, verifiedAt, fault: {kind, at: bytes.readDoubleLE(at)}});
			at += NUMBER_BYTES;
		}

		return shards;
	};

	return {
		pack(document) {
			if (!isKind(document, 'chunk')) return undefined;
			const chunk = document as unknown as ChunkRecord;
			if (!isPlain(chunk)) return undefined;
			const {sizeBytes, sha256, scheme, shards, revision} = chunk;
			bytes.writeUInt8(wantedShards(scheme));
			bytes.writeUInt8(shards.length, 1);
			bytes.writeUInt8(Number(sha256 !== undefined), 2);
			bytes.writeDoubleLE(sizeBytes, 3);
			bytes.writeDoubleLE(revision, 3 + NUMBER_BYTES);
			let at = writeHash(shards[0]?.digest ?? '', 'hex', 3 + 2 * NUMBER_BYTES);
			if (at !== undefined && sha256 !== undefined) at = writeHash(sha256, 'base64url', at);
			if (at === undefined) return undefined;
			for (const shard of shards) at = writeShard(shard, at);
			return bytes.toString('latin1', 0, at) as PackedChunk;
		},
		unpack(id, packed) {
			bytes.write(packed, 'latin1');
			const [wanted = 0, count = 0, hasSha256 = 0] = bytes;
			const digest = bytes.toString('hex', HEAD_BYTES - HASH_BYTES, HEAD_BYTES) as Digest;
			const shardsAt = HEAD_BYTES + hasSha256 * HASH_BYTES;
			const document: Document = {
				_id: id,
				is: 'chunk',
				file: fileOf(id),
				index: indexOf(id),
				sizeBytes: bytes.readDoubleLE(3),
				scheme: schemeOf(wanted),
				shards: readShards(digest, count, shardsAt),
				revision: bytes.readDoubleLE(3 + NUMBER_BYTES),
			};
			if (hasSha256) document.sha256 = bytes.toString('base64url', HEAD_BYTES, shardsAt);
			return document;
		},
	};
};
