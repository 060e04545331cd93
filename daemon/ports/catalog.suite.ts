import type {ExecutionContext, TestFn} from 'ava';
import fc from 'fast-check';
import {isPjasError, type ErrorCode} from '../../source/protocol/errors.js';
import type {Digest} from '../../source/protocol/ids.js';
import {type ChunkRecord, type ShardRecord, trashPlaceOf} from '../core/model.js';
import type {Catalog} from './catalog.js';
import {answersOf, histories, play} from './catalog-history.suite.js';
import {ModelCatalog} from './catalog-model.suite.js';
import {
	accountOf,
	chunkIdOfFile,
	chunkOf,
	digestOf,
	fileIdOf,
	fileOf,
	nodeIdOf,
	nodeOf,
	removalAt,
	uploadOf,
} from './catalog-samples.suite.js';

export type OpenedCatalog = {
	catalog: Catalog;
	/** Closes it and opens it anew, where what it keeps outlives it. */
	reopen?: () => Promise<Catalog>;
};

/** Opens an empty catalogue. What it holds open is given back through `t.teardown`. */
export type OpenCatalog = (t: ExecutionContext) => Promise<OpenedCatalog>;

export const collect = async <T>(records: AsyncIterable<T>): Promise<T[]> => {
	const all: T[] = [];
	for await (const record of records) all.push(record);
	return all;
};

export const refused = async (t: ExecutionContext, code: ErrorCode, act: () => Promise<unknown>): Promise<void> => {
	const error = await t.throwsAsync(act);
	t.true(isPjasError(error, code), `${code} was to be thrown, not ${String(error)}`);
};

const ids = (records: readonly {_id: string}[]) => records.map(({_id}) => _id);

type Suite = {test: TestFn; title: (sentence: string) => string; open: OpenCatalog};

const revisionTests = ({test, title, open}: Suite): void => {
	const kinds = {
		file: {record: fileOf(1), put: 'putFile', get: 'getFile'},
		chunk: {record: chunkOf(1, 0), put: 'putChunk', get: 'getChunk'},
		node: {record: nodeOf(1), put: 'putNode', get: 'getNode'},
		account: {record: accountOf('ada'), put: 'putSmall', get: 'getSmall'},
	} as const;

	for (const [kind, {record, put, get}] of Object.entries(kinds)) {
		const verbs = (catalog: Catalog) => ({
			put: (put === 'putSmall' ? async (value: never) => catalog.putSmall('account', value) : catalog[put]) as (
				value: typeof record,
			) => Promise<typeof record>,
			get: (get === 'getSmall' ? async (id: string) => catalog.getSmall('account', id) : catalog[get]) as (
				id: string,
			) => Promise<typeof record | undefined>,
		});

		test(title(`a ${kind} comes back as it was put, with the next revision`), async t => {
			const {catalog, reopen} = await open(t);
			const first = verbs(catalog);
			t.is(await first.get(record._id), undefined);
			const stored = await first.put(record);
			t.deepEqual(stored, {...record, revision: 1});
			t.deepEqual(await first.get(record._id), stored);
			const again = await first.put(stored);
			t.deepEqual(again, {...record, revision: 2});
			if (reopen) t.deepEqual(await verbs(await reopen()).get(record._id), again);
		});

		test(title(`a ${kind} of another revision is refused and changes nothing`), async t => {
			const {catalog} = await open(t);
			const {put: store, get: read} = verbs(catalog);
			await refused(t, 'CONFLICT', async () => store({...record, revision: 1}));
			t.is(await read(record._id), undefined);
			const stored = await store(record);
			await refused(t, 'CONFLICT', async () => store(record));
			await refused(t, 'CONFLICT', async () => store({...record, revision: 2}));
			t.deepEqual(await read(record._id), stored);
		});

		test(title(`of many writers of one revision of a ${kind}, exactly one wins`), async t => {
			const {catalog} = await open(t);
			const {put: store, get: read} = verbs(catalog);
			let revision = 0;
			for (let round = 0; round < 5; round++) {
				const tries = await Promise.allSettled(Array.from({length: 20}, async () => store({...record, revision})));
				const lost = tries.flatMap(result => (result.status === 'rejected' ? [result.reason as unknown] : []));
				t.is(lost.length, 19);
				t.true(lost.every(error => isPjasError(error, 'CONFLICT')));
				revision++;
				t.is((await read(record._id))?.revision, revision);
			}
		});

		test(title(`nothing that is done to a ${kind} outside changes it inside`), async t => {
			const {catalog} = await open(t);
			const {put: store, get: read} = verbs(catalog);
			const given = structuredClone(record) as Record<string, unknown> & typeof record;
			const storing = store(given);
			spoil(given);
			const answer = await storing;
			spoil(answer);
			spoil(await read(record._id));
			t.deepEqual(await read(record._id), {...record, revision: 1});
		});
	}
};

