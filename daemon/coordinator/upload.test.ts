import {request as httpRequest} from 'node:http';
import {connect} from 'node:net';
import test from 'ava';
import {CHUNK_SIZE_BYTES} from '../../source/protocol/chunking.js';
import {PjasError} from '../../source/protocol/errors.js';
import {startTestNetwork} from '../testing/network.js';
import {
	type Json,
	MIB,
	bytesOf,
	jsonOf,
	uploadTo,
	upload,
	download,
	same,
	eventually,
	filesListed,
} from '../testing/requests.js';

test('files of every size at the edges come back bit for bit', async t => {
	const {url, nodes} = await startTestNetwork(t);
	for (const size of [0, 1, 15, CHUNK_SIZE_BYTES - 1, CHUNK_SIZE_BYTES, CHUNK_SIZE_BYTES + 1, 3 * CHUNK_SIZE_BYTES]) {
		const bytes = bytesOf(size);
		const id = await upload(t, url, bytes);
		const {answer, bytes: back} = await download(url, id);
		same(t, back, bytes);
		t.is(answer.headers.get('content-length'), String(size));
		const {file} = (await jsonOf(await fetch(`${url}/api/files/${id}`))) as {file: Json};
		t.is(file['chunks_count'], Math.ceil(size / CHUNK_SIZE_BYTES));
		t.is(file['size'], size);
	}

	t.is(new Set(nodes.map(({shards}) => shards.kept.size)).size, 1);
});

test('only sealed bytes reach a node', async t => {
	const {url, nodes} = await startTestNetwork(t);
	const bytes = new Uint8Array(200_000).fill(0x41);
	await upload(t, url, bytes, 'A secret name.txt');
	const kept = nodes.flatMap(({shards}) => [...shards.kept.values()]);
	t.is(kept.length, 3);
	for (const shard of kept) {
		t.false(Buffer.from(shard).includes('AAAAAAAA'));
		t.is(shard.length, bytes.length + 16);
	}
});

test('an upload without a length comes in whole', async t => {
	const {url} = await startTestNetwork(t);
	const bytes = bytesOf(CHUNK_SIZE_BYTES + 5);
	const head = '--x\r\nContent-Disposition: form-data; name="file"; filename="stream"\r\n\r\n';
	const answer = await new Promise<Json>((resolve, reject) => {
		const request = httpRequest(`${url}/api/files/upload`, {
			method: 'POST',
			headers: {'content-type': 'multipart/form-data; boundary=x', 'transfer-encoding': 'chunked'},
		});
		request.on('error', reject).on('response', response => {
			let text = '';
			response
				.on('data', (piece: Buffer) => (text += piece.toString()))
				.on('end', () => resolve(JSON.parse(text) as Json));
		});
		request.write(head);
		request.write(bytes);
		request.end('\r\n--x--\r\n');
	});
	t.is(answer['success'], true);
	same(t, (await download(url, answer['file_id'] as string)).bytes, bytes);
});

test('any name comes back as it was', async t => {
	const {url} = await startTestNetwork(t);
	const names = [
		'plain.txt',
		'Grüße aus Köln – 日本語 🎉.txt',
		'a "quoted" name.txt',
		"it's; tricky=1, really.txt",
		'../../etc/passwd',
		'folder/sub/file.txt',
		'back\\slash.txt',
		'semi;colon',
		'100%.txt',
		'line\nbreak',
		'x'.repeat(255),
		'é'.repeat(127),
		' ',
		'.',
		'__proto__',
		'\u202Egnp.exe',
	];
	for (const name of names) {
		const id = await upload(t, url, bytesOf(3), name);
		const {file} = (await jsonOf(await fetch(`${url}/api/files/${id}`))) as {file: Json};
		t.is(file['filename'], name);
		const {answer} = await download(url, id);
		t.regex(answer.headers.get('content-disposition') ?? '', /^attachment/);
	}

	const ids = await Promise.all([upload(t, url, bytesOf(1), 'twin'), upload(t, url, bytesOf(1), 'twin')]);
	t.not(ids[0], ids[1]);
});

const postForm = async (url: string, body: string, contentType = 'multipart/form-data; boundary=x') =>
	fetch(`${url}/api/files/upload`, {method: 'POST', headers: {'content-type': contentType}, body});

const part = (disposition: string, content: string) =>
	`--x\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n${content}\r\n`;

test('a name as curl escapes it, and an empty one, are taken as they are meant', async t => {
	const {url} = await startTestNetwork(t);
	const cases = [
		['name="file"; filename="a \\"b\\" c"', 'a "b" c'],
		['name="file"; filename="a %22b%22 c"', 'a "b" c'],
		['name="file"; filename=""', ''],
	] as const;
	for (const [disposition, name] of cases) {
		const answer = await jsonOf(await postForm(url, `${part(disposition, 'content')}--x--\r\n`));
		t.is(answer['filename'], name);
	}
});

