import test, {type ExecutionContext} from 'ava';
import {PjasError} from '../../source/protocol/errors.js';
import type {FileId} from '../../source/protocol/ids.js';
import {memoryCatalog} from '../adapters/memory-catalog.js';
import type {Catalog} from '../ports/catalog.js';
import {chunkOf, fileIdOf, fileOf} from '../ports/catalog-samples.suite.js';
import {manualClock} from '../testing/manual-clock.js';
import {startTestNetwork, type TestNetworkOptions} from '../testing/network.js';
import {type Call, formOf, startPeopleNetwork} from '../testing/people.js';
import {bytesOf, download, eventually, filesListed, type Json, jsonOf, same, upload} from '../testing/requests.js';
import {createTrash} from './trash.js';

const DAY_MS = 24 * 3600 * 1000;
const trashMs = 7 * DAY_MS;

const start = async (t: ExecutionContext, options: TestNetworkOptions = {}) => {
	const network = await startTestNetwork(t, {trashMs, ...options});
	const call = async (method: string, path: string) => fetch(network.url + path, {method});
	const get = async (path: string) => jsonOf(await call('GET', path));
	return {
		...network,
		call,
		get,
		remove: async (id: string, query = '') => call('DELETE', `/api/files/${id}${query}`),
		restore: async (id: string) => call('POST', `/api/files/${id}/restore`),
		purge: async (id: string) => call('DELETE', `/api/trash/${id}`),
		trash: async (query = '') => get(`/api/trash${query}`),
		stats: async () => (await get('/api/stats'))['stats'] as Json,
	};
};

const idsOf = (page: Json) => (page['files'] as Json[]).map(file => file['file_id']);

