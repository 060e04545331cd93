import {randomBytes} from 'node:crypto';
import {readFile} from 'node:fs/promises';
import test from 'ava';
import fc from 'fast-check';
import {fromBase64url, toBase64url} from './base64url.js';
import {CHUNK_SIZE_BYTES, chunkCountOf} from './chunking.js';
import {type ErrorCode, isPjasError} from './errors.js';
import {fileKeysOf} from './file-key.js';
import {lockKeyring, makeKeyring, relockKeyring, unlockKeyring, unlockNewer} from './keyring.js';
import {importSealKey, openChunk, SEAL_TAG_BYTES, sealChunk} from './seal.js';
import {chunkWith, openContent, openedSizeOf, SEALED_PLAIN_BYTES, sealContent, sealedSizeOf} from './sealed-content.js';
import {e2eSchema, MOST_DETAILS_LENGTH, openDetails, sealDetails} from './sealed-details.js';

const fixture = async <T>(name: string): Promise<T> =>
	JSON.parse(await readFile(new URL(`../../../fixtures/e2e/${name}.json`, import.meta.url), 'utf8')) as T;

const bytesOf = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));
const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const random = (sizeBytes: number) => new Uint8Array(randomBytes(sizeBytes));
const quickKdf = {name: 'scrypt', N: 1024, r: 8, p: 1} as const;
const fileKey = new Uint8Array(32).fill(7);

async function* streamOf(bytes: Uint8Array, pieceBytes = 1024 * 1024) {
	for (let at = 0; at < bytes.length; at += pieceBytes)
		yield await Promise.resolve(bytes.subarray(at, at + pieceBytes));
}

const joined = async (pieces: AsyncIterable<Uint8Array>) => {
	const all: Uint8Array[] = [];
	for await (const piece of pieces) all.push(piece);
	return Buffer.concat(all);
};

const sealed = async (plain: Uint8Array, key = fileKey) =>
	joined(sealContent((await fileKeysOf(key)).content, streamOf(plain)));

const opened = async (
	bytes: Uint8Array,
	options: {sealedBytes?: number; fromIndex?: number; key?: typeof fileKey} = {},
) => {
	const {content} = await fileKeysOf(options.key ?? fileKey);
	return joined(openContent(content, streamOf(bytes), {sealedBytes: bytes.length, ...options}));
};

/** Three sealed chunks, the last of them short. */
const plainOfThree = random(2 * SEALED_PLAIN_BYTES + 1000);
const sealedOfThree = sealed(plainOfThree);

test('base64url gives back what it was given, and takes nothing else', t => {
	const property = fc.property(fc.uint8Array({maxLength: 100}), bytes => {
		const text = toBase64url(bytes);
		return (
			text === Buffer.from(bytes).toString('base64url') && hexOf(fromBase64url(text) ?? random(1)) === hexOf(bytes)
		);
	});
	t.notThrows(() => fc.assert(property));
	const canonical = fc.property(fc.string({maxLength: 12}), text => {
		const bytes = fromBase64url(text);
		return bytes === undefined || toBase64url(bytes) === text;
	});
	t.notThrows(() => fc.assert(canonical));
	for (const wrong of ['A', 'AB', 'AA=', 'A+', 'ü', 'AAAAB']) t.is(fromBase64url(wrong), undefined, wrong);
});

test('one sealed chunk is exactly one chunk of the coordinator, and sizes go both ways', t => {
	t.is(sealedSizeOf(0), SEAL_TAG_BYTES);
	t.is(sealedSizeOf(SEALED_PLAIN_BYTES), CHUNK_SIZE_BYTES);
	t.is(sealedSizeOf(SEALED_PLAIN_BYTES + 1), CHUNK_SIZE_BYTES + SEAL_TAG_BYTES + 1);
	const property = fc.property(fc.nat(2 ** 31 - 1), sizeBytes => {
		const {index, plainByte, sealedByte} = chunkWith(sizeBytes);
		return (
			openedSizeOf(sealedSizeOf(sizeBytes)) === sizeBytes &&
			plainByte <= sizeBytes &&
			sizeBytes - plainByte < SEALED_PLAIN_BYTES &&
			sealedByte === index * CHUNK_SIZE_BYTES
		);
	});
	t.notThrows(() => fc.assert(property));
	for (const none of [0, 15, CHUNK_SIZE_BYTES + 1, CHUNK_SIZE_BYTES + SEAL_TAG_BYTES])
		t.is(openedSizeOf(none), undefined);
});

