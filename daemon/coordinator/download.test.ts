import {EventEmitter, once} from 'node:events';
import {connect} from 'node:net';
import test from 'ava';
import {CHUNK_SIZE_BYTES} from '../../source/protocol/chunking.js';
import {PjasError} from '../../source/protocol/errors.js';
import {SEAL_TAG_BYTES} from '../../source/protocol/seal.js';
import {manualClock} from '../testing/manual-clock.js';
import {startTestNetwork} from '../testing/network.js';
import {type Json, MIB, bytesOf, jsonOf, upload, download, same} from '../testing/requests.js';
import {unzip} from '../testing/unzip.js';

test('wrong bytes are never passed on: another copy is read, and the fault is written down', async t => {
	const {url, nodes} = await startTestNetwork(t);
	const bytes = bytesOf(CHUNK_SIZE_BYTES + 1000);
	const id = await upload(t, url, bytes);
	for (const {shards} of nodes.slice(0, 2)) {
		for (const shard of shards.kept.values()) shard[100] = (shard[100] ?? 0) ^ 1;
	}

	for (let tries = 0; tries < 8; tries++) same(t, (await download(url, id)).bytes, bytes);
	const {chunks} = (await jsonOf(await fetch(`${url}/api/files/${id}/replication`))) as {chunks: Json[]};
	const states = chunks.flatMap(chunk => (chunk['shards'] as Json[]).map(shard => shard['state']));
	t.true(states.includes('corrupt'));
	t.true(states.filter(state => state === 'online').length >= 2);
	const logs = (await jsonOf(await fetch(`${url}/api/logs`)))['logs'] as Json[];
	t.true(logs.some(({message}) => /corrupt/.test(String(message))));
});

for (const [memory, memoryBytes] of [
	['', 64 * MIB],
	[', and where memory is short', 4 * (CHUNK_SIZE_BYTES + SEAL_TAG_BYTES)],
] as const) {
	test(`a download goes on where a node hangs, errs or lost its shard, in the middle of the file too${memory}`, async t => {
		const {url, nodes} = await startTestNetwork(t, {memoryBytes});
		const bytes = bytesOf(4 * CHUNK_SIZE_BYTES);
		const id = await upload(t, url, bytes);
		const [first, second] = nodes;
		if (!first || !second) throw new Error('no nodes');
		let reads = 0;
		first.faults.get = async (digest, options) => {
			if (++reads > 1)
				return new Promise((_, reject) => options?.signal?.addEventListener('abort', () => reject(new Error('x'))));
			return first.shards.get(digest, options);
		};
		second.faults.get = async () => Promise.reject(new PjasError('SHARD_NOT_FOUND', 'lost'));
		for (let tries = 0; tries < 4; tries++) same(t, (await download(url, id)).bytes, bytes);
	});
}

test('where memory is for one chunk alone, a node that hangs gives its buffer to the next, and is asked again after all others', async t => {
	const {url, nodes} = await startTestNetwork(t, {memoryBytes: CHUNK_SIZE_BYTES + SEAL_TAG_BYTES});
	const bytes = bytesOf(CHUNK_SIZE_BYTES);
	const id = await upload(t, url, bytes);
	const hung = async (signal: AbortSignal | undefined) =>
		new Promise<never>((_, reject) => signal?.addEventListener('abort', () => reject(new Error('given up'))));
	const asked: string[] = [];
	for (const {id: node, faults, shards} of nodes) {
		faults.get = async (digest, options) => {
			asked.push(node);
			if (asked.length === 1) return hung(options?.signal);
			if (node !== asked[0]) throw new PjasError('NODE_FAILED', 'it broke off');
			return shards.get(digest, options);
		};
	}

	same(t, (await download(url, id)).bytes, bytes);
	t.is(new Set(asked.slice(0, 3)).size, 3);
	t.deepEqual(asked.slice(3), asked.slice(0, 1));
});

test('where memory is for one chunk alone and all nodes are slow, each gives its buffer away once, and the first is waited for then', async t => {
	const clock = manualClock();
	const {url, nodes} = await startTestNetwork(t, {clock, memoryBytes: CHUNK_SIZE_BYTES + SEAL_TAG_BYTES});
	const bytes = bytesOf(CHUNK_SIZE_BYTES);
	const id = await upload(t, url, bytes);
	const asked: string[] = [];
	const hold = new EventEmitter();
	for (const {id: node, faults, shards} of nodes) {
		faults.get = async (digest, options) => {
			asked.push(node);
			hold.emit('asked');
			await once(hold, 'release', {...(options?.signal && {signal: options.signal})});
			return shards.get(digest, options);
		};
	}

	const first = once(hold, 'asked');
	const downloaded = download(url, id);
	await first;
	await clock.advance(3_600_000);
	t.is(new Set(asked.slice(0, 3)).size, 3);
	t.deepEqual(asked.slice(3), asked.slice(0, 1));
	hold.emit('release');
	same(t, (await downloaded).bytes, bytes);
});