/** Changes all that can be changed in a record, but its id. */
const spoil = (record: unknown): void => {
	const fields = record as Record<string, unknown>;
	for (const shard of (fields['shards'] as Record<string, unknown>[] | undefined) ?? []) shard['node'] = 'spoilt';
	(fields['shards'] as unknown[] | undefined)?.pop();
	fields['sizeBytes'] = -1;
	fields['name'] = 'spoilt';
	fields['revision'] = 77;
};

const fileTests = ({test, title, open}: Suite): void => {
	test(title('files come newest first, in pages'), async t => {
		const {catalog} = await open(t);
		for (const number of [3, 1, 5, 2, 4]) await catalog.putFile(fileOf(number));
		t.deepEqual(ids(await catalog.files({limit: 10})), [5, 4, 3, 2, 1].map(fileIdOf));
		t.deepEqual(ids(await catalog.files({limit: 2})), [5, 4].map(fileIdOf));
		t.deepEqual(ids(await catalog.files({limit: 2, before: fileIdOf(4)})), [3, 2].map(fileIdOf));
		t.deepEqual(ids(await catalog.files({limit: 2, before: fileIdOf(1)})), []);
		t.deepEqual(await catalog.files({limit: 0}), []);
	});

	test(title('names are found whatever their case and however their accents are encoded'), async t => {
		const {catalog} = await open(t);
		const names = ['R\u00c9SUM\u00c9.pdf', 're\u0301sume\u0301 2.PDF', 'ПРИВЕТ', 'plain', '日本語'];
		for (const [number, name] of names.entries()) await catalog.putFile(fileOf(number, {name}));
		const found = async (search: string) => ids(await catalog.files({search, limit: 10}));
		t.deepEqual(await found('r\u00e9sum'), [1, 0].map(fileIdOf));
		t.deepEqual(await found('RE\u0301SUM'), [1, 0].map(fileIdOf));
		t.deepEqual(await found('.PdF'), [1, 0].map(fileIdOf));
		t.deepEqual(await found('ривет'), [fileIdOf(2)]);
		t.deepEqual(await found('本'), [fileIdOf(4)]);
		t.deepEqual(await found('absent'), []);
		t.is(await catalog.countFiles('\u00c9'), 2);
		t.is(await catalog.countFiles(''), 5);
		t.deepEqual(ids(await catalog.files({search: 'pdf', limit: 10, before: fileIdOf(1)})), [fileIdOf(0)]);
	});

	test(title('a file is removed once, and not its chunks'), async t => {
		const {catalog} = await open(t);
		await catalog.commitUpload(fileOf(1), [chunkOf(1, 0)]);
		t.deepEqual(await catalog.filesWithoutRecord(), []);
		const answers = await Promise.all(Array.from({length: 5}, async () => catalog.removeFile(fileIdOf(1))));
		t.deepEqual(answers.toSorted(), [false, false, false, false, true]);
		t.is(await catalog.getFile(fileIdOf(1)), undefined);
		t.deepEqual(ids(await collect(catalog.chunksOf(fileIdOf(1)))), [chunkIdOfFile(1, 0)]);
		t.deepEqual(await catalog.filesWithoutRecord(), [fileIdOf(1)]);
		await catalog.removeChunks([chunkIdOfFile(1, 0), chunkIdOfFile(9, 9)]);
		t.deepEqual(await catalog.filesWithoutRecord(), []);
	});

	test(title('an unfinished upload goes on with its chunks, counts, and ends as its file'), async t => {
		const {catalog, reopen} = await open(t);
		const begun = await catalog.putSmall('upload', uploadOf(1, {owner: 'ada'}));
		const other = await catalog.putSmall('upload', uploadOf(2, {owner: 'ada', offsetBytes: 7}));
		t.true(catalog.hasRecord(fileIdOf(1)));
		t.is(catalog.countUploads('ada'), 2);
		t.is(catalog.countUploads(), 0);
		const further = await catalog.advanceUpload({...begun, offsetBytes: 500}, [chunkOf(1, 0)]);
		t.like(further, {offsetBytes: 500, revision: 2});
		t.is(catalog.ownedBytes('ada'), 507);
		t.deepEqual(await catalog.filesWithoutRecord(), []);
		await refused(t, 'CONFLICT', async () => catalog.advanceUpload(begun, [chunkOf(1, 1)]));
		await refused(t, 'CONFLICT', async () => catalog.advanceUpload(further, [chunkOf(1, 1), chunkOf(1, 0)]));
		await refused(t, 'CONFLICT', async () => catalog.commitUpload(fileOf(1), [chunkOf(1, 1)], begun));
		await refused(t, 'CONFLICT', async () => catalog.advanceUpload(uploadOf(3), []));
		t.is(await catalog.getChunk(chunkIdOfFile(1, 1)), undefined);

		const last = reopen ? await reopen() : catalog;
		t.deepEqual(await last.getSmall('upload', fileIdOf(1)), further);
		t.is(last.ownedBytes('ada'), 507);
		const tail = await last.getChunk(chunkIdOfFile(1, 0));
		await last.commitUpload(fileOf(1, {owner: 'ada'}), [{...(tail ?? chunkOf(1, 0)), sizeBytes: 900}], further);
		t.is(await last.getSmall('upload', fileIdOf(1)), undefined);
		t.like(await last.getChunk(chunkIdOfFile(1, 0)), {sizeBytes: 900, revision: 2});
		t.is(last.ownedBytes('ada'), 1001 + 7);
		t.deepEqual(ids(await last.allSmall('upload')), [other._id]);

		await last.advanceUpload({...other, offsetBytes: 500}, [chunkOf(2, 0)]);
		t.true(await last.removeSmall('upload', other._id));
		t.false(last.hasRecord(other._id));
		t.deepEqual(await last.filesWithoutRecord(), [other._id]);
		t.is(last.countUploads('ada'), 0);
	});

	test(title('what is in the trash is listed there alone, the last deleted first, and counted there'), async t => {
		const {catalog, reopen} = await open(t);
		const trashed = (at: number) => ({trashed: {at, by: 'ada'}});
		await catalog.putFile(fileOf(1, {owner: 'ada', visibility: 'public', ...trashed(300)}));
		await catalog.putFile(fileOf(2, {owner: 'ben', sharedWith: ['ada'], ...trashed(100)}));
		await catalog.putFile(fileOf(3, trashed(200)));
		await catalog.commitUpload(fileOf(4, {owner: 'ada'}), [chunkOf(4, 0)]);
		const kept = await catalog.getFile(fileIdOf(4));
		await catalog.putFile({...(kept ?? fileOf(4)), ...trashed(200)});
		await catalog.putFile(fileOf(5, {owner: 'ada'}));
		const last = reopen ? await reopen() : catalog;

		t.deepEqual(ids(await last.files({limit: 9})), [fileIdOf(5)]);
		t.deepEqual(ids(await last.files({limit: 9, viewer: 'ada', search: 'file'})), [fileIdOf(5)]);
		t.is(await last.countFiles('', ''), 0);
		t.like(last.totals(), {files: 1, fileBytes: 1005, chunks: 1});
		t.deepEqual(await last.filesWithoutRecord(), []);
		t.is(last.ownedBytes('ada'), 1001 + 1004 + 1005);

		t.deepEqual(ids(await last.trash({limit: 9})), [1, 4, 3, 2].map(fileIdOf));
		t.deepEqual(ids(await last.trash({limit: 9, owner: 'ada'})), [1, 4].map(fileIdOf));
		t.deepEqual(ids(await last.trash({limit: 9, owner: 'eve'})), []);
		const [, second] = await last.trash({limit: 2});
		const before = second && trashPlaceOf(second);
		t.deepEqual(ids(await last.trash({limit: 1, ...(before && {before})})), [fileIdOf(3)]);
		t.deepEqual(ids(await last.oldestTrash(3)), [2, 3, 4].map(fileIdOf));
		t.deepEqual(last.trashTotals(), {files: 4, bytes: 4010});
		t.deepEqual(last.trashTotals('ben'), {files: 1, bytes: 1002});

		const {trashed: gone, ...back} = (await last.getFile(fileIdOf(4))) ?? fileOf(4);
		t.is(gone?.at, 200);
		await last.putFile(back);
		t.deepEqual(ids(await last.files({limit: 9, viewer: 'ada'})), [5, 4].map(fileIdOf));
		t.deepEqual(last.trashTotals('ada'), {files: 1, bytes: 1001});
	});

	test(title('a file of another revision is not removed'), async t => {
		const {catalog} = await open(t);
		await catalog.putFile(fileOf(1));
		await refused(t, 'CONFLICT', async () => catalog.removeFile(fileIdOf(1), 2));
		t.is((await catalog.getFile(fileIdOf(1)))?.revision, 1);
		t.true(await catalog.removeFile(fileIdOf(1), 1));
		t.false(await catalog.removeFile(fileIdOf(1), 1));
	});

	test(title('an upload is committed whole or not at all'), async t => {
		const {catalog, reopen} = await open(t);
		await catalog.putChunk(chunkOf(1, 1));
		await refused(t, 'CONFLICT', async () => catalog.commitUpload(fileOf(1), [chunkOf(1, 0), chunkOf(1, 1)]));
		t.is(await catalog.getFile(fileIdOf(1)), undefined);
		t.is(await catalog.getChunk(chunkIdOfFile(1, 0)), undefined);
		await catalog.commitUpload(fileOf(1), [chunkOf(1, 0), chunkOf(1, 2)]);
		await refused(t, 'CONFLICT', async () => catalog.commitUpload(fileOf(1), [chunkOf(1, 3)]));
		const indexes = async (from: Catalog) => (await collect(from.chunksOf(fileIdOf(1)))).map(chunk => chunk.index);
		t.deepEqual(await indexes(catalog), [0, 1, 2]);
		t.deepEqual(catalog.totals(), {files: 1, fileBytes: 1001, chunks: 3, removals: 0});
		if (reopen) t.deepEqual(await indexes(await reopen()), [0, 1, 2]);
	});
};