test('content of any size, in pieces of any size, is opened as it was', async t => {
	const property = fc.asyncProperty(
		fc.uint8Array({maxLength: 300}),
		fc.integer({min: 1, max: 50}),
		async (bytes, pieceBytes) => {
			const {content} = await fileKeysOf(fileKey);
			const sealing = sealContent(content, streamOf(bytes, pieceBytes), {atMostBytes: bytes.length});
			const whole = await joined(sealing);
			t.is(whole.length, sealedSizeOf(bytes.length));
			t.deepEqual(await opened(whole), Buffer.from(bytes));
		},
	);
	await t.notThrowsAsync(fc.assert(property, {numRuns: 50}));
	const whole = await sealedOfThree;
	t.is(chunkCountOf(whole.length), 3);
	t.true((await opened(whole)).equals(plainOfThree));
	const full = random(SEALED_PLAIN_BYTES);
	t.true((await opened(await sealed(full))).equals(full));
});

test('content is opened from any chunk on', async t => {
	const whole = await sealedOfThree;
	const rest = await opened(whole.subarray(CHUNK_SIZE_BYTES), {sealedBytes: whole.length, fromIndex: 1});
	t.true(rest.equals(plainOfThree.subarray(SEALED_PLAIN_BYTES)));
});

test('content that is cut, made longer, put together anew, or of another file is noticed', async t => {
	const whole = await sealedOfThree;
	const [first, second, last] = [0, 1, 2].map(at => whole.subarray(at * CHUNK_SIZE_BYTES, (at + 1) * CHUNK_SIZE_BYTES));
	const other = await sealed(plainOfThree, new Uint8Array(32).fill(8));
	const changes: Record<string, readonly [Uint8Array, number?]> = {
		'nothing left': [new Uint8Array(0), 0],
		'all bytes away, as an empty file has them': [random(16)],
		'cut in a chunk': [whole.subarray(0, -1)],
		'cut in a chunk, and silent about it': [whole.subarray(0, -1), whole.length],
		'cut after a chunk': [whole.subarray(0, 2 * CHUNK_SIZE_BYTES)],
		'cut after a chunk, and silent about it': [whole.subarray(0, 2 * CHUNK_SIZE_BYTES), whole.length],
		'longer by a byte': [Buffer.concat([whole, random(1)])],
		'longer by a byte, and silent about it': [Buffer.concat([whole, random(1)]), whole.length],
		'longer by a chunk': [Buffer.concat([whole, whole])],
		'two chunks in the other order': [Buffer.concat([second ?? whole, first ?? whole, last ?? whole])],
		'one chunk twice': [Buffer.concat([first ?? whole, first ?? whole, last ?? whole])],
		'a chunk out of another file': [Buffer.concat([first ?? whole, other.subarray(CHUNK_SIZE_BYTES)])],
		'another file': [other],
	};
	for (const [what, [bytes, sealedBytes = bytes.length]] of Object.entries(changes)) {
		const error = await t.throwsAsync(opened(bytes, {sealedBytes}), undefined, what);
		t.true(isPjasError(error, 'SEAL_BROKEN'), what);
	}
});

test('any bit of small content that is changed is noticed', async t => {
	const property = fc.asyncProperty(fc.uint8Array({maxLength: 100}), fc.nat(), async (bytes, at) => {
		const whole = await sealed(bytes);
		const place = at % whole.length;
		whole[place] = (whole[place] ?? 0) ^ (1 << (at % 8));
		t.true(isPjasError(await t.throwsAsync(opened(whole)), 'SEAL_BROKEN'));
	});
	await t.notThrowsAsync(fc.assert(property, {numRuns: 50}));
});

test('details come back as they were, and their length does not tell that of the name', async t => {
	const {details: key} = await fileKeysOf(fileKey);
	const property = fc.asyncProperty(
		fc.string({maxLength: 100, unit: 'binary'}),
		fc.option(fc.nat(), {nil: undefined}),
		async (name, size) => {
			const details = {name, type: 'text/plain', ...(size !== undefined && {size})};
			const e2e = await sealDetails(key, details, random(12));
			t.deepEqual(await openDetails(key, e2eSchema.parse(e2e)), details);
		},
	);
	await t.notThrowsAsync(fc.assert(property, {numRuns: 50}));
	const lengths = ['a', 'a'.repeat(150)].map(
		async name => (await sealDetails(key, {name, type: ''}, random(12))).details.length,
	);
	t.is(new Set(await Promise.all(lengths)).size, 1);
	const longest = await sealDetails(key, {name: '\u0001'.repeat(1024), type: 'a'.repeat(200)}, random(12));
	t.true(longest.details.length <= MOST_DETAILS_LENGTH);
});

test('details of another file, changed ones, and what was sealed as content are none', async t => {
	const {details: key, content} = await fileKeysOf(fileKey);
	const e2e = await sealDetails(key, {name: 'a', type: ''}, random(12));
	const other = await fileKeysOf(new Uint8Array(32).fill(8));
	const spoilt = `${e2e.details.startsWith('A') ? 'B' : 'A'}${e2e.details.slice(1)}`;
	for (const [tried, details] of [
		[other.details, e2e.details],
		[content, e2e.details],
		[key, spoilt],
		[key, 'AAAA'],
		[key, toBase64url(random(300))],
	] as const) {
		t.true(isPjasError(await t.throwsAsync(openDetails(tried, {version: 1, details})), 'SEAL_BROKEN'));
	}
});