test('what is no upload is refused with a reason, and leaves nothing', async t => {
	const {url, nodes} = await startTestNetwork(t);
	const file = part('name="file"; filename="a"', 'content');
	const cases: [body: string, type: string | undefined, status: number, code: string][] = [
		['--x--\r\n', undefined, 400, 'NO_FILE_UPLOADED'],
		['', undefined, 400, 'UPLOAD_INCOMPLETE'],
		[part('name="note"', 'text') + '--x--\r\n', undefined, 400, 'NO_FILE_UPLOADED'],
		[part('name="other"; filename="a"', 'content') + '--x--\r\n', undefined, 400, 'INVALID_REQUEST'],
		// A file whose part has no name ended the process. Found by a random test (seed -1241672370).
		[part('filename="a"', 'content') + '--x--\r\n', undefined, 400, 'INVALID_REQUEST'],
		[file + file + '--x--\r\n', undefined, 400, 'INVALID_REQUEST'],
		[file, undefined, 400, 'UPLOAD_INCOMPLETE'],
		[file.slice(0, -6), undefined, 400, 'UPLOAD_INCOMPLETE'],
		[part('name="file"; filename="' + 'n'.repeat(1025) + '"', 'c') + '--x--\r\n', undefined, 400, 'INVALID_REQUEST'],
		['{}', 'application/json', 415, 'UNSUPPORTED_MEDIA_TYPE'],
		[file, 'multipart/form-data', 400, 'INVALID_REQUEST'],
		[file, 'multipart/form-data-of-a-kind', 415, 'UNSUPPORTED_MEDIA_TYPE'],
		[file, 'multipart/form-data; charset=utf-8', 400, 'INVALID_REQUEST'],
		[
			Array.from({length: 30}, (_, at) => part(`name="f${at}"`, 'v')).join('') + file + '--x--\r\n',
			undefined,
			400,
			'INVALID_REQUEST',
		],
	];
	for (const [body, type, status, code] of cases) {
		const answer = await postForm(url, body, type);
		const {code: actual, error, success} = await jsonOf(answer);
		t.deepEqual([answer.status, actual, success], [status, code, false], `${body.slice(0, 60)} → ${String(error)}`);
	}

	t.deepEqual(await filesListed(url), []);
	await eventually(t, () => nodes.every(({shards}) => shards.kept.size === 0), 'the shards of failed uploads to go');
});

/** Sends the head of an upload and some of its body over a bare socket. */
const beginUpload = (url: string, contentLength: number, bodyBytes: number) => {
	const {port} = new URL(url);
	const head = '--x\r\nContent-Disposition: form-data; name="file"; filename="cut"\r\n\r\n';
	const socket = connect(Number(port), '127.0.0.1');
	socket.on('error', () => undefined);
	socket.write(
		`POST /api/files/upload HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: ${contentLength}\r\n\r\n${head}`,
	);
	socket.write(bytesOf(bodyBytes));
	return socket;
};

test('what is sealed end to end is kept with its sealed details, which stand before it and are what they must be', async t => {
	const {url} = await startTestNetwork(t);
	const post = async (...fields: [string, string | Blob][]) => {
		const form = new FormData();
		for (const [name, value] of fields) form.append(name, value);
		return fetch(`${url}/api/files/upload`, {method: 'POST', body: form});
	};
	const file: [string, Blob] = ['file', new Blob([bytesOf(100)])];
	const e2e = {version: 1, details: 'AAAA_-09'};
	const wrong: [string, string | Blob][][] = [
		[file, ['e2e', JSON.stringify(e2e)]],
		...['', '{', '[]', JSON.stringify({...e2e, version: 2}), JSON.stringify({...e2e, details: 'a b'})].map(
			text => [['e2e', text], file] as [string, string | Blob][],
		),
		[['e2e', JSON.stringify({...e2e, details: 'A'.repeat(20_000)})], file],
	];
	for (const fields of wrong) {
		const answer = await post(...fields);
		t.is(answer.status, 400);
		t.is((await jsonOf(answer))['code'], 'INVALID_REQUEST');
	}

	t.deepEqual(await filesListed(url), []);
	const {file_id: id} = await jsonOf(await post(['e2e', JSON.stringify(e2e)], ['other', 'field'], file));
	const {file: described} = (await jsonOf(await fetch(`${url}/api/files/${String(id)}`))) as {file: Json};
	t.deepEqual(described['e2e'], e2e);
	t.deepEqual((await filesListed(url))[0]?.['e2e'], e2e);
	await upload(t, url, bytesOf(10));
	t.false('e2e' in ((await filesListed(url))[0] ?? {}));
});

