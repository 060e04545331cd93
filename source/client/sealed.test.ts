import {randomBytes} from 'node:crypto';
import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import fc from 'fast-check';
import {startTestNetwork} from '../../daemon/testing/network.js';
import {CHUNK_SIZE_BYTES} from '../protocol/chunking.js';
import {type ErrorCode, isPjasError} from '../protocol/errors.js';
import {makeKeyring} from '../protocol/keyring.js';
import {SEALED_PLAIN_BYTES, sealedSizeOf} from '../protocol/sealed-content.js';
import {startFront} from '../transfers/front.suite.js';
import {downloadFile} from '../transfers/download-file.js';
import {uploadFile} from '../transfers/upload-file.js';
import {type Api, createApi} from './api.js';
import {AnswerError} from './errors.js';
import {createKeyringSession} from './keyring-session.js';
import {openedApi, sealedUploads} from './opened-api.js';
import {type OpenedFile, openedListing} from './opened-files.js';
import {sealedUpload} from './sealed-upload.js';
import {formatShareUrl, parseShareUrl} from './share-url.js';
import {openVault, type Vault} from './vault.js';

const random = (sizeBytes: number) => new Uint8Array(randomBytes(sizeBytes));
const never = () => new AbortController().signal;
const passphrase = 'correct horse battery';
/** Guessed soon, and made soon. */
const kdf = {name: 'scrypt', N: 1024, r: 8, p: 1} as const;

async function* inPieces(bytes: Uint8Array, pieceBytes = 300_000): AsyncGenerator<Uint8Array> {
	for (let at = 0; at < bytes.length; at += pieceBytes)
		yield await Promise.resolve(bytes.subarray(at, at + pieceBytes));
}

const collect = async (body: AsyncIterable<Uint8Array>): Promise<Buffer> => {
	const pieces: Uint8Array[] = [];
	for await (const piece of body) pieces.push(piece);
	return Buffer.concat(pieces);
};

const open = async (api: Api, given = passphrase): Promise<Vault> =>
	openVault({api, passphrase: async () => Promise.resolve(given), random, now: Date.now, kdf});

/** A machine of somebody who gave the passphrase: what the console has. */
const machineOf = async (url: string) => {
	const network = createApi(url);
	const session = createKeyringSession({api: network, random, now: Date.now, kdf});
	await session.open(passphrase);
	const api = openedApi(network, session);
	const upload = async (name: string, bytes: Uint8Array, type?: string) =>
		sealedUploads(network, session, random).upload({
			...{name, sizeBytes: bytes.length, body: inPieces(bytes), signal: never()},
			...(type !== undefined && {type}),
		});
	const download = async (id: string, fromByte = 0) => {
		const incoming = await api.download(id, {fromByte, signal: never()});
		return {...incoming, bytes: await collect(incoming.body)};
	};

	return {api, network, session, upload, download};
};

const failsWith = async (t: ExecutionContext, code: ErrorCode, work: Promise<unknown>) => {
	const error = await t.throwsAsync(work);
	t.true(isPjasError(error, code), `${String(error)} is no ${code}`);
};

const same = (t: ExecutionContext, actual: Uint8Array, expected: Uint8Array) =>
	t.true(Buffer.from(actual).equals(expected));

test('files of every size are sealed, look alike at the coordinator, and are opened on another machine', async t => {
	const {url} = await startTestNetwork(t);
	const [here, there] = [await machineOf(url), await machineOf(url)];
	for (const sizeBytes of [0, 1, 70_000, SEALED_PLAIN_BYTES, SEALED_PLAIN_BYTES + 1]) {
		const bytes = random(sizeBytes);
		const uploaded = await here.upload(`Größe ${sizeBytes}.txt`, bytes, 'text/plain');
		t.is(uploaded.filename, `Größe ${sizeBytes}.txt`);
		t.is(uploaded.size, sizeBytes);

		const seen = await here.network.file(uploaded.file_id);
		t.deepEqual([seen.filename, seen.type, seen.size], ['sealed', 'application/octet-stream', sealedSizeOf(sizeBytes)]);
		t.is(seen.chunks_count, Math.ceil(sealedSizeOf(sizeBytes) / CHUNK_SIZE_BYTES));

		const found = await there.download(uploaded.file_id);
		t.deepEqual([found.name, found.type, found.sizeBytes], [uploaded.filename, 'text/plain', sizeBytes]);
		same(t, found.bytes, bytes);
		t.like(await there.api.file(uploaded.file_id), {filename: uploaded.filename, size: sizeBytes, seal: 'opened'});
	}

	const names = new Set((await here.network.files({limit: 10})).files.map(file => file.filename));
	t.deepEqual([...names], ['sealed']);
});

