import fc from 'fast-check';
import {isPjasError} from '../../source/protocol/errors.js';
import {visibilities} from '../../source/protocol/people.js';
import {schemeOf, type FileRecord, type ShardRecord, trashPlaceOf} from '../core/model.js';
import type {Catalog} from './catalog.js';
import {
	chunkIdOfFile,
	chunkOf,
	digestOf,
	fileIdOf,
	fileOf,
	nodeIdOf,
	nodeOf,
	removalAt,
} from './catalog-samples.suite.js';

/** A change as data. `lag` is how far its revision is from the stored one. */
type Act =
	| {verb: 'putFile'; file: number; name: string; rights: Rights; lag: number}
	| {verb: 'putAccount' | 'removeAccount'; name: string; lag: number}
	| {verb: 'removeFile'; file: number; lag: number | undefined}
	| {verb: 'commitUpload'; file: number; chunks: number}
	| {verb: 'putChunk'; file: number; index: number; shards: readonly Shard[]; wanted: number; lag: number}
	| {verb: 'removeChunks'; chunks: readonly (readonly [number, number])[]}
	| {verb: 'putNode'; node: number; lag: number}
	| {verb: 'removeNode'; node: number}
	| {verb: 'putRemovals'; removals: readonly (readonly [number, number, number])[]}
	| {verb: 'dropRemovals'; removals: readonly (readonly [number, number])[]};

type Rights = Pick<FileRecord, 'owner' | 'visibility' | 'sharedWith' | 'trashed'>;
type Shard = {node: number; digest: number; fault: ShardRecord['fault'] | undefined};

/** Acts that are asked for at once. */
export type History = readonly (readonly Act[])[];

const FILES = 4;
const CHUNKS = 3;
const NODES = 4;
const DIGESTS = 3;

const upTo = (count: number) => fc.integer({min: 1, max: count});
const index = fc.integer({min: 0, max: CHUNKS - 1});
const lag = fc.oneof({weight: 8, arbitrary: fc.constant(0)}, {weight: 1, arbitrary: fc.constantFrom(-1, 1)});
const name = fc.oneof(
	fc.constantFrom('Äpfel', 'a\u0308pfel', 'ÄPFEL 2', 'pears', 'a\u2028b\u2029c\u0085d'),
	fc.string({unit: 'binary'}),
);
const people = ['ada', 'ben'];
const person = fc.constantFrom(...people);
const rights = fc.record(
	{
		owner: person,
		visibility: fc.constantFrom(...visibilities),
		sharedWith: fc.array(person, {maxLength: 2}),
		trashed: fc.record({at: upTo(3), by: person}),
	},
	{requiredKeys: []},
) as fc.Arbitrary<Rights>;
const fault = fc.constantFrom<ShardRecord['fault'] | undefined>(
	...[undefined, undefined, undefined],
	{kind: 'missing', at: 5},
	{kind: 'corrupt', at: 6},
);
const shards = fc.array(fc.record({node: upTo(NODES), digest: upTo(DIGESTS), fault}), {maxLength: 4});

const acts = {
	putFile: fc.record({file: upTo(FILES), name, rights, lag}),
	putAccount: fc.record({name: person, lag}),
	removeAccount: fc.record({name: person, lag}),
	removeFile: fc.record({file: upTo(FILES), lag: fc.option(lag, {nil: undefined})}),
	commitUpload: fc.record({file: upTo(FILES), chunks: index}),
	putChunk: fc.record({file: upTo(FILES), index, shards, wanted: upTo(3), lag}),
	removeChunks: fc.record({chunks: fc.array(fc.tuple(upTo(FILES), index), {maxLength: 3})}),
	putNode: fc.record({node: upTo(NODES), lag}),
	removeNode: fc.record({node: upTo(NODES)}),
	putRemovals: fc.record({removals: fc.array(fc.tuple(upTo(NODES), upTo(DIGESTS), upTo(9)), {maxLength: 3})}),
	dropRemovals: fc.record({removals: fc.array(fc.tuple(upTo(NODES), upTo(DIGESTS)), {maxLength: 3})}),
};

