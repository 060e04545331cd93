import {createHash} from 'node:crypto';
import {getEventListeners} from 'node:events';
import test, {type ExecutionContext} from 'ava';
import {startTestNetwork} from '../../daemon/testing/network.js';
import {bytesOf, eventually, MIB, same, sha256} from '../../daemon/testing/requests.js';
import {PjasError} from '../protocol/errors.js';
import {type Api, type ApiEvent, type CheckLine, createApi} from './api.js';
import {AnswerError} from './errors.js';

const never = () => new AbortController().signal;

async function* inPieces(bytes: Uint8Array, pieceBytes = 100_000): AsyncGenerator<Uint8Array> {
	for (let at = 0; at < bytes.length; at += pieceBytes)
		yield await Promise.resolve(bytes.subarray(at, at + pieceBytes));
}

/** A body that notes whether it was closed, and how much of it was read. */
const watchedBody = (pieces: number, pieceBytes = 64 * 1024) => {
	const seen = {read: 0, isClosed: false};
	const body = (async function* () {
		try {
			for (; seen.read < pieces; seen.read++) yield await Promise.resolve(new Uint8Array(pieceBytes));
		} finally {
			seen.isClosed = true;
		}
	})();
	return {seen, body};
};

const collect = async (body: AsyncIterable<Uint8Array>): Promise<Buffer> => {
	const pieces: Uint8Array[] = [];
	for await (const piece of body) pieces.push(piece);
	return Buffer.concat(pieces);
};

const put = async (api: Api, bytes: Uint8Array, name = 'photo.jpg', type = 'image/jpeg') =>
	api.upload({name, type, sizeBytes: bytes.length, body: inPieces(bytes), signal: never()});

const failsWith = async (t: ExecutionContext, code: string, work: Promise<unknown>): Promise<AnswerError> => {
	const error = await t.throwsAsync<AnswerError>(work, {instanceOf: AnswerError});
	t.is(error.code, code, error.message);
	return error;
};

test('what the coordinator knows is asked for call by call', async t => {
	const {url, nodes} = await startTestNetwork(t);
	const api = createApi(url);
	const {file_id: id} = await put(api, bytesOf(1000), 'one.bin');
	await put(api, bytesOf(10), 'two.bin');

	t.is((await api.stats()).activeFiles, 2);
	t.deepEqual((await api.nodes()).map(node => node.node_id).sort(), nodes.map(node => node.id).sort());
	const page = await api.files({limit: 1});
	t.is(page.files[0]?.filename, 'two.bin');
	t.is((await api.files({limit: 1, before: page.next_before ?? ''})).files[0]?.filename, 'one.bin');
	t.deepEqual(
		(await api.files({limit: 10, search: 'ONE'})).files.map(file => file.filename),
		['one.bin'],
	);
	t.is((await api.file(id)).size, 1000);
	const {chunks} = await api.replication(id);
	t.is(chunks[0]?.shards.length, 3);
	const {logs} = await api.logs({limit: 5, search: 'one.bin', level: 'INFO'});
	t.is(logs.length, 1);
	await api.removeFile(id);
	t.is((await api.stats()).activeFiles, 1);
	const error = await failsWith(t, 'FILE_NOT_FOUND', api.file(id));
	t.is(error.status, 404);
	await failsWith(t, 'FILE_NOT_FOUND', api.removeFile(id));
	await failsWith(t, 'FILE_NOT_FOUND', api.download(id, {signal: never()}));
	await failsWith(t, 'INVALID_REQUEST', api.files({limit: 100_000}));
});

test('a node is described, and its shards are listed by pages', async t => {
	const {url, nodes} = await startTestNetwork(t);
	const api = createApi(url);
	await put(api, bytesOf(10));
	await put(api, bytesOf(10));
	const [node] = nodes;
	const details = await api.node(node?.id ?? '');
	t.deepEqual(details.shards, {sound: 2, missing: 0, corrupt: 0});
	const first = await api.nodeShards(node?.id ?? '', {limit: 1});
	const second = await api.nodeShards(node?.id ?? '', {limit: 1, after: first.next_after ?? ''});
	t.is(new Set([...first.shards, ...second.shards].map(shard => shard.file_id)).size, 2);
	await failsWith(t, 'NODE_NOT_FOUND', api.node('pjas-ffffffff'));
});

