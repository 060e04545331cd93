import {randomBytes} from 'node:crypto';
import {setImmediate} from 'node:timers/promises';
import test from 'ava';
import fc from 'fast-check';
import {MAX_SHARD_BYTES} from '../core/limits.js';
import type {ChunkId} from '../../source/protocol/ids.js';
import {SEAL_TAG_BYTES} from '../../source/protocol/seal.js';
import {startTestNetwork} from '../testing/network.js';
import {bytesOf, download, same, upload} from '../testing/requests.js';
import {createChunkCache} from './chunk-cache.js';
import {createMemoryBudget, type Lease, type MemoryBudget} from './memory-budget.js';
import {createSealer} from './sealer.js';

const key = randomBytes(32);
const place = {key, index: 0, isLast: true};
const idOf = (number: number) => `${number}` as ChunkId;

/** A sealed chunk in a buffer that knows whether it was given back. */
const sealedChunk = async (sizeBytes: number, sealedWith = place) => {
	const bytes = Buffer.alloc(sizeBytes + SEAL_TAG_BYTES);
	const plain = randomBytes(sizeBytes);
	bytes.set(plain);
	const {sealed} = await createSealer(bytes, sealedWith).finish(sizeBytes, sealedWith);
	const given = {back: 0};
	const lease: Lease = {bytes, release: () => given.back++};
	return {plain, sealed, lease, given};
};

test('a chunk that was written is opened for the first who reads it, and there for the next', async t => {
	const cache = createChunkCache(10_000);
	const {plain, sealed, lease, given} = await sealedChunk(1000);
	cache.keepSealed(idOf(1), sealed, lease);
	t.is(cache.usedBytes(), 1016);
	const [first, second] = [cache.take(idOf(1), place), cache.take(idOf(1), place)];
	t.deepEqual(Buffer.from(first?.bytes ?? []), plain);
	t.is(second?.bytes, first?.bytes);
	t.is(cache.take(idOf(2), place), undefined);
	t.is(given.back, 0);
});

test('a chunk that somebody read is kept for the next', t => {
	const cache = createChunkCache(10_000);
	let back = 0;
	const bytes = Buffer.from(new ArrayBuffer(100));
	const kept = cache.keepPlain(idOf(1), {bytes, release: () => back++, bufferBytes: bytes.length});
	t.is(cache.take(idOf(1), place)?.bytes, bytes);
	kept.release();
	t.is(back, 0);
	cache.giveBack(1);
	t.is(back, 0, 'somebody reads it still');
	t.is(cache.usedBytes(), 0);
	t.is(cache.take(idOf(1), place), undefined);
});

test('what does not open is given back and not told', async t => {
	const cache = createChunkCache(10_000);
	const {sealed, lease, given} = await sealedChunk(1000);
	cache.keepSealed(idOf(1), sealed, lease);
	t.is(cache.take(idOf(1), {...place, index: 1}), undefined);
	t.is(given.back, 1);
	t.is(cache.usedBytes(), 0);
});

test('what was not read for the longest time goes first, and what is read when that ends', async t => {
	const cache = createChunkCache(3048);
	const chunks = await Promise.all(Array.from({length: 4}, async () => sealedChunk(1000)));
	const [one, two, three, four] = chunks;
	for (const [index, chunk] of [one, two, three].entries()) {
		if (chunk) cache.keepSealed(idOf(index), chunk.sealed, chunk.lease);
	}

	const reading = cache.take(idOf(0), place);
	if (four) cache.keepSealed(idOf(3), four.sealed, four.lease);
	t.deepEqual(
		chunks.map(({given}) => given.back),
		[0, 1, 0, 0],
	);
	cache.giveBack(2000);
	t.deepEqual(
		chunks.map(({given}) => given.back),
		[0, 1, 1, 1],
		'the one that is read gives nothing yet',
	);
	reading?.release();
	reading?.release();
	t.is(one?.given.back, 1);
	t.is(cache.usedBytes(), 0);
});

test('large chunks, those that are there already, and any where nothing may be kept, are given back at once', async t => {
	const large = await sealedChunk(1024 * 1024);
	const [first, again, none] = [await sealedChunk(10), await sealedChunk(10), await sealedChunk(10)];
	const cache = createChunkCache(MAX_SHARD_BYTES);
	cache.keepSealed(idOf(1), large.sealed, large.lease);
	cache.keepSealed(idOf(2), first.sealed, first.lease);
	cache.keepSealed(idOf(2), again.sealed, again.lease);
	createChunkCache(0).keepSealed(idOf(1), none.sealed, none.lease);
	t.deepEqual(
		[large, first, again, none].map(({given}) => given.back),
		[1, 0, 1, 1],
	);
});