const act = fc.oneof(
	...Object.entries(acts).map(([verb, fields]) => (fields as fc.Arbitrary<object>).map(value => ({verb, ...value}))),
) as fc.Arbitrary<Act>;

export const histories: fc.Arbitrary<History> = fc.array(fc.array(act, {minLength: 1, maxLength: 4}), {maxLength: 20});

const shardOf = ({node, digest, fault: found}: Shard): ShardRecord => ({
	digest: digestOf(digest),
	node: nodeIdOf(node),
	verifiedAt: 7,
	...(found && {fault: found}),
});

/** Looks at what is stored, and gives the call that an act stands for. */
const prepare = async (stored: Catalog, asked: Act): Promise<(catalog: Catalog) => Promise<unknown>> => {
	switch (asked.verb) {
		case 'putFile': {
			const revision = ((await stored.getFile(fileIdOf(asked.file)))?.revision ?? 0) + asked.lag;
			const file = fileOf(asked.file, {...asked.rights, name: asked.name, sizeBytes: asked.name.length, revision});
			return async catalog => catalog.putFile(file);
		}

		case 'putAccount': {
			const revision = ((await stored.getSmall('account', asked.name))?.revision ?? 0) + asked.lag;
			return async catalog => catalog.putSmall('account', {_id: asked.name, role: 'member', createdAt: 1, revision});
		}

		case 'removeAccount':
			return async catalog => catalog.removeSmall('account', asked.name);
		case 'removeFile': {
			const {revision = 0} = (await stored.getFile(fileIdOf(asked.file))) ?? {};
			const expected = asked.lag === undefined ? undefined : revision + asked.lag;
			return async catalog => catalog.removeFile(fileIdOf(asked.file), expected);
		}

		case 'commitUpload': {
			const chunks = Array.from({length: asked.chunks}, (_, at) => chunkOf(asked.file, at));
			return async catalog => catalog.commitUpload(fileOf(asked.file), chunks);
		}

		case 'putChunk': {
			const revision = ((await stored.getChunk(chunkIdOfFile(asked.file, asked.index)))?.revision ?? 0) + asked.lag;
			const fields = {shards: asked.shards.map(shardOf), scheme: schemeOf(asked.wanted), revision};
			const chunk = chunkOf(asked.file, asked.index, [], fields);
			return async catalog => catalog.putChunk(chunk);
		}

		case 'removeChunks':
			return async catalog => catalog.removeChunks(asked.chunks.map(([file, at]) => chunkIdOfFile(file, at)));
		case 'putNode': {
			const revision = ((await stored.getNode(nodeIdOf(asked.node)))?.revision ?? 0) + asked.lag;
			return async catalog => catalog.putNode(nodeOf(asked.node, {revision}));
		}

		case 'removeNode':
			return async catalog => catalog.removeNode(nodeIdOf(asked.node));
		case 'putRemovals':
			return async catalog => catalog.putRemovals(asked.removals.map(removal => removalAt(...removal)));
		case 'dropRemovals':
			return async catalog => catalog.dropRemovals(asked.removals.map(removal => removalAt(...removal)._id));
	}
};

const answerOf = async (call: Promise<unknown>): Promise<unknown> => {
	try {
		return await call;
	} catch (error) {
		if (isPjasError(error, 'CONFLICT')) return 'CONFLICT';
		throw error;
	}
};

/** Plays acts: at once in the catalogue, one after the other in the model. Returns the answers of both. */
export const play = async (
	catalog: Catalog,
	model: Catalog,
	group: readonly Act[],
): Promise<{answers: unknown[]; expected: unknown[]}> => {
	const calls = await Promise.all(group.map(async asked => prepare(model, asked)));
	const answers = await Promise.all(calls.map(async call => answerOf(call(catalog))));
	const expected: unknown[] = [];
	for (const call of calls) expected.push(await answerOf(call(model)));
	return {answers, expected};
};

const collect = async <T>(records: AsyncIterable<T>): Promise<T[]> => {
	const all: T[] = [];
	for await (const record of records) all.push(record);
	return all;
};

const sortedTexts = (values: Iterable<unknown>) => Array.from(values, value => JSON.stringify(value)).sort();
const owned = (owner: string | undefined) => (owner === undefined ? {} : {owner});
const numbers = (count: number) => Array.from({length: count}, (_, at) => at + 1);

