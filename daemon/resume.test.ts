import {mkdtemp, readFile, rm, utimes, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {createApi} from '../source/client/api.js';
import {CHUNK_SIZE_BYTES} from '../source/protocol/chunking.js';
import {downloadFile} from '../source/transfers/download-file.js';
import {uploadFile} from '../source/transfers/upload-file.js';
import {createUploadNotes} from '../source/transfers/upload-notes.js';
import {startCuttingProxy} from './testing/cutting-proxy.js';
import {startTestNetwork} from './testing/network.js';
import {oneOfEach} from './testing/node-ways.js';
import {bytesOf} from './testing/requests.js';
import {startShiftedNetwork} from './testing/shifted-network.js';

const {signal} = new AbortController();

const temporaryFolder = async (t: ExecutionContext): Promise<string> => {
	const folder = await mkdtemp(path.join(tmpdir(), 'pjas-resume-'));
	t.teardown(async () => rm(folder, {recursive: true, force: true}));
	return folder;
};

const notesIn = (folder: string, url: string) =>
	createUploadNotes(path.join(folder, 'uploads'), {url, kind: 'plain', now: Date.now});

test('an upload goes on after its line broke and its client ended, sends at most a chunk again, and is verified whole', async t => {
	const network = await startTestNetwork(t);
	const proxy = await startCuttingProxy(t, network.url);
	const folder = await temporaryFolder(t);
	const from = path.join(folder, 'film.mp4');
	const bytes = bytesOf(3 * CHUNK_SIZE_BYTES + 12_345);
	await writeFile(from, bytes);
	const options = {api: createApi(proxy.url), path: from, name: 'film.mp4', signal};
	proxy.cutAfter(2 * CHUNK_SIZE_BYTES + 500_000);
	const first = uploadFile({...options, notes: notesIn(folder, proxy.url)});
	await t.throwsAsync(first, {name: 'UnreachableError'});
	const before = proxy.sentBytes();
	const done: number[] = [];
	// Another process would have other notes, out of the same folder.
	const uploaded = await uploadFile({
		...options,
		notes: notesIn(folder, proxy.url),
		onProgress: doneBytes => done.push(doneBytes),
	});
	t.like(uploaded, {filename: 'film.mp4', size: bytes.length, chunks: 4, redundancy: {wanted: 3, lowest: 3}});
	t.true(proxy.sentBytes() - before <= 2 * CHUNK_SIZE_BYTES, String(proxy.sentBytes() - before));
	t.true((done[1] ?? 0) > CHUNK_SIZE_BYTES);

	const target = path.join(folder, 'copy.mp4');
	const file = {id: uploaded.file_id, name: 'film.mp4', sizeBytes: bytes.length};
	await downloadFile({api: options.api, file, path: target, signal});
	t.true(Buffer.from(bytes).equals(await readFile(target)));

	// A file that was changed is another one, and what was stored is not what it is.
	proxy.cutAfter(CHUNK_SIZE_BYTES + 500_000);
	await t.throwsAsync(uploadFile({...options, notes: notesIn(folder, proxy.url)}), {name: 'UnreachableError'});
	await utimes(from, 1, 1);
	await uploadFile({...options, notes: notesIn(folder, proxy.url)});
	t.is(network.catalog.countUploads(), 1);
});

test('a download that is not what the coordinator says it has is thrown away', async t => {
	const network = await startTestNetwork(t);
	const folder = await temporaryFolder(t);
	const from = path.join(folder, 'a');
	await writeFile(from, bytesOf(2_000_000));
	const api = createApi(network.url);
	const {file_id: id} = await uploadFile({api, path: from, name: 'a', signal});
	const target = path.join(folder, 'b');
	const lying = {
		async download(...asked: Parameters<typeof api.download>) {
			const incoming = await api.download(...asked);
			const {body} = incoming;
			const changed = async function* () {
				for await (const piece of body) yield piece.map(byte => byte ^ 1);
			};
			return {...incoming, body: changed()};
		},
	};
	const file = {id, name: 'a', sizeBytes: 2_000_000};
	await t.throwsAsync(downloadFile({api: lying, file, path: target, signal}), {
		name: 'TransferError',
		message: /not what the coordinator says/,
	});
	await downloadFile({api, file, path: target, signal});
	t.true((await readFile(from)).equals(await readFile(target)));
});

test('an upload goes on after its coordinator was killed in the middle, from what was durable', async t => {
	t.timeout(120_000);
	const network = await startShiftedNetwork(
		t,
		oneOfEach(t).filter(way => way !== 'direct'),
	);
	const folder = await temporaryFolder(t);
	const from = path.join(folder, 'film.mp4');
	const bytes = bytesOf(5 * CHUNK_SIZE_BYTES + 1000);
	await writeFile(from, bytes);
	const options = {api: createApi(network.url), path: from, name: 'film.mp4', signal};
	let killing: Promise<void> | undefined;
	const first = uploadFile({
		...options,
		notes: notesIn(folder, network.url),
		onProgress(doneBytes) {
			if (doneBytes > 4 * CHUNK_SIZE_BYTES) killing ??= network.coordinator.kill();
		},
	});
	await t.throwsAsync(first, {name: 'UnreachableError'});
	await killing;
	await network.coordinator.start();
	const done: number[] = [];
	const onProgress = (doneBytes: number) => done.push(doneBytes);
	const {file_id: id} = await uploadFile({...options, notes: notesIn(folder, network.url), onProgress});
	const resumedFrom = done[1] ?? 0;
	t.true(resumedFrom >= CHUNK_SIZE_BYTES && resumedFrom % CHUNK_SIZE_BYTES === 0, String(resumedFrom));
	const target = path.join(folder, 'copy.mp4');
	await downloadFile({api: options.api, file: {id, name: 'film.mp4', sizeBytes: bytes.length}, path: target, signal});
	t.true(Buffer.from(bytes).equals(await readFile(target)));
});
