import test, {type ExecutionContext} from 'ava';
import {fileAnswerSchema} from '../../source/protocol/api.js';
import {CHUNK_SIZE_BYTES} from '../../source/protocol/chunking.js';
import {PjasError} from '../../source/protocol/errors.js';
import {fileKeysOf} from '../../source/protocol/file-key.js';
import {sealDetails} from '../../source/protocol/sealed-details.js';
import {systemRandom} from '../adapters/system.js';
import {MemoryShards} from '../adapters/memory-shards.js';
import type {Digest} from '../../source/protocol/ids.js';
import {removalOf} from '../core/model.js';
import {nodeOf} from '../ports/catalog-samples.suite.js';
import type {ShardStore} from '../ports/shard-store.js';
import {manualClock} from '../testing/manual-clock.js';
import {silentLog} from '../testing/silent-log.js';
import {createFleet} from './fleet.js';
import {createRemover} from './remover.js';
import {type Running, runWorker} from './run-worker.js';
import {memoryCatalog} from '../adapters/memory-catalog.js';
import type {Catalog} from '../ports/catalog.js';
import {startTestNetwork, type TestNetwork} from '../testing/network.js';
import {type Json, bytesOf, sha256, jsonOf, upload, download, eventually, filesListed} from '../testing/requests.js';

/** Listens to events; each call of what it returns gives the next of this name. */
const nextEvents = async (t: ExecutionContext, url: string, name: string): Promise<() => Promise<Json>> => {
	const stop = new AbortController();
	t.teardown(() => stop.abort());
	const answer = await fetch(`${url}/api/events`, {signal: stop.signal});
	const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
	const decoder = new TextDecoder();
	let text = '';
	return async () => {
		for (;;) {
			const end = text.indexOf('\n\n');
			const {value} = end < 0 ? await reader.read() : {value: undefined};
			if (end < 0 && !value) throw new Error('the events ended');
			text += decoder.decode(value, {stream: true});
			if (end < 0) continue;
			const lines = text.slice(0, end).split('\n');
			text = text.slice(end + 2);
			const data = lines.find(line => line.startsWith('data: '));
			if (data && lines.includes(`event: ${name}`)) return JSON.parse(data.slice('data: '.length)) as Json;
		}
	};
};

test('a deleted file is gone everywhere, also from nodes that come back later', async t => {
	const {url, nodes, catalog, join} = await startTestNetwork(t);
	const id = await upload(t, url, bytesOf(CHUNK_SIZE_BYTES + 1));
	const [away, ...others] = nodes;
	if (!away) throw new Error('no node');
	away.faults.remove = async () => Promise.reject(new PjasError('NODE_FAILED', 'away'));
	t.is((await fetch(`${url}/api/files/${id}`, {method: 'DELETE'})).status, 200);
	t.is((await fetch(`${url}/api/files/${id}`, {method: 'DELETE'})).status, 404);
	t.is((await download(url, id)).answer.status, 404);
	await eventually(t, () => others.every(({shards}) => shards.kept.size === 0), 'the shards to go');
	t.is(away.shards.kept.size, 2);
	away.faults = {};
	await join(away, {listing_digest: 'f'.repeat(64)});
	await eventually(t, () => away.shards.kept.size === 0, 'the last shards to go');
	await eventually(t, () => catalog.totals().removals === 0, 'the removals to be done with');
});

test('a shard is removed even where its removal is tried before its chunk is forgotten', async t => {
	const inner = memoryCatalog();
	let isAsked: () => void = () => undefined;
	const asked = new Promise<void>(resolve => (isAsked = resolve));
	const catalog: Catalog = {
		...inner,
		async chunkWith(digest) {
			isAsked();
			return inner.chunkWith(digest);
		},
		async removeChunks(ids) {
			await asked;
			await inner.removeChunks(ids);
		},
	};
	const {url, nodes} = await startTestNetwork(t, {catalog});
	const id = await upload(t, url, bytesOf(1000));
	await fetch(`${url}/api/files/${id}`, {method: 'DELETE'});
	await eventually(t, () => nodes.every(({shards}) => shards.kept.size === 0), 'the shards to go');
});