test('a keyring opens with its passphrase, however that was typed, and with no other', async t => {
	const made = await makeKeyring('caf\u00E9 au lait', {random, kdf: quickKdf});
	const files = new Map([['0'.repeat(32), {key: random(32), createdAt: 5}]]);
	const blob = await lockKeyring({...made, files}, random);
	t.false(blob.includes(toBase64url(made.key)));
	t.deepEqual((await unlockKeyring(blob, 'cafe\u0301 au lait')).files, files);
	const error = await t.throwsAsync(unlockKeyring(blob, 'cafe au lait'));
	t.true(isPjasError(error, 'WRONG_PASSPHRASE'));
});

test('a new passphrase leaves the keys as they are, and the old one opens nothing more', async t => {
	const made = await makeKeyring('first words', {random, kdf: quickKdf});
	const again = await relockKeyring(made, 'second words', {random, kdf: quickKdf});
	t.deepEqual(again.key, made.key);
	const blob = await lockKeyring(again, random);
	t.deepEqual((await unlockKeyring(blob, 'second words')).files, made.files);
	t.true(isPjasError(await t.throwsAsync(unlockKeyring(blob, 'first words')), 'WRONG_PASSPHRASE'));
	t.deepEqual((await unlockNewer(blob, made))?.lock, again.lock);
	const other = await lockKeyring(await makeKeyring('first words', {random, kdf: quickKdf}), random);
	t.is(await unlockNewer(other, made), undefined);
});

test('a keyring that was changed, or asks for too much, is refused', async t => {
	const made = await makeKeyring('first words', {random, kdf: quickKdf});
	const blob = JSON.parse(await lockKeyring(made, random)) as {kdf: object; sealed: string; wrapped: string};
	const cases: [object, ErrorCode][] = [
		[{...blob, kdf: {...blob.kdf, N: 2 ** 30}}, 'KEYRING_CORRUPT'],
		[{...blob, kdf: {...blob.kdf, N: 1000}}, 'KEYRING_CORRUPT'],
		[{...blob, kdf: {...blob.kdf, salt: ''}}, 'KEYRING_CORRUPT'],
		[{...blob, sealed: toBase64url(random(100))}, 'KEYRING_CORRUPT'],
		[{...blob, sealed: blob.wrapped}, 'KEYRING_CORRUPT'],
		[{...blob, wrapped: toBase64url(random(60))}, 'WRONG_PASSPHRASE'],
		[{...blob, wrapped: toBase64url(random(61))}, 'KEYRING_CORRUPT'],
		[{...blob, version: 2}, 'KEYRING_CORRUPT'],
		[[], 'KEYRING_CORRUPT'],
	];
	for (const [changed, code] of cases) {
		const error = await t.throwsAsync(unlockKeyring(JSON.stringify(changed), 'first words'));
		t.is(isPjasError(error) && error.code, code, JSON.stringify(changed).slice(0, 100));
	}
});

test('the formats are what they were', async t => {
	const file = await fixture<{
		fileKey: string;
		contents: {plain: string; sealed: string}[];
		details: {plain: {name: string; type: string; size: number}; nonce: string; sealed: string};
	}>('sealed-file');
	const {content, details} = await fileKeysOf(bytesOf(file.fileKey));
	t.is(file.contents.length, 2);
	for (const {plain, sealed} of file.contents) {
		t.is(hexOf(await joined(sealContent(content, streamOf(bytesOf(plain))))), sealed);
		t.is(hexOf(await sealChunk(content, 0, true, bytesOf(plain))), sealed);
	}

	const e2e = {version: 1, details: file.details.sealed} as const;
	t.deepEqual(await sealDetails(details, file.details.plain, bytesOf(file.details.nonce)), e2e);
	t.deepEqual(await openDetails(details, e2e), file.details.plain);

	const ring = await fixture<{
		passphrase: string;
		files: Record<string, {key: string; createdAt: number}>;
		blob: object;
	}>('keyring');
	const {files} = await unlockKeyring(JSON.stringify(ring.blob), ring.passphrase);
	const found = [...files].map(([id, {key, createdAt}]) => [id, {key: hexOf(key), createdAt}]);
	t.deepEqual(Object.fromEntries(found), ring.files);
});

test('the key for the content is that of HKDF as others compute it', async t => {
	const {hkdfSync} = await import('node:crypto');
	const raw = new Uint8Array(hkdfSync('sha256', fileKey, new Uint8Array(0), 'pjas end to end 1: content', 32));
	const {content} = await fileKeysOf(fileKey);
	const plain = new TextEncoder().encode('the same');
	t.deepEqual(await openChunk(await importSealKey(raw), 0, true, await sealChunk(content, 0, true, plain)), plain);
});