test('a body of unknown length is sealed as it comes, and one that breaks leaves nothing', async t => {
	const {url} = await startTestNetwork(t);
	const {network, session, api} = await machineOf(url);
	const {upload} = sealedUploads(network, session, random);
	const bytes = random(SEALED_PLAIN_BYTES + 5);
	const sent: number[] = [];
	const onSent = (sentBytes: number) => sent.push(sentBytes);
	const {file_id: id, size} = await upload({name: 'stream', body: inPieces(bytes), onSent, signal: never()});
	t.is(size, bytes.length);
	t.is(sent.at(-1), bytes.length);
	t.deepEqual(
		sent,
		sent.toSorted((a, b) => a - b),
	);
	same(t, await collect((await api.download(id, {signal: never()})).body), bytes);

	for (const sizeBytes of [bytes.length - 1, bytes.length + 1, 0]) {
		await t.throwsAsync(upload({name: 'other', sizeBytes, body: inPieces(bytes), signal: never()}));
	}

	t.is((await network.files({limit: 10})).total, 1);
});

test('a download goes on at any byte, from the beginning of the chunk there', async t => {
	const network = await startTestNetwork(t);
	const front = await startFront(t, network.url);
	const {upload, download} = await machineOf(front.url);
	const bytes = random(2 * SEALED_PLAIN_BYTES + 10);
	const {file_id: id} = await upload('long', bytes);
	const places = fc.constantFrom(
		0,
		1,
		SEALED_PLAIN_BYTES - 1,
		SEALED_PLAIN_BYTES,
		SEALED_PLAIN_BYTES + 1,
		bytes.length - 1,
		bytes.length,
	);
	await fc.assert(
		fc.asyncProperty(places, async fromByte => {
			const found = await download(id, fromByte);
			t.deepEqual([found.fromByte, found.sizeBytes], [fromByte, bytes.length]);
			same(t, found.bytes, bytes.subarray(fromByte));
			const chunk = Math.floor(fromByte / SEALED_PLAIN_BYTES) * CHUNK_SIZE_BYTES;
			t.is(front.ranges.at(-1), chunk === 0 ? '' : `bytes=${chunk}-`);
		}),
		{numRuns: 8},
	);
});

test('a file is sealed from the disk, and a download that broke goes on to what it was', async t => {
	const network = await startTestNetwork(t);
	const front = await startFront(t, network.url);
	const {api, network: plain, session} = await machineOf(front.url);
	const folder = await mkdtemp(path.join(tmpdir(), 'pjas-sealed-'));
	t.teardown(async () => rm(folder, {recursive: true}));
	const from = path.join(folder, 'film.mp4');
	const bytes = random(3 * SEALED_PLAIN_BYTES);
	await writeFile(from, bytes);
	const {file_id: id} = await uploadFile({
		...{api: sealedUploads(plain, session, random), path: from, name: 'film.mp4', signal: never()},
	});
	const target = path.join(folder, 'copy.mp4');
	const options = {api, file: {id, name: 'film.mp4', sizeBytes: bytes.length}, path: target, signal: never()};
	front.goAwayAfter(2 * CHUNK_SIZE_BYTES + 100_000);
	await t.throwsAsync(downloadFile(options), {name: 'UnreachableError'});
	await front.comeBack();
	await downloadFile(options);
	t.is(front.ranges.at(-1), `bytes=${2 * CHUNK_SIZE_BYTES}-`);
	same(t, await readFile(target), bytes);
});

/** A coordinator that lies: what it says of files and what it sends of them is changed on the way. */
const lyingOf = ({network, session}: Awaited<ReturnType<typeof machineOf>>, lies: Partial<Api>) => {
	const api = openedApi({...network, ...lies}, session);
	return {
		api,
		download: async (id: string) => collect((await api.download(id, {signal: never()})).body),
		seal: async (id: string) => ((await api.file(id)) as OpenedFile).seal,
	};
};