test('removals that are noted behind the place that a pass has come to are carried out as well', async t => {
	const catalog = memoryCatalog();
	const clock = manualClock();
	const shards = new MemoryShards();
	const node = nodeOf(1);
	const late = removalOf(node._id, '0'.repeat(64) as Digest, 0, 'deleted');
	const store: ShardStore = {
		put: async (...put) => shards.put(...put),
		get: async (...get) => shards.get(...get),
		stat: async (...stat) => shards.stat(...stat),
		list: (...list) => shards.list(...list),
		verify: async (...verify) => shards.verify(...verify),
		prove: async (...prove) => shards.prove(...prove),
		async remove() {
			if (!isNoted) await remover.discard([late]);
			isNoted = true;
		},
	};
	let isNoted = false;
	const fleet = createFleet({dial: () => store, clock});
	fleet.set(node).isOnline = true;
	const silence = () => undefined;
	const workers: Running[] = [];
	const wake = () => workers[0]?.wake();
	const remover = createRemover({catalog, fleet, clock, log: silentLog, note: silence, wake});
	const digests = Array.from({length: 100}, (_, at) => `f${String(at).padStart(63, '0')}` as Digest);
	await remover.discard(digests.map(digest => removalOf(node._id, digest, 0, 'deleted')));
	const running = runWorker(remover, {clock, log: silentLog, restMs: 30_000});
	workers.push(running);
	await eventually(t, () => catalog.totals().removals === 0, 'all removals to be done with');
	await running.stop();
	t.is(catalog.totals().removals, 0);
});

test('the listing is paged and searched, newest first', async t => {
	const {url} = await startTestNetwork(t);
	for (const name of ['Alpha.jpg', 'beta.png', 'ALPHABET', 'gamma', 'Ärger']) await upload(t, url, bytesOf(1), name);
	const page = async (query: string) => jsonOf(await fetch(`${url}/api/files?${query}`));
	const first = await page('limit=2');
	t.is(first['total'], 5);
	t.deepEqual(
		(first['files'] as Json[]).map(file => file['filename']),
		['Ärger', 'gamma'],
	);
	const rest = await page(`limit=10&before=${String(first['next_before'])}`);
	t.is(rest['next_before'], null);
	t.is((rest['files'] as Json[]).length, 3);
	const found = await page('q=alpha');
	t.is(found['total'], 2);
	t.is((await page('q=%C3%A4rger'))['count'], 1);
	for (const query of ['limit=0', 'limit=x', 'before=no', `q=${'x'.repeat(300)}`]) {
		const answer = await fetch(`${url}/api/files?${query}`);
		t.is(answer.status, 400, query);
		t.is((await jsonOf(answer))['code'], 'INVALID_REQUEST');
	}
});

test('a check has every node re-hash, tells it chunk by chunk, and writes it down', async t => {
	const {url, nodes, catalog} = await startTestNetwork(t);
	const id = await upload(t, url, bytesOf(2 * CHUNK_SIZE_BYTES + 1));
	const check = async () => {
		const text = await (await fetch(`${url}/api/files/${id}/check`, {method: 'POST'})).text();
		return text
			.trim()
			.split('\n')
			.map(line => JSON.parse(line) as Json);
	};
	const well = await check();
	t.deepEqual(
		well.map(line => line['event']),
		['chunk', 'chunk', 'chunk', 'done'],
	);
	t.like(well.at(-1), {success: true, ok: 9, missing: 0, corrupt: 0, unreachable: 0});

	const [first, second, third] = nodes;
	if (!first || !second || !third) throw new Error('no nodes');
	const [digest] = first.shards.kept.keys();
	const spoilt = second.shards.kept.get(digest as never);
	first.shards.kept.delete(digest as never);
	if (spoilt) spoilt[0] = (spoilt[0] ?? 0) ^ 1;
	third.faults.verify = async () => Promise.reject(new PjasError('NODE_TIMEOUT', 'hangs'));
	t.like((await check()).at(-1), {success: false, ok: 4, missing: 1, corrupt: 1, unreachable: 3});
	const faults = [];
	for await (const chunk of catalog.chunksOf(id as never))
		faults.push(...chunk.shards.flatMap(({fault}) => fault ?? []));
	t.deepEqual(faults.map(({kind}) => kind).sort(), ['corrupt', 'missing']);
});

