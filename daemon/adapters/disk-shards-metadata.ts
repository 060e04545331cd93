import {join} from 'node:path';
import {z} from 'zod';
import {type NodeId, nodeIdPattern, parseNodeId} from '../../source/protocol/ids.js';
import {type KeyTexts, keyTextsSchema} from '../trust/keys.js';
import {batchText, parseBatch} from '../core/shard-batch.js';
import {MOST_PACK_BYTES, MOST_PACKED_SHARDS, packSum} from '../core/shard-pack.js';
import {type DiskFiles, isMissing, writeDurably} from './disk-shards-files.js';
import type {PackContent} from './disk-shards-pack-file.js';
import type {PackContents} from './disk-shards-packs.js';

export const METADATA_FILE = 'node_metadata.json';
export const IDENTITY_FILE = 'node_identity.json';

/** Who a node is. Written once, in a file of its own, so that nothing that is written later can lose it. */
export type Identity = {
	nodeId: NodeId;
	/** Its id of the prototype's form, for classic coordinators. */
	classicNodeId: NodeId;
	createdAtMs: number;
	/** Its secret keys: whoever has them is this node. */
	keys: KeyTexts;
};

export type Metadata = {
	nodeId: NodeId;
	createdAtMs: number;
	name?: string | undefined;
	allocatedBytes: number;
	/** Sizes of the shards that were there when it was written, for a quick start. */
	sizes: Map<string, number>;
	/** What the packs had in them. */
	packs: PackContents;
};

export type ClassicMetadata = {
	/** Absent where it is no valid id. */
	nodeId: NodeId | undefined;
	/** Chunk ids, with the checksums that they had. */
	checksums: Map<string, unknown>;
};

export type FoundMetadata =
	| {kind: 'missing'}
	| {kind: 'torn'; nodeId: NodeId | undefined}
	| {kind: 'ours'; metadata: Metadata}
	| {kind: 'classic'; metadata: ClassicMetadata};

const nodeId = z
	.string()
	.regex(nodeIdPattern)
	.transform(id => id as NodeId);
const timeMs = z.number().int().nonnegative();

const metadataSchema = z.object({
	version: z.literal(2),
	node_id: nodeId,
	created_at: timeMs,
	name: z.string().optional(),
	allocated_bytes: z.number().int().nonnegative(),
	// Looked at entry by entry: there may be a million.
	chunks: z.custom<Record<string, unknown>>(value => typeof value === 'object' && value !== null),
	packs: z.record(z.string(), z.unknown()).optional(),
});

const classicSchema = z.object({
	version: z.undefined().optional(),
	node_id: z.unknown(),
	chunks: z.record(z.string(), z.object({checksum: z.unknown()})),
});

const identitySchema = z.object({
	version: z.literal(1),
	node_id: nodeId,
	classic_node_id: nodeId,
	created_at: timeMs,
	keys: keyTextsSchema.optional(),
});

const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

const readText = async (files: DiskFiles, path: string): Promise<string | undefined> => {
	try {
		return await files.readFile(path, 'utf8');
	} catch (error) {
		if (isMissing(error)) return undefined;
		throw error;
	}
};

const parse = (text: string): unknown => {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
};

/** The id that stands in a file which can't be read otherwise. */
const salvageNodeId = (text: string): NodeId | undefined =>
	parseNodeId(/"node_id"\s*:\s*"([^"]{0,64})"/.exec(text.slice(0, 4096))?.[1]);

const mostOfPart = {mostShards: MOST_PACKED_SHARDS, mostBytes: MOST_PACK_BYTES};

/** Of a pack there are the sum of its last part and the shards of each. */
const packText = ({sum, parts}: PackContent): string => JSON.stringify([sum, ...parts.map(batchText)]);

const parsePack = (id: string, texts: unknown): PackContent | undefined => {
	if (!Array.isArray(texts)) return undefined;
	const [sum, ...rest] = texts as unknown[];
	const parts = rest.map(text => (typeof text === 'string' ? parseBatch(text, mostOfPart) : undefined));
	if (parts.length === 0 || !parts.every(part => part !== undefined)) return undefined;
	return packSum(id, parts) === sum ? {sum, parts} : undefined;
};