test('files of every size come back as they were sent, also where their size was not known', async t => {
	const {url} = await startTestNetwork(t);
	const api = createApi(url);
	for (const sizeBytes of [0, 1, 70_000, 10 * MIB + 1]) {
		const bytes = bytesOf(sizeBytes);
		for (const known of [{sizeBytes}, {}]) {
			// Pieces of more than 64 KiB that are views into a larger buffer, as file streams make them.
			const body = inPieces(bytes, 65_537);
			const {file_id: id, size} = await api.upload({name: 'a', ...known, body, signal: never()});
			t.is(size, sizeBytes);
			const incoming = await api.download(id, {signal: never()});
			t.is(incoming.sizeBytes, sizeBytes);
			same(t, await collect(incoming.body), bytes);
		}
	}
});

test('a name and a type arrive as they are', async t => {
	const {url} = await startTestNetwork(t);
	const api = createApi(url);
	const names = [
		'Ünïcödé 文件 🎉.txt',
		'שלום.txt',
		'"quoted".txt',
		'two\nlines\r\n.txt',
		'back\\slash \\" .txt',
		"per%cent %41 'a';b=c.txt",
		'../../etc/passwd',
		' ',
		'a'.repeat(1024),
	];
	for (const name of names) {
		const {file_id: id, filename} = await put(api, bytesOf(3), name, 'text/plain');
		t.is(filename, name);
		const incoming = await api.download(id, {signal: never()});
		t.deepEqual([incoming.name, incoming.type], [name, 'text/plain']);
		await collect(incoming.body);
	}

	const hostile = await put(api, bytesOf(3), 'x', 'text/plain\r\nX-Evil: 1');
	t.is((await api.file(hostile.file_id)).type, 'application/octet-stream');
	await failsWith(t, 'INVALID_REQUEST', put(api, bytesOf(3), 'a'.repeat(1025)));
});

test('a download goes on where it stopped, and starts anew where the file is another one', async t => {
	const {url} = await startTestNetwork(t);
	const api = createApi(url);
	const bytes = bytesOf(12 * MIB);
	const {file_id: id} = await put(api, bytes);
	const whole = await api.download(id, {signal: never()});
	let hereBytes = 0;
	for await (const piece of whole.body) {
		hereBytes += piece.length;
		if (hereBytes > MIB) break;
	}

	const rest = await api.download(id, {fromByte: hereBytes, etag: whole.etag, signal: never()});
	t.deepEqual([rest.fromByte, rest.sizeBytes, rest.etag], [hereBytes, bytes.length, whole.etag]);
	same(t, await collect(rest.body), bytes.subarray(hereBytes));

	const anew = await api.download(id, {fromByte: hereBytes, etag: '"another"', signal: never()});
	t.is(anew.fromByte, 0);
	same(t, await collect(anew.body), bytes);

	const end = await api.download(id, {fromByte: bytes.length, etag: whole.etag, signal: never()});
	t.deepEqual([end.fromByte, end.sizeBytes, end.name], [bytes.length, bytes.length, 'photo.jpg']);
	t.is((await collect(end.body)).length, 0);
	await failsWith(
		t,
		'RANGE_NOT_SATISFIABLE',
		api.download(id, {fromByte: bytes.length + 1, etag: whole.etag, signal: never()}),
	);
});

test('an upload that is refused says why, and its body is closed', async t => {
	const {url} = await startTestNetwork(t, {nodes: 0});
	const {seen, body} = watchedBody(1_000_000);
	const error = await failsWith(
		t,
		'NO_NODES_AVAILABLE',
		createApi(url).upload({name: 'endless', body, signal: never()}),
	);
	t.is(error.status, 503);
	await eventually(t, () => seen.isClosed, 'the body is closed');
	t.true(seen.read < 10_000);
});

test('an upload that no node has room for says so', async t => {
	const {url} = await startTestNetwork(t, {allocatedBytes: MIB});
	const bytes = bytesOf(20 * MIB);
	const error = await failsWith(t, 'INSUFFICIENT_STORAGE', put(createApi(url), bytes));
	t.is(error.status, 507);
});