test('a file shows how redundant it is, and is told anew when that changes, as are the figures', async t => {
	const {url, nodes, join} = await startTestNetwork(t);
	const id = await upload(t, url, bytesOf(CHUNK_SIZE_BYTES + 1));
	const empty = await upload(t, url, bytesOf(0));
	const listed = async () => {
		const files = await filesListed(url);
		const redundancies = files.map(file => [file['file_id'], file['redundancy']] as const);
		return Object.fromEntries(redundancies) as Json;
	};
	t.deepEqual(await listed(), {[id]: {full: 2, partly: 0, none: 0}, [empty]: {full: 0, partly: 0, none: 0}});

	const [node, ...others] = nodes;
	const [shard] = [...(node?.shards.kept ?? [])];
	if (!node || !shard) throw new Error('no shard');
	const told = await nextEvents(t, url, 'file');
	node.shards.kept.delete(shard[0]);
	await (await fetch(`${url}/api/files/${id}/check`, {method: 'POST'})).text();
	const partly = {file_id: id, redundancy: {full: 1, partly: 1, none: 0}};
	t.like(await told(), partly);
	t.deepEqual((await listed())[id], partly.redundancy);
	const figures = await nextEvents(t, url, 'stats');
	for (const {shards} of others) shards.kept.delete(shard[0]);
	await (await fetch(`${url}/api/files/${id}/check`, {method: 'POST'})).text();
	const none = {file_id: id, redundancy: {full: 1, partly: 0, none: 1}};
	t.like(await told(), none);
	t.like((await jsonOf(await fetch(`${url}/api/files/${id}`)))['file'], none);

	let stats = await figures();
	while ((stats['redundancy'] as Json)['none'] !== 1) stats = await figures();
	t.like(stats, {redundancy: none.redundancy, dataHealth: 50, bytesIn: CHUNK_SIZE_BYTES + 1});

	node.shards.kept.set(...shard);
	await join(node, {listing_digest: 'f'.repeat(64)});
	t.like(await told(), partly);
});

test('an upload with fewer copies than wanted is noted as a warning', async t => {
	const {url} = await startTestNetwork(t, {nodes: 2});
	const id = await upload(t, url, bytesOf(10), 'few.txt');
	const {logs} = (await jsonOf(await fetch(`${url}/api/logs?file=${id}`))) as {logs: Json[]};
	t.is(logs.length, 1);
	t.like(logs[0], {level: 'WARN', message: '"few.txt" uploaded: 1 chunk in only 2 of 3 copies'});
});

const checkState = async ({url}: TestNetwork, id: string) => {
	const {chunks} = (await jsonOf(await fetch(`${url}/api/files/${id}/replication`))) as {chunks: Json[]};
	return chunks.map(({present}) => present);
};