test('what the coordinator swaps, cuts off or passes off as something else is noticed', async t => {
	const machine = await machineOf((await startTestNetwork(t)).url);
	const {network, upload} = machine;
	const bytes = random(SEALED_PLAIN_BYTES + 10);
	const [one, two] = [(await upload('one', bytes)).file_id, (await upload('two', bytes)).file_id];
	const {e2e, ...openly} = await network.file(one);
	t.truthy(e2e);
	const asOne = async (id: string) => ({...(await network.file(id)), file_id: one});
	const plain = (await network.upload({name: 'plain', body: inPieces(bytes), signal: never()})).file_id;
	const contentOf = async (id: string) => collect((await network.download(id, {signal: never()})).body);
	const [mine, other] = [await contentOf(one), await contentOf(two)];
	const sending =
		(body: Uint8Array): Api['download'] =>
		async () =>
			Promise.resolve({name: '', type: '', etag: '', fromByte: 0, sizeBytes: body.length, body: inPieces(body)});

	const lies: Record<string, Partial<Api>> = {
		'the name of another file': {file: async () => asOne(two)},
		'the content of another file': {download: async (_, options) => network.download(two, options)},
		'another file': {
			file: async () => asOne(two),
			download: async (_, options) => network.download(two, options),
		},
		'a file that is not sealed': {
			file: async () => asOne(plain),
			download: async (_, options) => network.download(plain, options),
		},
		'that it is not sealed': {file: async () => Promise.resolve(openly)},
		'a chunk of another file': {
			download: sending(Buffer.concat([mine.subarray(0, CHUNK_SIZE_BYTES), other.subarray(CHUNK_SIZE_BYTES)])),
		},
		'the first chunk alone': {download: sending(mine.subarray(0, CHUNK_SIZE_BYTES))},
		nothing: {download: sending(mine.subarray(0, 0))},
		'a chunk more': {download: sending(Buffer.concat([mine.subarray(0, CHUNK_SIZE_BYTES), mine]))},
	};
	for (const [what, lie] of Object.entries(lies)) {
		const {download, seal} = lyingOf(machine, lie);
		const error = await t.throwsAsync(download(one), undefined, what);
		t.true(isPjasError(error, 'SEAL_BROKEN'), `${what}: ${String(error)}`);
		t.is(await seal(one), lie.file ? 'broken' : 'opened', what);
	}

	same(t, await lyingOf(machine, {}).download(one), bytes);
});

test('a file without a key here is locked, and is not downloaded as it is', async t => {
	const {url} = await startTestNetwork(t);
	const {upload} = await machineOf(url);
	const {file_id: id} = await upload('diary', random(10));
	const network = createApi(url);
	const session = createKeyringSession({api: network, random, now: Date.now, kdf});
	const api = openedApi(network, session);
	t.like((await api.files({limit: 10})).files[0], {filename: 'sealed', seal: 'locked'});
	await failsWith(t, 'FILE_KEY_MISSING', api.download(id, {signal: never()}));
	await failsWith(t, 'WRONG_PASSPHRASE', session.open('something else'));
	t.is(session.vault(), undefined);
	await failsWith(
		t,
		'PASSPHRASE_NEEDED',
		sealedUploads(network, session, random).upload({name: 'a', body: inPieces(random(1)), signal: never()}),
	);
});

test('names are looked for where they are known, and what is not sealed stays as it is', async t => {
	const {url} = await startTestNetwork(t);
	const {api, upload, network, session} = await machineOf(url);
	await upload('Diary of May.txt', random(10));
	await network.upload({name: 'shopping.txt', body: inPieces(random(3)), signal: never()});
	const vault = session.vault();
	if (!vault) return;
	const listing = openedListing(network, vault);
	const found = async (search: string) => (await listing.files({limit: 10, search})).files.map(file => file.filename);
	t.deepEqual(await found('may'), ['Diary of May.txt']);
	t.deepEqual(await found('.TXT'), ['shopping.txt', 'Diary of May.txt']);
	t.deepEqual(await found('sealed'), []);
	t.false('seal' in ((await api.files({limit: 1})).files[0] ?? {}));
});

test('machines that add keys at once lose none of them', async t => {
	const {url} = await startTestNetwork(t);
	const api = createApi(url);
	const vaults = await Promise.all([open(api), open(api), open(api)]);
	const keys = Array.from({length: 30}, (_, index) => [index.toString(16).padStart(32, '0'), random(32)] as const);
	await Promise.all(keys.map(async ([id, key], index) => vaults[index % 3]?.add(id, key)));
	const found = await (await open(api)).keysOf(keys.map(([id]) => id));
	t.deepEqual(found, new Map(keys));
	for (const vault of vaults) t.is((await vault.keysOf(keys.map(([id]) => id))).size, 30);
});