test('an upload is given up by its signal, its source, or its size', async t => {
	const {url} = await startTestNetwork(t);
	const api = createApi(url);
	const stop = new AbortController();
	const {seen, body} = watchedBody(1_000_000);
	const uploading = api.upload({name: 'a', body, signal: stop.signal});
	await eventually(t, () => seen.read > 3, 'the upload is under way');
	stop.abort(new Error('no longer wanted'));
	await t.throwsAsync(uploading, {message: 'no longer wanted'});
	await eventually(t, () => seen.isClosed, 'the body is closed');
	t.is(getEventListeners(stop.signal, 'abort').length, 0);

	const broken = (async function* () {
		yield await Promise.resolve(new Uint8Array(10));
		throw new Error('the disk is broken');
	})();
	await t.throwsAsync(api.upload({name: 'a', body: broken, signal: never()}), {message: 'the disk is broken'});

	for (const sizeBytes of [999, 1001]) {
		const error = await t.throwsAsync<PjasError>(
			api.upload({name: 'a', sizeBytes, body: inPieces(new Uint8Array(1000)), signal: never()}),
			{instanceOf: PjasError},
		);
		t.is(error.code, 'UPLOAD_INCOMPLETE');
	}

	await t.throwsAsync(api.upload({name: 'a', body, signal: AbortSignal.abort(new Error('too late'))}), {
		message: 'too late',
	});
	t.is((await api.stats()).activeFiles, 0);
});

test('a slow reader of a download is waited for', async t => {
	const {url} = await startTestNetwork(t);
	const api = createApi(url);
	const bytes = bytesOf(40 * MIB);
	const {file_id: id} = await put(api, bytes);
	const {body} = await api.download(id, {signal: never()});
	const hash = createHash('sha256');
	let heldBytes = -1;
	for await (const piece of body) {
		hash.update(piece);
		if (heldBytes >= 0) continue;
		// While nobody reads, other calls go on, and what the coordinator has sent stays well below the whole.
		for (let calls = 0; calls < 20; calls++) heldBytes = (await api.stats()).bytesOut;
	}

	t.is(hash.digest('hex'), sha256(bytes));
	t.true(heldBytes < bytes.length, String(heldBytes));
});

test('a check tells chunk by chunk', async t => {
	const {url, nodes} = await startTestNetwork(t);
	const api = createApi(url);
	const {file_id: id} = await put(api, bytesOf(10 * MIB + 5));
	const [first] = nodes;
	if (first) first.faults.verify = async () => Promise.resolve(false);
	const lines: CheckLine[] = [];
	for await (const line of api.check(id, never())) lines.push(line);
	t.deepEqual(
		lines.map(line => line.event),
		['chunk', 'chunk', 'done'],
	);
	const last = lines.at(-1);
	t.true(last?.event === 'done' && last.corrupt === 2 && last.ok === 4);

	const missing = api.check('0'.repeat(32), never())[Symbol.asyncIterator]();
	await failsWith(t, 'FILE_NOT_FOUND', missing.next());
});

test('events come as they happen, and go on after the last one that was seen', async t => {
	const {url} = await startTestNetwork(t);
	const api = createApi(url);
	const stop = new AbortController();
	let firstId = '';
	let isOpen = false;
	const seen: ApiEvent[] = [];
	const listening = (async () => {
		const onOpen = () => {
			isOpen = true;
		};
		const onId = (id: string) => {
			firstId ||= id;
		};
		for await (const event of api.events({signal: stop.signal, onOpen, onId})) seen.push(event);
	})();
	await eventually(t, () => isOpen && firstId !== '', 'the stream is open');
	const {file_id: id} = await put(api, bytesOf(10));
	await api.removeFile(id);
	await eventually(t, () => seen.some(({name}) => name === 'file-removed'), 'the deletion is told');
	t.true(seen.some(event => event.name === 'file' && event.data.file_id === id));
	stop.abort(new Error('enough'));
	await t.throwsAsync(listening, {message: 'enough'});

	const file = seen.find(({name}) => name === 'file');
	for (const [from, first] of [
		[firstId, seen[0]?.name ?? 'check'],
		[file?.id ?? '', seen[seen.indexOf(file as ApiEvent) + 1]?.name ?? 'check'],
		['another-7', 'reset'],
	] as const) {
		for await (const event of api.events({lastEventId: from, signal: never()})) {
			t.is(event.name, first);
			break;
		}
	}
});
