import {createHash} from 'node:crypto';
import type {IncomingMessage} from 'node:http';
import {Readable} from 'node:stream';
import {mkdtemp, readFile, rm, stat, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import {isPjasError} from '../../source/protocol/errors.js';
import type {FileId} from '../../source/protocol/ids.js';
import {importSealKey, openChunk, SEAL_TAG_BYTES, sealChunk} from '../../source/protocol/seal.js';
import {systemRandom} from '../adapters/system.js';
import {MAX_SHARD_BYTES} from '../core/limits.js';
import {manualClock} from '../testing/manual-clock.js';
import {silentLog} from '../testing/silent-log.js';
import {loadMasterKey, MASTER_KEY_FILE, masterKeyOf} from './master-key.js';
import {createMemoryBudget, type Lease} from './memory-budget.js';
import {type FormFile, receiveForm} from './multipart.js';
import {openApi} from './openapi.js';
import {runWorker} from './run-worker.js';
import {type ChunkPlace, createOpener, createSealer} from './sealer.js';

const file = '0123456789abcdef0123456789abcdef' as FileId;

const temporaryFolder = async (t: {teardown: (end: () => Promise<void>) => void}) => {
	const folder = await mkdtemp(path.join(tmpdir(), 'pjas-parts-'));
	t.teardown(async () => rm(folder, {recursive: true}));
	return folder;
};

test('the budget is never passed, and everybody who waits is served in turn', async t => {
	const budget = createMemoryBudget(2 * MAX_SHARD_BYTES);
	const first = await budget.acquire(MAX_SHARD_BYTES);
	const second = await budget.acquire(MAX_SHARD_BYTES);
	const order: string[] = [];
	const third = budget.acquire(MAX_SHARD_BYTES).then(lease => (order.push('third'), lease));
	const small = budget.acquire(10).then(lease => (order.push('small'), lease));
	t.is(budget.tryAcquire(1), undefined);
	t.is(budget.usedBytes(), 2 * MAX_SHARD_BYTES);
	first.release();
	first.release();
	const lease = await third;
	t.is(lease.bytes, first.bytes);
	second.release();
	await small;
	t.deepEqual(order, ['third', 'small']);
	t.is(budget.usedBytes(), MAX_SHARD_BYTES + 10);
	t.not(budget.tryAcquire(5), undefined);
});

test('who gives up waiting makes room for those behind', async t => {
	const budget = createMemoryBudget(MAX_SHARD_BYTES);
	const held = await budget.acquire(MAX_SHARD_BYTES - 10);
	const end = new AbortController();
	const large = budget.acquire(MAX_SHARD_BYTES, end.signal);
	const small = budget.acquire(10);
	end.abort(new Error('gone'));
	await t.throwsAsync(large, {message: 'gone'});
	(await small).release();
	held.release();
	t.is(budget.usedBytes(), 0);
	await t.throwsAsync(budget.acquire(1, end.signal), {message: 'gone'});
});

test('random lending and giving back keeps to the budget and loses nothing', async t => {
	const sizes = fc.array(fc.tuple(fc.constantFrom(1, 1000, MAX_SHARD_BYTES), fc.boolean()), {maxLength: 40});
	await t.notThrowsAsync(
		fc.assert(
			fc.asyncProperty(sizes, async steps => {
				const limit = 3 * MAX_SHARD_BYTES;
				const budget = createMemoryBudget(limit);
				const held: Lease[] = [];
				for (const [size, givesBack] of steps) {
					if (givesBack) held.shift()?.release();
					const lease = budget.tryAcquire(size);
					if (lease) held.push(lease);
					t.is(
						budget.usedBytes(),
						held.reduce((sum, {bytes}) => sum + bytes.length, 0),
					);
					t.true(budget.usedBytes() <= limit);
				}

				for (const lease of held) lease.release();
				t.is(budget.usedBytes(), 0);
				await budget.acquire(limit);
			}),
			{numRuns: 30},
		),
	);
});

test('a buffer is lent again for as much or a little less, until another size needs its room', async t => {
	const budget = createMemoryBudget(MAX_SHARD_BYTES);
	const first = await budget.acquire(70_000);
	const memory = first.bytes.buffer;
	first.release();
	const other = await budget.acquire(300_000);
	const again = await budget.acquire(69_900);
	t.is(again.bytes.buffer, memory);
	t.is(again.bytes.length, 69_900);
	t.is(budget.usedBytes(), 369_900);
	for (const lease of [other, again]) lease.release();

	const whole = await budget.acquire(MAX_SHARD_BYTES);
	whole.release();
	const last = await budget.acquire(70_000);
	t.not(last.bytes.buffer, memory);
	t.is(last.bytes.length, 70_000);
});

test('a budget that no shard fits is refused', async t => {
	t.throws(() => createMemoryBudget(MAX_SHARD_BYTES - 1), {instanceOf: RangeError});
	await t.throwsAsync(createMemoryBudget(MAX_SHARD_BYTES).acquire(MAX_SHARD_BYTES + 1), {instanceOf: RangeError});
});

/** Opens a copy, of which so many bytes come at a time. */
const openArriving = async (sealed: Uint8Array, place: ChunkPlace, stepBytes: number) => {
	const into = new Uint8Array(sealed.length);
	const opener = createOpener(into, place);
	for (let filledBytes = 0; filledBytes < sealed.length;) {
		const piece = sealed.subarray(filledBytes, filledBytes + stepBytes);
		into.set(piece, filledBytes);
		opener.advance((filledBytes += piece.length));
	}

	return opener.finish();
};

const openInPlace = async (sealed: Uint8Array, place: ChunkPlace) => createOpener(sealed, place).finish();

test('sealing in place gives the bytes of the format, and opens again', async t => {
	const key = new Uint8Array(32).fill(3);
	const webKey = await importSealKey(key);
	for (const sizeBytes of [0, 1, 65_535, 65_536, 65_537, 1_048_577, 2_500_000]) {
		const plain = systemRandom.bytes(sizeBytes);
		const buffer = Buffer.concat([plain, Buffer.alloc(SEAL_TAG_BYTES)]);
		const place = {key, index: 5, isLast: true};
		const {sealed, digest} = await createSealer(buffer, place).finish(sizeBytes, place);
		t.true(Buffer.from(await sealChunk(webKey, 5, true, plain)).equals(sealed));
		t.regex(digest, /^[0-9a-f]{64}$/);
		t.true(Buffer.from(await openChunk(webKey, 5, true, new Uint8Array(sealed))).equals(plain));
		const opened = await openInPlace(Uint8Array.from(sealed), place);
		t.true(opened !== undefined && Buffer.from(plain).equals(opened));
		for (const stepBytes of [1000, 65_536, 100_000, 4_000_000]) {
			const arrived = await openArriving(sealed, place, stepBytes);
			t.true(arrived !== undefined && Buffer.from(plain).equals(arrived));
		}

		t.is(await openInPlace(Uint8Array.from(sealed), {...place, isLast: false}), undefined);
		const spoilt = Uint8Array.from(sealed);
		spoilt[spoilt.length >> 1] = (spoilt[spoilt.length >> 1] ?? 0) ^ 0x10;
		t.is(await openInPlace(Uint8Array.from(spoilt), place), undefined);
		t.is(await openArriving(spoilt, place, 50_000), undefined);
	}

	t.is(await openInPlace(new Uint8Array(SEAL_TAG_BYTES - 1), {key, index: 0, isLast: true}), undefined);
});

test('a chunk that is sealed while it comes is as if it had been sealed at once, also where it is another than it was taken for', async t => {
	const [key, otherKey] = [new Uint8Array(32).fill(3), new Uint8Array(32).fill(4)];
	for (const sizeBytes of [0, 1, 65_536, 65_537, 200_000, 1_048_577]) {
		const plain = systemRandom.bytes(sizeBytes);
		for (const place of [
			{key, index: 5, isLast: false},
			{key, index: 5, isLast: true},
			{key: otherKey, index: 5, isLast: true},
		]) {
			const whole = Buffer.concat([plain, Buffer.alloc(SEAL_TAG_BYTES)]);
			const expected = await createSealer(whole, place).finish(sizeBytes, place);
			for (const [stepBytes, keptBytes] of [
				[1000, 0],
				[65_536, 0],
				[100_000, 0],
				[1000, 70_000],
				[65_536, 999],
				[100_000, 150_000],
			] as const) {
				const buffer = new Uint8Array(sizeBytes + SEAL_TAG_BYTES);
				const plainHash = createHash('sha256');
				const filledBytes = Math.min(keptBytes, sizeBytes);
				buffer.set(plain.subarray(0, filledBytes));
				const sealer = createSealer(buffer, {key, index: 5}, {plainHash, filledBytes});
				for (let at = filledBytes, step = stepBytes; at < sizeBytes; at += step, step = (step * 7) % 130_000) {
					await sealer.add(plain.subarray(at, at + step));
				}

				const sealed = await sealer.finish(sizeBytes, place);
				t.is(sealed.digest, expected.digest);
				t.true(expected.sealed.length === sealed.sealed.length && Buffer.from(expected.sealed).equals(sealed.sealed));
				t.is(plainHash.digest('hex'), createHash('sha256').update(plain).digest('hex'));
			}
		}
	}
});

test('a wrapped key opens for its file and under its master key only', t => {
	const master = masterKeyOf(new Uint8Array(32).fill(1), systemRandom);
	const key = systemRandom.bytes(32);
	const wrapped = master.wrap(file, key);
	t.deepEqual(Buffer.from(master.unwrap(file, wrapped)), Buffer.from(key));
	t.not(master.wrap(file, key), wrapped);
	const other = masterKeyOf(new Uint8Array(32).fill(2), systemRandom);
	for (const open of [
		() => other.unwrap(file, wrapped),
		() => master.unwrap('f'.repeat(32) as FileId, wrapped),
		() => master.unwrap(file, 'AAAA'),
		() => master.unwrap(file, ''),
	]) {
		t.true(isPjasError(t.throws(open), 'INTERNAL_ERROR'));
	}
});

test('the wrapped format is what it was', async t => {
	const golden = JSON.parse(
		await readFile(new URL('../../../fixtures/keys/wrapped-key.json', import.meta.url), 'utf8'),
	) as Record<'masterKey' | 'file' | 'key' | 'nonce' | 'wrapped', string>;
	const fixedNonce = {...systemRandom, bytes: () => new Uint8Array(Buffer.from(golden.nonce, 'hex'))};
	const master = masterKeyOf(Buffer.from(golden.masterKey, 'hex'), fixedNonce);
	t.is(master.wrap(golden.file as FileId, Buffer.from(golden.key, 'hex')), golden.wrapped);
	t.is(Buffer.from(master.unwrap(golden.file as FileId, golden.wrapped)).toString('hex'), golden.key);
});

test('a master key is drawn once, kept to its owner, and read again', async t => {
	const folder = await temporaryFolder(t);
	const options = {folder, fromEnvironment: undefined, isNeeded: false, random: systemRandom};
	const wrapped = (await loadMasterKey(options)).wrap(file, new Uint8Array(32));
	t.is((await stat(path.join(folder, MASTER_KEY_FILE))).mode & 0o777, 0o600);
	const again = await loadMasterKey({...options, isNeeded: true});
	t.is(again.unwrap(file, wrapped).length, 32);
});

test('a lost or malformed master key is refused, not replaced', async t => {
	const folder = await temporaryFolder(t);
	const options = {folder, fromEnvironment: undefined, isNeeded: true, random: systemRandom};
	const lost = await t.throwsAsync(loadMasterKey(options));
	t.true(isPjasError(lost, 'INVALID_CONFIGURATION'));
	await writeFile(path.join(folder, MASTER_KEY_FILE), 'short');
	t.true(isPjasError(await t.throwsAsync(loadMasterKey(options)), 'INVALID_CONFIGURATION'));
	const fromEnvironment = await t.throwsAsync(loadMasterKey({...options, fromEnvironment: 'zz'}));
	t.true(isPjasError(fromEnvironment, 'INVALID_CONFIGURATION'));
	t.false(fromEnvironment.message.includes('zz'));
	await t.notThrowsAsync(loadMasterKey({...options, fromEnvironment: 'ab'.repeat(32)}));
});

test('a worker works while it is busy, rests while idle, wakes when called, and survives a failure', async t => {
	const clock = manualClock();
	const steps: string[] = [];
	const plan = ['busy', 'busy', 'idle', 'fail', 'idle'];
	const worker = {
		name: 'tester',
		step() {
			const next = plan.shift() ?? 'idle';
			steps.push(next);
			return next === 'fail' ? Promise.reject(new Error('broken')) : Promise.resolve(next as 'busy' | 'idle');
		},
	};
	const running = runWorker(worker, {clock, log: silentLog, restMs: 1000});
	await clock.advance(0);
	t.deepEqual(steps, ['busy', 'busy', 'idle']);
	running.wake();
	await clock.advance(0);
	t.deepEqual(steps.slice(3), ['fail']);
	await clock.advance(1999);
	t.is(steps.length, 4);
	await clock.advance(1);
	t.is(steps.length, 5);
	await running.stop();
	await clock.advance(10_000);
	t.is(steps.length, 5);
	t.is(clock.sleepers(), 0);
});

test('the description of the API names every route, with schemas', t => {
	const description = openApi('1.2.3') as {paths: Record<string, Record<string, {responses: object}>>};
	t.truthy(description.paths['/api/files/{id}']?.['delete']);
	t.truthy(description.paths['/api/nodes/register']?.['post']?.responses);
	t.true(JSON.stringify(description).includes('file_id'));
});

test('a form at which the parser stands still is given up', async t => {
	const clock = manualClock();
	const body = `--x\r\nContent-Disposition: form-data; name="file"; filename="v"\r\n\r\na\r\n--x\r\n\r\n${'l'.repeat(1_000_000)}\r\n--x--\r\n`;
	const request = Object.assign(Readable.from([Buffer.from(body)], {objectMode: false}), {
		headers: {'content-type': 'multipart/form-data; boundary=x'},
		complete: true,
	});
	let taken = '';
	const take = async ({source}: FormFile) => {
		for await (const piece of source) taken += Buffer.from(piece).toString();
		return taken;
	};
	const form = t.throwsAsync(receiveForm(request as unknown as IncomingMessage, take, clock));
	for (let tries = 0; taken === '' && tries < 1000; tries++) await clock.advance(0);
	await clock.advance(20_000);
	t.true(isPjasError(await form, 'REQUEST_TIMEOUT'));
	t.is(clock.sleepers(), 0);
});