/** Who counts, one after the other: nodes come and go by themselves, and all at once. */
const countedNodes = [[], [1], [1, 2], numbers(NODES), numbers(NODES).slice(1), [1], []];

/** All that can be asked of a catalogue in which a history was played. */
export const answersOf = async (catalog: Catalog): Promise<Record<string, unknown>> => {
	const digests = numbers(NODES).flatMap(node => numbers(DIGESTS).map(digest => [node, digest] as const));
	return {
		totals: catalog.totals(),
		files: await catalog.files({limit: 100}),
		page: await catalog.files({limit: 2, before: fileIdOf(3)}),
		viewed: await Promise.all(['', ...people].map(async viewer => catalog.files({limit: 100, viewer}))),
		viewedPage: await catalog.files({limit: 1, viewer: 'ada', before: fileIdOf(4)}),
		viewedNamed: await catalog.files({limit: 100, viewer: 'ada', search: 'p'}),
		viewedCount: await Promise.all(['', ...people].map(async viewer => catalog.countFiles('', viewer))),
		viewedNamedCount: await catalog.countFiles('p', 'ben'),
		ownedBytes: people.map(owner => catalog.ownedBytes(owner)),
		trash: await Promise.all([undefined, ...people].map(async owner => catalog.trash({limit: 100, ...owned(owner)}))),
		trashPages: await Promise.all(
			(await catalog.trash({limit: 100})).map(async file => {
				const before = trashPlaceOf(file);
				return catalog.trash({limit: 1, ...(before && {before})});
			}),
		),
		oldestTrash: await Promise.all([1, 100].map(async limit => catalog.oldestTrash(limit))),
		trashTotals: [undefined, ...people].map(owner => catalog.trashTotals(owner)),
		accounts: await catalog.allSmall('account'),
		account: await catalog.getSmall('account', 'ada'),
		tokens: await catalog.allSmall('token'),
		named: await catalog.files({limit: 100, search: 'äP'}),
		one: await catalog.files({limit: 1, search: 'p', before: fileIdOf(FILES)}),
		count: [await catalog.countFiles(''), await catalog.countFiles('\u0041\u0308'), await catalog.countFiles('\u2028')],
		file: await Promise.all(numbers(FILES).map(async file => catalog.getFile(fileIdOf(file)))),
		chunk: await Promise.all(numbers(FILES).map(async file => catalog.getChunk(chunkIdOfFile(file, 1)))),
		chunksOf: await Promise.all(numbers(FILES).map(async file => collect(catalog.chunksOf(fileIdOf(file))))),
		chunksAfter: await collect(catalog.chunksOf(fileIdOf(1), 0)),
		chunksOn: await Promise.all(numbers(NODES).map(async node => collect(catalog.chunksOn(nodeIdOf(node))))),
		chunksOnAfter: await collect(catalog.chunksOn(nodeIdOf(1), chunkIdOfFile(2, 1))),
		chunksAmiss: await collect(catalog.chunksAmiss()),
		chunksAmissAfter: await collect(catalog.chunksAmiss(chunkIdOfFile(1, 1))),
		chunkWith: await Promise.all(digests.map(async ([, b]) => catalog.chunkWith(digestOf(b)))),
		filesWithoutRecord: await catalog.filesWithoutRecord(),
		copiesLeft: countedNodes.map(counted =>
			catalog.copiesLeft(node => counted.some(number => nodeIdOf(number) === node)),
		),
		placementGroupsOf: numbers(FILES).map(file => sortedTexts(catalog.placementGroupsOf(fileIdOf(file)))),
		shardCounts: numbers(NODES).map(node => catalog.shardCounts(nodeIdOf(node))),
		shardBytes: numbers(NODES).map(node => catalog.shardBytes(nodeIdOf(node))),
		nodes: await catalog.nodes(),
		node: await catalog.getNode(nodeIdOf(1)),
		removals: await Promise.all(numbers(NODES).map(async node => catalog.removals(nodeIdOf(node), 100))),
		removalsAfter: await catalog.removals(nodeIdOf(1), 1, removalAt(1, 1)._id),
	};
};