/** What stands there of each pack, where its sums say that it is right. */
const parsePacks = (packs: Record<string, unknown> = {}): PackContents => {
	const entries = Object.entries(packs).map(([id, texts]) => [id, parsePack(id, texts)] as const);
	return new Map(entries.flatMap(([id, content]) => (content ? [[id, content]] : [])));
};

export const readMetadata = async (files: DiskFiles, folder: string): Promise<FoundMetadata> => {
	const text = await readText(files, join(folder, METADATA_FILE));
	if (text === undefined) return {kind: 'missing'};

	const value = parse(text);
	const ours = metadataSchema.safeParse(value);
	if (ours.success) {
		const {node_id, created_at, name, allocated_bytes, chunks, packs} = ours.data;
		const sizes = new Map<string, number>();
		for (const [digest, sizeBytes] of Object.entries(chunks)) if (isSize(sizeBytes)) sizes.set(digest, sizeBytes);
		const about = {nodeId: node_id, createdAtMs: created_at, name, allocatedBytes: allocated_bytes};
		return {kind: 'ours', metadata: {...about, sizes, packs: parsePacks(packs)}};
	}

	const classic = classicSchema.safeParse(value);
	if (classic.success) {
		const checksums = new Map(Object.entries(classic.data.chunks).map(([id, {checksum}]) => [id, checksum]));
		return {kind: 'classic', metadata: {nodeId: parseNodeId(classic.data.node_id), checksums}};
	}

	return {kind: 'torn', nodeId: salvageNodeId(text)};
};

const objectText = (entries: readonly string[]): string =>
	entries.length === 0 ? '{}' : `{\n${entries.map(entry => `\t\t${entry}`).join(',\n')}\n\t}`;

export const writeMetadata = async (
	files: DiskFiles,
	folder: string,
	{nodeId: node_id, createdAtMs: created_at, name, allocatedBytes: allocated_bytes}: Omit<Metadata, 'sizes' | 'packs'>,
	shards: {sizes: () => Iterable<readonly [string, number]>; packs: () => PackContents},
): Promise<void> => {
	const head = JSON.stringify({version: 2, node_id, created_at, name, allocated_bytes}, undefined, '\t');
	const chunks = objectText(Array.from(shards.sizes(), ([digest, sizeBytes]) => `"${digest}": ${sizeBytes}`));
	const packs = Array.from(shards.packs(), ([id, content]) => `"${id}": ${packText(content)}`);
	const tail = [`"chunks": ${chunks}`, ...(packs.length === 0 ? [] : [`"packs": ${objectText(packs)}`])];
	const content = `${head.slice(0, -2)},\n\t${tail.join(',\n\t')}\n}\n`;
	await writeDurably(files, join(folder, METADATA_FILE), content, join(folder, `.${METADATA_FILE}.part`));
};

/** The keys are absent where it was written before nodes had any. */
export type FoundIdentity = Omit<Identity, 'keys'> & {keys: KeyTexts | undefined};

export const readIdentity = async (files: DiskFiles, folder: string): Promise<FoundIdentity | 'missing' | 'torn'> => {
	const text = await readText(files, join(folder, IDENTITY_FILE));
	if (text === undefined) return 'missing';
	const found = identitySchema.safeParse(parse(text));
	if (!found.success) return 'torn';
	const {node_id, classic_node_id, created_at, keys} = found.data;
	return {nodeId: node_id, classicNodeId: classic_node_id, createdAtMs: created_at, keys};
};

export const writeIdentity = async (
	files: DiskFiles,
	folder: string,
	{nodeId: node_id, classicNodeId: classic_node_id, createdAtMs: created_at, keys}: Identity,
): Promise<void> => {
	const content = `${JSON.stringify({version: 1, node_id, classic_node_id, created_at, keys}, undefined, '\t')}\n`;
	await writeDurably(files, join(folder, IDENTITY_FILE), content, join(folder, `.${IDENTITY_FILE}.part`));
};