test('a node that comes back without its shards is noticed, and with them again too', async t => {
	const network = await startTestNetwork(t);
	const {url, nodes, join} = network;
	const id = await upload(t, url, bytesOf(CHUNK_SIZE_BYTES + 1));
	const [node] = nodes;
	if (!node) throw new Error('no node');
	const kept = [...node.shards.kept];
	node.shards.kept.clear();
	await join(node, {listing_digest: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'});
	await eventually(t, async () => (await checkState(network, id)).every(present => present === 2), 'missing shards');
	const {stats} = (await jsonOf(await fetch(`${url}/api/stats`))) as {stats: Json};
	t.deepEqual(stats['redundancy'], {full: 0, partly: 2, none: 0});
	for (const [digest, body] of kept) node.shards.kept.set(digest, body);
	await join(node, {listing_digest: 'f'.repeat(64)});
	await eventually(t, async () => (await checkState(network, id)).every(present => present === 3), 'shards found');
});

test('a shard that a file has is no orphan, on whatever node it turns up', async t => {
	const {url, nodes, join, catalog, addNode} = await startTestNetwork(t);
	const id = await upload(t, url, bytesOf(1000));
	const [shard] = [...(nodes[0]?.shards.kept ?? [])];
	const newcomer = await addNode();
	if (!shard) throw new Error('no shard');
	newcomer.shards.kept.set(...shard);
	await join(newcomer, {listing_digest: 'f'.repeat(64)});
	const held = async () => (await catalog.chunkWith(shard[0]))?.shards.some(({node}) => node === newcomer.id) ?? false;
	await eventually(t, held, 'the shard to be counted');
	t.is(catalog.totals().removals, 0);
	for (const {shards} of nodes.slice(0, 3)) shards.kept.clear();
	t.is((await download(url, id)).bytes.length, 1000);
});

test('a copy that turns up with other bytes under its name is not counted', async t => {
	const {url, nodes, join, catalog, addNode} = await startTestNetwork(t, {repair: {graceMs: 1e9}});
	const id = await upload(t, url, bytesOf(1000));
	const [node] = nodes;
	const [digest] = [...(node?.shards.kept.keys() ?? [])];
	if (!node || !digest) throw new Error('no shard');
	const states = async () => (await catalog.chunkWith(digest))?.shards.map(({fault}) => fault?.kind ?? 'sound');
	node.shards.kept.delete(digest);
	await (await fetch(`${url}/api/files/${id}/check`, {method: 'POST'})).text();
	t.deepEqual((await states())?.sort(), ['missing', 'sound', 'sound']);

	const newcomer = await addNode();
	for (const {shards} of [node, newcomer]) shards.kept.set(digest, Buffer.from('rot'));
	for (const each of [node, newcomer]) await join(each, {listing_digest: 'f'.repeat(64)});
	await eventually(t, () => [node, newcomer].every(({shards}) => !shards.kept.has(digest)), 'both to be looked at');
	t.deepEqual((await states())?.sort(), ['missing', 'sound', 'sound']);
});

test('a shard that the catalogue does not know is kept for a day before it goes', async t => {
	const {nodes, join, catalog} = await startTestNetwork(t);
	const [node] = nodes;
	if (!node) throw new Error('no node');
	const stray = bytesOf(100);
	const digest = sha256(stray) as never;
	await node.shards.put(digest, stray);
	await join(node, {listing_digest: 'f'.repeat(64)});
	await eventually(t, () => catalog.totals().removals === 1, 'the orphan to be noted');
	const [removal] = await catalog.removals(node.id, 10);
	t.is(removal?.reason, 'orphan');
	t.true((removal?.notBefore ?? 0) - Date.now() > 23 * 60 * 60 * 1000);
	t.true(node.shards.kept.has(digest));
});

test('hostile ids are no files', async t => {
	const {url} = await startTestNetwork(t);
	const ids = ['%2e%2e%2fetc', '__proto__', 'a'.repeat(5000), '%00', '0'.repeat(32), 'constructor', "' or 1=1"];
	for (const id of ids) {
		for (const path of [`download/${id}`, id, `${id}/replication`]) {
			const {status} = await fetch(`${url}/api/files/${path}`);
			t.true([400, 404].includes(status), `${path}: ${status}`);
		}
	}

	t.is((await fetch(`${url}/health`)).status, 200);
});

test('a file that is sealed end to end gets another name only as sealed details, and another file never gets any', async t => {
	const {url} = await startTestNetwork(t);
	const details = async (name: string) =>
		sealDetails((await fileKeysOf(new Uint8Array(32))).details, {name, type: ''}, systemRandom.bytes(12));
	const form = new FormData();
	form.append('e2e', JSON.stringify(await details('before.txt')));
	form.append('file', new Blob([new Uint8Array(17)]), 'sealed');
	const made = await jsonOf(await fetch(`${url}/api/files/upload`, {method: 'POST', body: form}));
	const change = async (id: unknown, json: unknown) =>
		fetch(`${url}/api/files/${String(id)}`, {
			method: 'PATCH',
			headers: {'content-type': 'application/json'},
			body: JSON.stringify(json),
		});
	const sealed = made['file_id'];
	t.like(await jsonOf(await change(sealed, {filename: 'after.txt'})), {code: 'INVALID_REQUEST'});
	const e2e = await details('after.txt');
	const renamed = fileAnswerSchema.parse(await jsonOf(await change(sealed, {e2e, visibility: 'private'})));
	t.like(renamed.file, {filename: 'sealed', e2e, visibility: 'private'});
	t.is((await change(sealed, {e2e: {version: 1, details: 'not base64url!'}})).status, 400);

	const plain = await upload(t, url, bytesOf(5));
	t.like(await jsonOf(await change(plain, {e2e})), {code: 'INVALID_REQUEST'});
	t.is(fileAnswerSchema.parse(await jsonOf(await fetch(`${url}/api/files/${plain}`))).file.e2e, undefined);
});