test('a deleted file is in the trash, keeps its shards there, and comes back with its bytes and its id', async t => {
	const network = await start(t);
	const bytes = bytesOf(3000);
	const id = await upload(t, network.url, bytes, 'plan.txt');
	const other = await upload(t, network.url, bytesOf(10));
	const removed = await network.remove(id);
	const {purge_at: purgeAt, ...answer} = await jsonOf(removed);
	t.deepEqual(answer, {success: true, file_id: id, message: 'File deleted'}, 'what a classic client reads');
	t.true(Number(purgeAt) > Date.now() + trashMs - 60_000);

	t.is((await network.remove(id)).status, 404);
	t.is((await network.remove(id, '?forever=true')).status, 404);
	t.is((await download(network.url, id)).answer.status, 404);
	t.is((await network.call('GET', `/api/files/${id}`)).status, 404);
	t.deepEqual(
		(await filesListed(network.url)).map(file => file['file_id']),
		[other],
	);
	t.is((await network.get('/api/files?q=plan'))['total'], 0);
	t.like(await network.stats(), {activeFiles: 1, fileBytes: 10, chunks: 2, trash: {files: 1, bytes: 3000}});

	const page = await network.trash();
	t.like(page, {total: 1, total_size: 3000, next_before: null});
	t.like((page['files'] as Json[])[0], {
		...{file_id: id, filename: 'plan.txt', size: 3000, deleted_by: '', purge_at: purgeAt},
		redundancy: {full: 1, partly: 0, none: 0},
	});
	const checked = await network.call('POST', `/api/files/${id}/check`);
	t.regex(await checked.text(), /"event":"done","success":true/);
	const {chunks} = (await network.get(`/api/files/${id}/replication`)) as {chunks: Json[]};
	t.is(chunks.length, 1);

	t.is((await network.restore(id)).status, 200);
	same(t, (await download(network.url, id)).bytes, bytes);
	t.like(await network.trash(), {total: 0, total_size: 0});
	t.is((await network.restore(id)).status, 404);
	t.is((await network.purge(id)).status, 404);
	t.like(await network.stats(), {activeFiles: 2, trash: {files: 0, bytes: 0}});
	const logs = JSON.stringify(await network.get('/api/logs'));
	t.regex(logs, /plan\.txt\\" deleted; it can be brought back until \d{4}-\d\d-\d\d \d\d:\d\d UTC/);
	t.regex(logs, /plan\.txt\\" brought back from the trash/);
});

test('what is deleted for good is gone at once: without a trash, past it, and out of it', async t => {
	const without = await start(t, {trashMs: 0});
	const network = await start(t);
	const ways = {
		'without a trash': [without, async (id: string) => without.remove(id)],
		'past it': [network, async (id: string) => network.remove(id, '?forever=true')],
		'out of it': [
			network,
			async (id: string) => {
				await network.remove(id);
				return network.purge(id);
			},
		],
	} as const;
	for (const [name, [{url, nodes, trash, restore}, remove]] of Object.entries(ways)) {
		const id = await upload(t, url, bytesOf(1000));
		const answer = await remove(id);
		t.is(answer.status, 200, name);
		t.false('purge_at' in (await jsonOf(answer)));
		t.is((await trash())['total'], 0, name);
		t.is((await restore(id)).status, 404, name);
		await eventually(t, () => nodes.every(({shards}) => shards.kept.size === 0), `the shards to go, ${name}`);
	}

	t.is((await network.remove('0'.repeat(32), '?forever=maybe')).status, 400);
});

test('the trash comes in pages, the last deleted first, and is emptied', async t => {
	const network = await start(t);
	const ids: string[] = [];
	for (let count = 0; count < 5; count++) ids.push(await upload(t, network.url, bytesOf(10)));
	const kept = await upload(t, network.url, bytesOf(10));
	for (const id of ids) {
		const at = Date.now();
		await network.remove(id);
		await eventually(t, () => Date.now() > at, 'the next deletion to be later');
	}

	const first = await network.trash('?limit=2');
	t.deepEqual(idsOf(first), [ids[4], ids[3]]);
	const second = await network.trash(`?limit=2&before=${String(first['next_before'])}`);
	t.deepEqual(idsOf(second), [ids[2], ids[1]]);
	const third = await network.trash(`?limit=2&before=${String(second['next_before'])}`);
	t.deepEqual([idsOf(third), third['next_before']], [[ids[0]], null]);
	for (const query of ['?limit=0', '?limit=1001', '?before=x', `?before=${'0'.repeat(46)}`]) {
		t.is((await network.call('GET', `/api/trash${query}`)).status, 400, query);
	}

	t.deepEqual(await jsonOf(await network.call('DELETE', '/api/trash')), {
		...{success: true, files: 5, bytes: 50},
		next_before: null,
	});
	t.is((await network.trash())['total'], 0);
	t.deepEqual(
		(await filesListed(network.url)).map(file => file['file_id']),
		[kept],
	);
	await eventually(t, () => network.nodes.every(({shards}) => shards.kept.size === 1), 'the shards to go');
});

test('emptying the trash goes on, call after call, and not with what came meanwhile', async t => {
	const catalog = memoryCatalog();
	const network = await start(t, {catalog});
	const trashed = (number: number) => catalog.putFile(fileOf(number, {trashed: {at: Date.now() - number, by: ''}}));
	for (let number = 1; number <= 250; number++) await trashed(number);
	const first = await jsonOf(await network.call('DELETE', '/api/trash'));
	t.like(first, {files: 200});
	const late = await upload(t, network.url, bytesOf(10));
	await network.remove(late);
	const before = String(first['next_before']);
	t.like(await jsonOf(await network.call('DELETE', `/api/trash?before=${before}`)), {files: 50, next_before: null});
	t.deepEqual(idsOf(await network.trash()), [late]);
});

test('open consoles are told that a file went and that it came back', async t => {
	const network = await start(t);
	const stop = new AbortController();
	t.teardown(() => stop.abort());
	const answer = await fetch(`${network.url}/api/events`, {signal: stop.signal});
	const id = await upload(t, network.url, bytesOf(10));
	await network.remove(id);
	await network.restore(id);
	let text = '';
	const told = () => [...text.matchAll(/event: (file\S*)\ndata: \{"file_id":"(\w+)"/g)].map(([, name]) => name);
	for await (const block of (answer.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream())) {
		text += block;
		if (told().length === 3) break;
	}

	t.deepEqual(told(), ['file', 'file-removed', 'file']);
});

test("a member's quota counts its trash, and says how to get room; an operator sees all trash and may not touch it", async t => {
	const network = await startPeopleNetwork(t, {trashMs});
	const ann = network.as(await network.addAccount('ann', 'member', 1000));
	const bob = network.as(await network.addAccount('bob'));
	const olga = network.as(await network.addAccount('olga', 'operator'));
	const send = async (call: Call, bytes: number) =>
		jsonOf(await call('POST', '/api/files/upload', {form: formOf('a.bin', 'x'.repeat(bytes))}));
	const {file_id: id} = await send(ann, 900);
	await ann('DELETE', `/api/files/${String(id)}`);
	const refused = await send(ann, 200);
	t.is(refused['code'], 'QUOTA_EXCEEDED');
	t.regex(String(refused['error']), /Empty the trash, which has 900 of them/);
	t.is((await jsonOf(await ann('GET', '/api/session')))['used_bytes'], 900);

	const trashOf = async (call: Call) => jsonOf(await call('GET', '/api/trash'));
	t.like((await trashOf(ann))['files'], [{file_id: id, owner: 'ann', deleted_by: 'ann'}]);
	t.like(await trashOf(bob), {files: [], total: 0, total_size: 0});
	t.deepEqual(idsOf(await trashOf(olga)), [id]);
	t.like(await jsonOf(await olga('DELETE', '/api/trash')), {files: 0}, 'only its own');
	t.like(await jsonOf(await network.as(network.adminToken)('DELETE', '/api/trash')), {files: 0}, 'only its own');
	t.like(await jsonOf(await ann('DELETE', '/api/trash')), {files: 1, bytes: 900});
	t.is((await send(ann, 200))['success'], true);
});

test('a link leads nowhere while its file is in the trash, and there again afterwards', async t => {
	const network = await startPeopleNetwork(t, {trashMs});
	const ann = network.as(await network.addAccount('ann'));
	const {file_id: id} = await jsonOf(await ann('POST', '/api/files/upload', {form: formOf('a.txt', 'hello')}));
	const {url} = await jsonOf(await ann('POST', `/api/files/${String(id)}/links`, {json: {}}));
	const shared = new URL(String(url)).pathname.replace('/s/', '/api/shared/');
	const links = async () => ((await jsonOf(await ann('GET', '/api/links')))['links'] as Json[]).length;
	await ann('DELETE', `/api/files/${String(id)}`);
	for (const path of [shared, `${shared}/download`]) {
		t.is((await jsonOf(await network.as(undefined)('GET', path)))['code'], 'LINK_NOT_FOUND');
	}

	t.is(await links(), 0);
	await ann('POST', `/api/files/${String(id)}/restore`);
	t.is(await (await network.as(undefined)('GET', `${shared}/download`)).text(), 'hello');
	t.is(await links(), 1);
});

/** Purges over a catalogue in memory, and notes which files' chunks were swept. */
const startPurge = (keepMs: number, catalog: Catalog = memoryCatalog(), sweepFails = 0) => {
	const clock = manualClock();
	const swept: FileId[] = [];
	let failures = sweepFails;
	const remover = {
		async sweepFile(file: FileId) {
			if (failures-- > 0) throw new PjasError('CATALOG_UNAVAILABLE', 'full');
			swept.push(file);
			return Promise.resolve();
		},
	};
	const notes: string[] = [];
	const note = (_: unknown, message: string) => void notes.push(message);
	const trash = createTrash({catalog, remover, clock, note, keepMs});
	const {signal} = new AbortController();
	return {catalog, clock, notes, swept, trash, step: async () => trash.step(signal)};
};

test('what was in the trash for its days is purged, a bounded number a step; another number of days counts at once', async t => {
	const {catalog, clock, notes, swept, step} = startPurge(2 * DAY_MS);
	for (let number = 1; number <= 150; number++) {
		await catalog.putFile(fileOf(number, {trashed: {at: clock.now() - number, by: 'ada'}}));
	}

	await catalog.putFile(fileOf(151));
	await catalog.putFile(fileOf(152, {trashed: {at: clock.now() + DAY_MS, by: 'ada'}}));
	t.is(await step(), 'idle');
	t.is(swept.length, 0);
	await clock.advance(2 * DAY_MS - 2);
	t.is(await step(), 'busy');
	t.is(swept.length, 100);
	t.is(await step(), 'idle');
	t.is(swept.length, 149);
	await clock.advance(1);
	await step();
	t.is(swept.length, 150);
	t.deepEqual(catalog.trashTotals(), {files: 1, bytes: 1152});
	t.is(notes.length, 150);
	t.regex(notes[0] ?? '', /^"file 150\.txt" was in the trash for long enough, and is gone$/);

	const sooner = startPurge(0, catalog);
	await sooner.clock.advance(DAY_MS);
	t.is(await sooner.step(), 'idle');
	t.deepEqual(sooner.swept, [fileIdOf(152)]);
	t.is((await catalog.files({limit: 9})).length, 1);
});

test('what is brought back at the moment of its purge stays', async t => {
	const inner = memoryCatalog();
	let isRestored = false;
	const catalog: Catalog = {
		...inner,
		async removeFile(id, revision) {
			if (!isRestored) await trash.restore((await inner.getFile(id)) ?? fileOf(1));
			isRestored = true;
			return inner.removeFile(id, revision);
		},
	};
	const {trash, step, swept} = startPurge(0, catalog);
	await inner.putFile(fileOf(1, {trashed: {at: 1, by: ''}}));
	t.is(await step(), 'idle');
	t.deepEqual(swept, []);
	t.is((await catalog.files({limit: 1})).length, 1);
	await step();
	t.is((await catalog.files({limit: 1})).length, 1);
});

test('where the catalogue refuses in the middle of a purge, the next step ends it, and so does a start', async t => {
	const {catalog, swept, step} = startPurge(0, memoryCatalog(), 2);
	await catalog.commitUpload(fileOf(1, {trashed: {at: 1, by: ''}}), [chunkOf(1, 0)]);
	await t.throwsAsync(step, {message: 'full'});
	await t.throwsAsync(step, {message: 'full'});
	t.deepEqual(await catalog.filesWithoutRecord(), [fileIdOf(1)]);
	await step();
	t.deepEqual(swept, [fileIdOf(1)]);

	const network = await start(t, {catalog, nodes: 0});
	t.deepEqual(await network.catalog.filesWithoutRecord(), []);
	t.is(network.catalog.totals().chunks, 0);
});

test('of deletions, restorations and purges at the same moment, all that is answered is true', async t => {
	const network = await start(t);
	const bytes = bytesOf(100);
	for (let round = 0; round < 15; round++) {
		const id = await upload(t, network.url, bytes);
		await network.remove(id);
		const calls = [network.restore(id), network.purge(id), network.restore(id), network.purge(id)];
		const [restored, purged, restoredAgain, purgedAgain] = (await Promise.all(calls)).map(({status}) => status === 200);
		t.is([restored, restoredAgain, purged, purgedAgain].filter(Boolean).length, 1, 'one of them came first');
		const {answer} = await download(network.url, id);
		t.is(answer.status === 200, restored === true || restoredAgain === true);

		const two = await upload(t, network.url, bytes);
		const removals = await Promise.all([
			network.remove(two),
			network.remove(two),
			network.remove(two, '?forever=true'),
		]);
		const [first, second, forever] = removals.map(({status}) => status === 200);
		t.is([first, second].filter(Boolean).length <= 1, true, 'it goes into the trash once');
		t.is([first, second, forever].filter(Boolean).length, 1);
		t.is(idsOf(await network.trash()).includes(two), first === true || second === true);
	}
});

test('a file that somebody shares while it is deleted is deleted all the same', async t => {
	const inner = memoryCatalog();
	let changes = 0;
	const catalog: Catalog = {
		...inner,
		async putFile(file) {
			const stored = await inner.getFile(file._id);
			if (stored && file.trashed && changes++ < 2) await inner.putFile({...stored, visibility: 'public'});
			return inner.putFile(file);
		},
	};
	const network = await start(t, {catalog});
	const id = await upload(t, network.url, bytesOf(10));
	t.is((await network.remove(id)).status, 200);
	t.is(changes, 3);
	t.like((await network.trash())['files'], [{file_id: id, visibility: 'public'}]);
});