test('who waits for memory has it as soon as others end, who keep nothing meanwhile', async t => {
	for (const ends of ['written', 'read'] as const) {
		const cache = createChunkCache(MAX_SHARD_BYTES, () => budget.waiting() > 0);
		const budget: MemoryBudget = createMemoryBudget(MAX_SHARD_BYTES, cache.giveBack);
		const small = await budget.acquire(1000 + SEAL_TAG_BYTES);
		const waiting = budget.acquire(MAX_SHARD_BYTES);
		if (ends === 'written') {
			const {sealed} = await createSealer(small.bytes, place).finish(1000, place);
			cache.keepSealed(idOf(1), sealed, small);
		} else cache.keepPlain(idOf(1), {...small, bufferBytes: small.bytes.length}).release();
		(await waiting).release();
		t.is(cache.usedBytes(), 0, ends);
	}
});

test('whatever is kept, read, lent and waited for, all who wait are served once, and all of it comes back', async t => {
	const step = fc.record({
		deed: fc.constantFrom('write', 'read', 'end', 'lend', 'return'),
		id: fc.nat(5),
		sizeBytes: fc.constantFrom(1, 1000, 256 * 1024, MAX_SHARD_BYTES),
	});
	await fc.assert(
		fc.asyncProperty(fc.array(step, {maxLength: 60}), async steps => {
			const limit = 2 * MAX_SHARD_BYTES;
			const cache = createChunkCache(limit, () => budget.waiting() > 0);
			const budget: MemoryBudget = createMemoryBudget(limit, cache.giveBack);
			const [lent, read]: [Lease[], {release: () => void}[]] = [[], []];
			let [asked, served] = [0, 0];
			const ask = (sizeBytes: number, then: (lease: Lease) => unknown) => {
				asked++;
				void budget.acquire(sizeBytes).then(async lease => {
					served++;
					await then(lease);
				});
			};
			for (const {deed, id, sizeBytes} of steps) {
				if (deed === 'write') {
					ask(Math.min(sizeBytes, 256 * 1024) + SEAL_TAG_BYTES, async lease => {
						const {sealed} = await createSealer(lease.bytes, place).finish(lease.bytes.length - SEAL_TAG_BYTES, place);
						cache.keepSealed(idOf(id), sealed, lease);
					});
				} else if (deed === 'read') {
					const chunk = cache.take(idOf(id), place);
					if (chunk) read.push(chunk);
				} else if (deed === 'lend') ask(sizeBytes, lease => lent.push(lease));
				else (deed === 'end' ? read : lent).shift()?.release();
				await setImmediate();
				t.true(budget.usedBytes() <= limit);
			}

			while (lent.length + read.length > 0) {
				for (const {release} of [...lent.splice(0), ...read.splice(0)]) release();
				await setImmediate();
			}

			t.is(served, asked);
			t.is(budget.usedBytes(), cache.usedBytes());
			(await budget.acquire(limit)).release();
			t.is(cache.usedBytes(), 0);
			t.is(budget.usedBytes(), 0);
		}),
		{numRuns: 50},
	);
});

test('what was uploaded in a form or by tus is asked of no node, and what was read once of none again', async t => {
	const network = await startTestNetwork(t, {more: {cacheBytes: 1_000_000}});
	const {url, nodes} = network;
	const bytes = bytesOf(1000);
	const form = await upload(t, url, bytes);
	const begun = await fetch(`${url}/api/uploads`, {
		method: 'POST',
		headers: {
			'Tus-Resumable': '1.0.0',
			'Upload-Length': String(bytes.length),
			'Upload-Metadata': `filename ${Buffer.from('a.bin').toString('base64')}`,
			'Content-Type': 'application/offset+octet-stream',
		},
		body: bytes,
	});
	t.is(begun.status, 201);
	const tus = begun.headers.get('location')?.split('/').at(-1) ?? '';
	const readsOf = async (id: string) => {
		same(t, (await download(url, id)).bytes, bytes);
		return nodes.flatMap(({reads}) => reads).length;
	};
	t.is(await readsOf(form), 0);
	t.is(await readsOf(tus), 0);

	// Others come in between, and push these two out.
	for (let count = 0; count < 3; count++) await upload(t, url, bytesOf(400_000));
	t.is(await readsOf(form), 1);
	t.is(await readsOf(form), 1);
});