const withFault = (shard: ShardRecord): ShardRecord => ({...shard, fault: {kind: 'corrupt', at: 1}});

const chunkTests = ({test, title, open}: Suite): void => {
	test(title('a file of many chunks is read in order, from wherever one asks'), async t => {
		const {catalog} = await open(t);
		const chunks = Array.from({length: 1234}, (_, index) => chunkOf(1, index));
		await catalog.commitUpload(fileOf(1), chunks.toReversed());
		await catalog.commitUpload(fileOf(2), [chunkOf(2, 0)]);
		const indexes = async (after?: number) =>
			(await collect(catalog.chunksOf(fileIdOf(1), after))).map(chunk => chunk.index);
		t.deepEqual(await indexes(), [...chunks.keys()]);
		t.deepEqual(await indexes(1231), [1232, 1233]);
		t.deepEqual(await indexes(-1), [...chunks.keys()]);
		t.deepEqual(await indexes(1233), []);
	});

	test(title('a chunk on a node is drawn by chance, each as likely as another'), async t => {
		const {catalog} = await open(t);
		t.is(await catalog.chunkOnByChance(nodeIdOf(1), () => 0), undefined);
		for (let index = 0; index < 20; index++) await catalog.putChunk(chunkOf(1, index, index % 2 === 0 ? [1, 2] : [2]));
		const drawn = new Map<number, number>();
		for (let draw = 0; draw < 1000; draw++) {
			const chunk = await catalog.chunkOnByChance(nodeIdOf(1), () => draw / 1000);
			if (chunk) drawn.set(chunk.index, (drawn.get(chunk.index) ?? 0) + 1);
		}

		t.deepEqual(
			[...drawn].sort(([a], [b]) => a - b),
			Array.from({length: 10}, (_, at) => [2 * at, 100] as [number, number]),
		);
	});

	test(title('chunks are found by their nodes, sound or not, and by their shards'), async t => {
		const {catalog} = await open(t);
		const shards = chunkOf(1, 0, [1, 2]).shards.map((shard, at) => (at === 1 ? withFault(shard) : shard));
		await catalog.putChunk(chunkOf(1, 0, [], {shards}));
		await catalog.putChunk(chunkOf(2, 0, [2, 3]));
		const on = async (node: number, after?: ChunkRecord['_id']) =>
			ids(await collect(catalog.chunksOn(nodeIdOf(node), after)));
		t.deepEqual(await on(2), [chunkIdOfFile(1, 0), chunkIdOfFile(2, 0)]);
		t.deepEqual(await on(2, chunkIdOfFile(1, 0)), [chunkIdOfFile(2, 0)]);
		t.deepEqual(await on(9), []);
		t.is((await catalog.chunkWith(digestOf(1000)))?._id, chunkIdOfFile(1, 0));
		t.is(await catalog.chunkWith(digestOf(1)), undefined);

		await catalog.putChunk(chunkOf(1, 0, [3], {revision: 1}));
		t.deepEqual(await on(2), [chunkIdOfFile(2, 0)]);
		t.deepEqual(await on(3), [chunkIdOfFile(1, 0), chunkIdOfFile(2, 0)]);

		// Digests that end, or begin, alike.
		const alike = [`a${digestOf(7).slice(1)}`, digestOf(7), `${digestOf(7).slice(0, -1)}8`] as Digest[];
		for (const [index, digest] of alike.entries()) {
			await catalog.putChunk(chunkOf(3, index, [], {shards: [{digest, node: nodeIdOf(1), verifiedAt: 1}]}));
		}

		const found = await Promise.all(alike.map(async digest => catalog.chunkWith(digest)));
		t.deepEqual(
			found.map(chunk => chunk?.index),
			[0, 1, 2],
		);
		await catalog.removeChunks([chunkIdOfFile(3, 0)]);
		t.is(await catalog.chunkWith(alike[0] as Digest), undefined);
		t.is((await catalog.chunkWith(alike[1] as Digest))?.index, 1);
	});

	test(title('a chunk is amiss while it has too few sound shards, too many, or one that is not sound'), async t => {
		const {catalog, reopen} = await open(t);
		const faulty = chunkOf(2, 0).shards.map((shard, at) => (at === 1 ? withFault(shard) : shard));
		await catalog.putChunk(chunkOf(1, 0));
		await catalog.putChunk(chunkOf(1, 1, [1, 2]));
		await catalog.putChunk(chunkOf(1, 2, [1, 2, 3, 4]));
		await catalog.putChunk(chunkOf(2, 0, [], {shards: faulty}));
		await catalog.putChunk(chunkOf(2, 1, [1]));
		await catalog.removeChunks([chunkIdOfFile(2, 1)]);
		const amiss = async (from: Catalog, after?: ChunkRecord['_id']) => ids(await collect(from.chunksAmiss(after)));
		t.deepEqual(await amiss(catalog), [chunkIdOfFile(1, 1), chunkIdOfFile(1, 2), chunkIdOfFile(2, 0)]);
		t.deepEqual(await amiss(catalog, chunkIdOfFile(1, 1)), [chunkIdOfFile(1, 2), chunkIdOfFile(2, 0)]);
		await catalog.putChunk(chunkOf(1, 1, [1, 2, 5], {revision: 1}));
		await catalog.putChunk(chunkOf(1, 0, [1, 2], {revision: 1}));
		t.deepEqual(await amiss(reopen ? await reopen() : catalog), [
			chunkIdOfFile(1, 0),
			chunkIdOfFile(1, 2),
			chunkIdOfFile(2, 0),
		]);
	});

	test(title('every chunk is counted by its sound shards on nodes that count'), async t => {
		const {catalog, reopen} = await open(t);
		const shards = chunkOf(1, 2, [2, 1]).shards.map((shard, at) => (at === 0 ? withFault(shard) : shard));
		await catalog.putChunk(chunkOf(1, 0, [2, 1]));
		await catalog.putChunk(chunkOf(1, 1, [1, 2]));
		await catalog.putChunk(chunkOf(1, 2, [], {shards}));
		await catalog.putChunk(chunkOf(1, 3, [1, 2], {scheme: 'replicas:2'}));
		await catalog.putChunk(chunkOf(1, 4, [1, 1]));
		await catalog.putChunk(chunkOf(1, 5, [7]));
		await catalog.removeChunks([chunkIdOfFile(1, 5)]);
		const copies = (from: Catalog, ...nodes: number[]) =>
			from.copiesLeft(node => nodes.some(number => nodeIdOf(number) === node));
		t.deepEqual(copies(catalog), {full: 0, partly: 0, one: 0, none: 5});
		t.deepEqual(copies(catalog, 1), {full: 0, partly: 1, one: 4, none: 0});
		t.deepEqual(copies(catalog, 1, 2), {full: 1, partly: 3, one: 1, none: 0});
		await catalog.putChunk(chunkOf(1, 2, [1, 2, 3], {revision: 1}));
		await catalog.putChunk(chunkOf(2, 0, [1, 2, 3]));
		const last = reopen ? await reopen() : catalog;
		t.deepEqual(copies(last, 1, 2), {full: 1, partly: 5, one: 0, none: 0});
		t.deepEqual(copies(last, 3, 1, 2), {full: 3, partly: 3, one: 0, none: 0});
		await last.removeChunks([chunkIdOfFile(2, 0)]);
		t.deepEqual(copies(last, 3), {full: 0, partly: 0, one: 1, none: 4});
	});

	test(
		title("a file's chunks are counted by their sound nodes, and a node's shards by what was seen of them"),
		async t => {
			const {catalog, reopen} = await open(t);
			const kinds = ['missing', 'corrupt'] as const;
			const {shards} = chunkOf(1, 1);
			const faulty = shards.map((shard, at) =>
				at === 2 ? shard : {...shard, fault: {kind: kinds[at] ?? 'missing', at: 1}},
			);
			await catalog.commitUpload(fileOf(1), [chunkOf(1, 0), chunkOf(1, 1), chunkOf(1, 2)]);
			await catalog.commitUpload(fileOf(2), [chunkOf(2, 0)]);
			const groupsOf = (from: Catalog, file: number) => [...from.placementGroupsOf(fileIdOf(file))];
			const all = {wanted: 3, nodes: [1, 2, 3].map(nodeIdOf)};
			t.deepEqual(groupsOf(catalog, 1), [{...all, chunks: 3}]);
			await catalog.putChunk(chunkOf(1, 1, [], {shards: faulty, revision: 1}));
			const last = reopen ? await reopen() : catalog;
			const byCount = groupsOf(last, 1).sort((a, b) => b.chunks - a.chunks);
			t.deepEqual(byCount, [
				{...all, chunks: 2},
				{wanted: 3, nodes: [nodeIdOf(3)], chunks: 1},
			]);
			t.deepEqual(groupsOf(last, 2), [{...all, chunks: 1}]);
			t.deepEqual(groupsOf(last, 9), []);
			t.deepEqual(
				[1, 2, 3, 4].map(node => last.shardCounts(nodeIdOf(node))),
				[
					{sound: 3, missing: 1, corrupt: 0},
					{sound: 3, missing: 0, corrupt: 1},
					{sound: 4, missing: 0, corrupt: 0},
					{sound: 0, missing: 0, corrupt: 0},
				],
			);
			await last.removeChunks([0, 1, 2].map(index => chunkIdOfFile(1, index)));
			t.deepEqual(groupsOf(last, 1), []);
			t.deepEqual(last.shardCounts(nodeIdOf(1)), {sound: 1, missing: 0, corrupt: 0});
		},
	);

	test(title('a listing goes on while what it lists changes, and lets others run'), async t => {
		const {catalog} = await open(t);
		await catalog.commitUpload(
			fileOf(1),
			Array.from({length: 1000}, (_, index) => chunkOf(1, index, [1])),
		);
		let turns = 0;
		const timer = setInterval(() => turns++, 0);
		const seen: number[] = [];
		for await (const {index} of catalog.chunksOn(nodeIdOf(1))) {
			seen.push(index);
			if (index === 10) await catalog.removeChunks([chunkIdOfFile(1, 500)]);
			if (index === 20) await catalog.putChunk(chunkOf(1, 1000, [1]));
			if (index === 30) await catalog.putChunk(chunkOf(1, 600, [2], {revision: 1}));
		}

		clearInterval(timer);
		t.deepEqual(
			seen,
			Array.from({length: 1001}, (_, index) => index).filter(index => index !== 500 && index !== 600),
		);
		t.true(turns > 0);
		await t.throwsAsync(async () => catalog.putChunk({...chunkOf(1, 0), index: 1}), {instanceOf: TypeError});
	});
};