test('nothing is read ahead before the first chunk is there', async t => {
	const {url, nodes} = await startTestNetwork(t);
	const bytes = bytesOf(3 * CHUNK_SIZE_BYTES);
	const id = await upload(t, url, bytes);
	const asked: string[] = [];
	const hold = new EventEmitter();
	for (const {faults, shards} of nodes) {
		faults.get = async (digest, options) => {
			asked.push(digest);
			// The first is slow, so that another node is asked for the same; by then anything else would have been asked, too.
			if (asked.length === 1) await once(hold, 'release');
			if (asked.length === 2) hold.emit('release');
			return shards.get(digest, options);
		};
	}

	same(t, (await download(url, id)).bytes, bytes);
	t.is(asked[1], asked[0]);
	t.is(new Set(asked).size, 3);
});

test('a node that hangs is asked last once that is known', async t => {
	const {url, nodes} = await startTestNetwork(t);
	const id = await upload(t, url, bytesOf(1000));
	const [first] = nodes;
	if (!first) throw new Error('no nodes');
	first.faults.get = async (_, options) =>
		new Promise((_resolve, reject) => options?.signal?.addEventListener('abort', () => reject(new Error('given up'))));
	for (let reads = 0; reads < 20; reads++) t.is((await download(url, id)).bytes.length, 1000);
	t.true(first.reads.length < 5, `it was asked ${first.reads.length} times`);
});

test('a file whose every copy is lost is an error before the first byte, and a cut connection after it', async t => {
	const {url, nodes} = await startTestNetwork(t);
	const id = await upload(t, url, bytesOf(3 * CHUNK_SIZE_BYTES));
	const {chunks} = (await jsonOf(await fetch(`${url}/api/files/${id}/replication`))) as {chunks: Json[]};
	const digestsOf = (index: number) => (chunks[index]?.['shards'] as Json[]).map(shard => shard['digest'] as never);
	for (const {shards} of nodes) for (const digest of digestsOf(2)) shards.kept.delete(digest);
	const cut = await fetch(`${url}/api/files/download/${id}`);
	t.is(cut.status, 200);
	await t.throwsAsync(cut.arrayBuffer());

	for (const {shards} of nodes) for (const digest of digestsOf(0)) shards.kept.delete(digest);
	const failed = await fetch(`${url}/api/files/download/${id}`);
	t.is(failed.status, 500);
	const body = await jsonOf(failed);
	t.is(body['code'], 'FILE_UNAVAILABLE');
	t.regex(String(body['error']), /^Failed to retrieve file: /);
});

test('ranges are served as RFC 9110 says, and only their chunks are read', async t => {
	const {url, nodes} = await startTestNetwork(t);
	const bytes = bytesOf(3 * CHUNK_SIZE_BYTES);
	const id = await upload(t, url, bytes);
	const edge = CHUNK_SIZE_BYTES;
	const {answer, bytes: two} = await download(url, id, {range: `bytes=${edge - 5}-${edge + 4}`});
	t.is(answer.status, 206);
	t.is(answer.headers.get('content-range'), `bytes ${edge - 5}-${edge + 4}/${bytes.length}`);
	same(t, two, bytes.slice(edge - 5, edge + 5));
	t.is(new Set(nodes.flatMap(({reads}) => reads)).size, 2);

	same(t, (await download(url, id, {range: 'bytes=-7'})).bytes, bytes.slice(-7));
	const unsatisfiable = await download(url, id, {range: `bytes=${bytes.length}-`});
	t.is(unsatisfiable.answer.status, 416);
	t.is(unsatisfiable.answer.headers.get('content-range'), `bytes */${bytes.length}`);
	t.is((await download(url, id, {range: 'lines=1-2'})).answer.status, 200);

	const several = await download(url, id, {range: `bytes=0-1,${edge}-${edge + 2}`});
	t.is(several.answer.status, 206);
	const boundary = /boundary=(.+)$/.exec(several.answer.headers.get('content-type') ?? '')?.[1] ?? '';
	t.is(several.answer.headers.get('content-length'), String(several.bytes.length));
	const parts = Buffer.from(several.bytes).toString('latin1').split(`--${boundary}`);
	t.is(parts.length, 4);
	t.true(parts[1]?.includes(`Content-Range: bytes 0-1/${bytes.length}`));
	t.true(parts[2]?.endsWith(`${Buffer.from(bytes.slice(edge, edge + 3)).toString('latin1')}\r\n`));
	t.is(parts[3], '--\r\n');
});