test('a client that goes away in the middle leaves nothing, on the nodes either', async t => {
	const {url, nodes, catalog} = await startTestNetwork(t);
	const socket = beginUpload(url, 60 * MIB, 25 * MIB);
	await eventually(t, () => nodes.every(({shards}) => shards.kept.size >= 2), 'two chunks on each node');
	socket.destroy();
	await eventually(t, () => nodes.every(({shards}) => shards.kept.size === 0), 'the shards to go');
	await eventually(t, () => catalog.totals().removals === 0, 'the removals to be done with');
	t.deepEqual(await filesListed(url), []);
	t.is(catalog.totals().chunks, 0);
});

test('without nodes, with too few, and without room, an upload says so', async t => {
	const none = await startTestNetwork(t, {nodes: 0});
	const refused = await uploadTo(none.url, bytesOf(10));
	t.is(refused.status, 503);
	t.is(refused.headers.get('retry-after'), '10');
	const body = await jsonOf(refused);
	t.is(body['code'], 'NO_NODES_AVAILABLE');
	t.regex(String(body['error']), /^No nodes available/);

	const full = await startTestNetwork(t, {allocatedBytes: 1000});
	const tooMuch = await uploadTo(full.url, bytesOf(5000));
	t.is(tooMuch.status, 507);
	t.is((await jsonOf(tooMuch))['code'], 'INSUFFICIENT_STORAGE');

	const one = await startTestNetwork(t, {nodes: 1});
	await upload(t, one.url, bytesOf(10));
	const [first] = one.nodes;
	await one.addNode();
	if (first) first.faults.put = async () => Promise.reject(new PjasError('NODE_FAILED', 'broken'));
	const tooFew = await uploadTo(one.url, bytesOf(10));
	t.is(tooFew.status, 503);
	t.is((await jsonOf(tooFew))['code'], 'NOT_ENOUGH_NODES');
	t.is((await filesListed(one.url)).length, 1);
});

test('a node that refuses is replaced within the same upload', async t => {
	const {url, nodes, catalog} = await startTestNetwork(t, {nodes: 5});
	for (const node of nodes.slice(0, 2)) {
		node.faults.put = async () => Promise.reject(new PjasError('INSUFFICIENT_STORAGE', 'full'));
	}

	const bytes = bytesOf(2 * CHUNK_SIZE_BYTES + 9);
	const id = await upload(t, url, bytes);
	for await (const chunk of catalog.chunksOf(id as never)) {
		t.is(new Set(chunk.shards.map(({node}) => node)).size, 3);
	}

	same(t, (await download(url, id)).bytes, bytes);
});

test('a node that fails while it writes is told to forget what it may have got', async t => {
	const {url, nodes, join} = await startTestNetwork(t, {nodes: 3});
	const [bad] = nodes;
	if (!bad) throw new Error('no node');
	bad.faults.put = async (digest, body) => {
		await bad.shards.put(digest, body);
		throw new PjasError('NODE_FAILED', 'the answer was lost');
	};
	const bytes = bytesOf(1000);
	const id = await upload(t, url, bytes);
	t.is(bad.shards.kept.size, 1);
	bad.faults = {};
	await join(bad, {listing_digest: 'f'.repeat(64)});
	await eventually(t, () => bad.shards.kept.size === 0, 'the doubtful shard to go');
	same(t, (await download(url, id)).bytes, bytes);
});

test('a node that joins while a chunk is written does not raise what that chunk must reach', async t => {
	const {url, nodes, addNode} = await startTestNetwork(t, {nodes: 1});
	const [first] = nodes;
	if (!first) throw new Error('no node');
	first.faults.put = async (digest, body) => {
		await addNode();
		await first.shards.put(digest, body);
	};
	await upload(t, url, bytesOf(100));
});

test('shards are spread over zones, and not always over the same nodes', async t => {
	const {url, addNode, catalog} = await startTestNetwork(t, {nodes: 0});
	for (const zone of ['a', 'a', 'a', 'b', 'b', 'c']) await addNode({zone, owner: zone});
	const uses = new Map<string, number>();
	for (let count = 0; count < 12; count++) {
		const id = await upload(t, url, bytesOf(100));
		for await (const {shards} of catalog.chunksOf(id as never)) {
			const zones = await Promise.all(shards.map(async ({node}) => (await catalog.getNode(node))?.zone));
			t.deepEqual(zones.sort(), ['a', 'b', 'c']);
			for (const {node} of shards) uses.set(node, (uses.get(node) ?? 0) + 1);
		}
	}

	t.true(uses.size > 3);
});
