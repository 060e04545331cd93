import {randomBytes} from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import {MAX_SHARD_BYTES} from '../core/limits.js';
import type {ChunkId} from '../../source/protocol/ids.js';
import {SEAL_TAG_BYTES} from '../../source/protocol/seal.js';
import {createChunkCache} from './chunk-cache.js';
import {createMemoryBudget, type Lease} from './memory-budget.js';
import {sealInPlace} from './sealer.js';

const key = randomBytes(32);
const place = {key, index: 0, isLast: true};
const idOf = (number: number) => `${number}` as ChunkId;

/** A sealed chunk in a buffer that knows whether it was given back. */
const sealedChunk = async (sizeBytes: number, sealedWith = place) => {
	const bytes = Buffer.alloc(sizeBytes + SEAL_TAG_BYTES);
	const plain = randomBytes(sizeBytes);
	bytes.set(plain);
	const {sealed} = await sealInPlace(bytes, sizeBytes, sealedWith);
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
	const kept = cache.keepPlain(idOf(1), {bytes, release: () => back++});
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

test('whatever is kept, read and lent, nobody waits for memory that is only kept, and all of it comes back', async t => {
	const step = fc.record({
		deed: fc.constantFrom('write', 'read', 'end', 'lend', 'return'),
		id: fc.nat(5),
		sizeBytes: fc.constantFrom(1, 1000, 512 * 1024, MAX_SHARD_BYTES),
	});
	await fc.assert(
		fc.asyncProperty(fc.array(step, {maxLength: 60}), async steps => {
			const limit = 2 * MAX_SHARD_BYTES;
			const cache = createChunkCache(limit);
			const budget = createMemoryBudget(limit, cache.giveBack);
			const [lent, read]: [Lease[], {release: () => void}[]] = [[], []];
			for (const {deed, id, sizeBytes} of steps) {
				if (deed === 'write') {
					const lease = budget.tryAcquire(sizeBytes + SEAL_TAG_BYTES);
					if (lease && sizeBytes < MAX_SHARD_BYTES) {
						const {sealed} = await sealInPlace(lease.bytes, sizeBytes, place);
						cache.keepSealed(idOf(id), sealed, lease);
					} else lease?.release();
				} else if (deed === 'read') {
					const chunk = cache.take(idOf(id), place);
					if (chunk) read.push(chunk);
				} else if (deed === 'lend') {
					const lease = budget.tryAcquire(sizeBytes);
					if (lease) lent.push(lease);
				} else (deed === 'end' ? read : lent).shift()?.release();
				t.true(budget.usedBytes() <= limit);
			}

			for (const {release} of [...lent, ...read]) release();
			t.is(budget.usedBytes(), cache.usedBytes());
			const all = await budget.acquire(limit);
			t.is(cache.usedBytes(), 0);
			all.release();
			t.is(budget.usedBytes(), 0);
		}),
		{numRuns: 50},
	);
	t.pass();
});