test('conditions and HEAD spare the bytes', async t => {
	const {url, nodes} = await startTestNetwork(t);
	const bytes = bytesOf(1000);
	const id = await upload(t, url, bytes);
	const head = await fetch(`${url}/api/files/download/${id}`, {method: 'HEAD'});
	t.is(head.status, 200);
	t.is(head.headers.get('content-length'), '1000');
	t.is(head.headers.get('accept-ranges'), 'bytes');
	t.is(head.headers.get('content-type'), 'image/jpeg');
	const etag = head.headers.get('etag') ?? '';
	t.is((await download(url, id, {'if-none-match': etag})).answer.status, 304);
	t.is((await download(url, id, {'if-none-match': '"other"'})).answer.status, 200);
	const range = {range: 'bytes=0-9'};
	t.is((await download(url, id, {...range, 'if-range': etag})).answer.status, 206);
	t.is((await download(url, id, {...range, 'if-range': '"other"'})).answer.status, 200);
	t.is((await download(url, id, {...range, 'if-range': head.headers.get('last-modified') ?? ''})).answer.status, 206);
	t.is((await download(url, id, {...range, 'if-range': new Date(0).toUTCString()})).answer.status, 200);
	const before = nodes.flatMap(({reads}) => reads).length;
	await fetch(`${url}/api/files/download/${id}`, {method: 'HEAD'});
	t.is(nodes.flatMap(({reads}) => reads).length, before);
});

test('memory is shared out: many uploads and downloads go through a budget of three buffers', async t => {
	const {url} = await startTestNetwork(t, {memoryBytes: 32 * MIB});
	const files = Array.from({length: 8}, () => bytesOf(CHUNK_SIZE_BYTES + 77));
	const ids = await Promise.all(files.map(async bytes => upload(t, url, bytes)));
	const back = await Promise.all(ids.map(async id => download(url, id)));
	for (const [index, {bytes}] of back.entries()) same(t, bytes, files[index] as Uint8Array);
});

test('a client that stops reading gives its buffer back when it goes', async t => {
	const {url} = await startTestNetwork(t, {memoryBytes: 11 * MIB});
	const id = await upload(t, url, bytesOf(3 * CHUNK_SIZE_BYTES));
	const {port} = new URL(url);
	const socket = connect(Number(port), '127.0.0.1');
	socket.write(`GET /api/files/download/${id} HTTP/1.1\r\nHost: x\r\n\r\n`);
	await new Promise(resolve => socket.once('readable', resolve));
	const waiting = download(url, id);
	socket.destroy();
	t.is((await waiting).bytes.length, 3 * CHUNK_SIZE_BYTES);
});

test('several files come as one zip of a known length, each under a name of its own that stays in the folder', async t => {
	const {url} = await startTestNetwork(t);
	const contents = {
		'a/sea.jpg': bytesOf(CHUNK_SIZE_BYTES + 10),
		'../../etc/passwd': bytesOf(100),
		'A/SEA.jpg': bytesOf(1000),
		'nothing.txt': bytesOf(0),
		'grün "1".txt': bytesOf(10),
	};
	const ids: string[] = [];
	for (const [name, bytes] of Object.entries(contents)) ids.push(await upload(t, url, bytes, name));
	const answer = await fetch(`${url}/api/files/zip?ids=${ids.join(',')}`);
	t.is(answer.status, 200);
	t.is(answer.headers.get('content-type'), 'application/zip');
	const zip = Buffer.from(await answer.arrayBuffer());
	t.is(zip.length, Number(answer.headers.get('content-length')));
	const found = unzip(zip);
	t.deepEqual([...found.keys()], ['a/sea.jpg', 'etc/passwd', 'A/SEA (2).jpg', 'nothing.txt', 'grün _1_.txt']);
	for (const [index, bytes] of Object.values(contents).entries()) same(t, [...found.values()][index] ?? zip, bytes);
});

test('a zip of what is not there, of nothing or of too much is refused, and one of what is lost is cut off', async t => {
	const {url, nodes} = await startTestNetwork(t);
	const id = await upload(t, url, bytesOf(1000));
	const statuses = {'': 400, x: 400, [`${id},`]: 400, [`${id},${'0'.repeat(32)}`]: 404};
	for (const [ids, status] of Object.entries(statuses)) {
		const answer = await fetch(`${url}/api/files/zip?ids=${ids}`);
		t.is(answer.status, status, ids);
		await answer.body?.cancel();
	}

	for (const {shards} of nodes) shards.kept.clear();
	const cut = await fetch(`${url}/api/files/zip?ids=${id}`);
	await t.throwsAsync(cut.arrayBuffer());
});