const otherTests = ({test, title, open}: Suite): void => {
	test(title('nodes come in the order of their ids'), async t => {
		const {catalog} = await open(t);
		for (const number of [2, 3, 1]) await catalog.putNode(nodeOf(number));
		t.deepEqual(ids(await catalog.nodes()), [1, 2, 3].map(nodeIdOf));
	});

	test(title('a node is removed once, and what is known of its shards stays'), async t => {
		const {catalog, reopen} = await open(t);
		for (const number of [1, 2]) await catalog.putNode(nodeOf(number));
		await catalog.putChunk(chunkOf(1, 0, [1]));
		await catalog.putRemovals([removalAt(1, 1)]);
		const answers = await Promise.all(Array.from({length: 5}, async () => catalog.removeNode(nodeIdOf(1))));
		t.deepEqual(answers.toSorted(), [false, false, false, false, true]);
		await refused(t, 'CONFLICT', async () => catalog.putNode(nodeOf(1, {revision: 1})));
		const last = reopen ? await reopen() : catalog;
		t.deepEqual(ids(await last.nodes()), [nodeIdOf(2)]);
		t.is(await last.getNode(nodeIdOf(1)), undefined);
		t.is(last.shardBytes(nodeIdOf(1)), 500);
		t.is((await last.removals(nodeIdOf(1), 9)).length, 1);
		t.is((await last.putNode(nodeOf(1))).revision, 1, 'it can come anew');
	});

	test(title("a node's removals come in order, in pages, and are replaced and dropped"), async t => {
		const {catalog, reopen} = await open(t);
		await catalog.putRemovals([removalAt(1, 3), removalAt(1, 1), removalAt(2, 1), removalAt(1, 2)]);
		await catalog.putRemovals([removalAt(1, 2, 99)]);
		await catalog.putRemovals([]);
		t.deepEqual(await catalog.removals(nodeIdOf(1), 2), [removalAt(1, 1), removalAt(1, 2, 99)]);
		t.deepEqual(await catalog.removals(nodeIdOf(1), 2, removalAt(1, 2)._id), [removalAt(1, 3)]);
		t.is(catalog.totals().removals, 4);
		t.deepEqual(catalog.removalNodes().sort(), [nodeIdOf(1), nodeIdOf(2)]);
		await catalog.dropRemovals(ids([removalAt(1, 1), removalAt(1, 3), removalAt(5, 5)]));
		await catalog.dropRemovals([]);
		const last = reopen ? await reopen() : catalog;
		t.deepEqual(await last.removals(nodeIdOf(1), 9), [removalAt(1, 2, 99)]);
		t.deepEqual(last.totals(), {files: 0, fileBytes: 0, chunks: 0, removals: 2});
	});

	test(title('it is closed after what was asked before, and takes nothing more'), async t => {
		const {catalog} = await open(t);
		const storing = catalog.putFile(fileOf(1));
		const closing = catalog.close();
		t.is((await storing).revision, 1);
		await closing;
		await catalog.close();
		await refused(t, 'SHUTTING_DOWN', async () => catalog.putFile(fileOf(2)));
	});

	test(title('a random history gives the answers that its contract says'), async t => {
		await fc.assert(
			fc.asyncProperty(histories, async history => {
				const {catalog, reopen} = await open(t);
				const model = new ModelCatalog();
				for (const group of history) {
					const {answers, expected} = await play(catalog, model, group);
					t.deepEqual(answers, expected);
				}

				const expected = await answersOf(model);
				t.deepEqual(await answersOf(catalog), expected);
				const last = reopen ? await reopen() : catalog;
				t.deepEqual(await answersOf(last), expected);
				await last.close();
			}),
			{numRuns: 60},
		);
	});
};

/** What every `Catalog` does, wherever it keeps its records. */
export const catalogSuite = (test: TestFn, name: string, open: OpenCatalog): void => {
	const suite = {test, open, title: (sentence: string) => `${name}: ${sentence}`};
	revisionTests(suite);
	fileTests(suite);
	chunkTests(suite);
	otherTests(suite);
};