test('a second keyring made at once with another passphrase is refused, and loses nothing', async t => {
	const {url} = await startTestNetwork(t);
	const api = createApi(url);
	const [first, second] = [await open(api), await open(api, 'another passphrase')];
	await first.add('0'.repeat(32), random(32));
	await failsWith(t, 'WRONG_PASSPHRASE', second.add('1'.repeat(32), random(32)));
	t.is((await open(api)).count(), 1);
});

test('a new passphrase opens the same keys, on machines that are open too', async t => {
	const {url} = await startTestNetwork(t);
	const api = createApi(url);
	const [first, second] = [await open(api), await open(api)];
	const [one, two] = ['0'.repeat(32), '1'.repeat(32)];
	await first.add(one, random(32));
	await second.changePassphrase('a new passphrase');
	await first.add(two, random(32));
	await failsWith(t, 'WRONG_PASSPHRASE', open(api));
	t.is((await open(api, 'a new passphrase')).count(), 2);
	t.is((await second.keysOf([one, two])).size, 2);
});

test('keys of an older state, as a backup brings it back, are kept by whoever still has the newer ones', async t => {
	const {url} = await startTestNetwork(t);
	const api = createApi(url);
	const vault = await open(api);
	await vault.add('0'.repeat(32), random(32));
	const {blob} = await api.keyring();
	await vault.add('1'.repeat(32), random(32));
	await api.putKeyring({blob: blob ?? '', revision: (await api.keyring()).revision});
	await vault.add('2'.repeat(32), random(32));
	t.is((await open(api)).count(), 3);
	const other = await makeKeyring(passphrase, {random, kdf});
	t.is(await vault.merge(new Map([['3'.repeat(32), {key: other.key, createdAt: 1}]])), 1);
	t.is((await open(api)).count(), 4);
});

test('a keyring of another revision is not replaced, and one that is too large is refused', async t => {
	const {url} = await startTestNetwork(t);
	const api = createApi(url);
	t.deepEqual(await api.keyring(), {blob: null, revision: 0});
	t.deepEqual(await api.putKeyring({blob: 'one', revision: 0}), {revision: 1});
	for (const revision of [0, 2]) {
		const error = await t.throwsAsync<AnswerError>(api.putKeyring({blob: 'two', revision}), {instanceOf: AnswerError});
		t.is(error.code, 'CONFLICT');
	}

	t.deepEqual(await api.keyring(), {blob: 'one', revision: 1});
	const large = 'a'.repeat(4 * 1024 * 1024);
	t.deepEqual(await api.putKeyring({blob: large, revision: 1}), {revision: 2});
	for (const tooMuch of [`${large}a`, 'a'.repeat(6 * 1024 * 1024), '']) {
		await t.throwsAsync(api.putKeyring({blob: tooMuch, revision: 2}), {instanceOf: AnswerError});
	}
});

test('a file whose key cannot be kept is not there', async t => {
	const {url} = await startTestNetwork(t);
	const api = createApi(url);
	const upload = sealedUpload({
		api,
		vault: {add: async () => Promise.reject(new Error('no way')), keysOf: async () => Promise.resolve(new Map())},
		random,
	});
	await t.throwsAsync(upload({name: 'a', body: inPieces(random(10)), signal: never()}), {message: 'no way'});
	t.is((await api.files({limit: 10})).total, 0);
});

test('a link has its key in the fragment, and what is none is refused', t => {
	const key = random(32);
	const url = 'https://pjas.example.org/base';
	const text = formatShareUrl({url, link: 'abcdEFGH_-123', key});
	t.is(new URL(text).pathname, '/base/s/abcdEFGH_-123');
	t.is(new URL(text).hash, `#k=${Buffer.from(key).toString('base64url')}`);
	t.deepEqual(parseShareUrl(text), {url, link: 'abcdEFGH_-123', key});
	t.deepEqual(parseShareUrl(`${url}/s/abcdEFGH_-123`), {url, link: 'abcdEFGH_-123'});
	for (const wrong of [
		'',
		'x',
		'ftp://a/s/abcdEFGH',
		`${text}A`,
		`${url}/s/abcdEFGH#k=`,
		`${url}/s/abcdEFGH#x`,
		`${url}/s/a b`,
		`${url}/s/abcdEFGH?k=1`,
	]) {
		t.is(parseShareUrl(wrong), undefined, wrong);
	}
});
