import {createHash, randomBytes} from 'node:crypto';
import type {ExecutionContext, TestFn} from 'ava';
import fc from 'fast-check';
import {isPjasError, type ErrorCode} from '../../source/protocol/errors.js';
import type {Digest} from '../../source/protocol/ids.js';
import {answerTo, drawChallenge} from '../core/challenge.js';
import {MAX_SHARD_BYTES} from '../core/limits.js';
import type {ShardStore} from './shard-store.js';

/** Opens an empty store. What it holds open is given back through `t.teardown`. */
export type OpenStore = (t: ExecutionContext) => Promise<ShardStore>;

export type SuiteOptions = {
	/** False for a store that cannot remove: `remove` throws `OPERATION_UNSUPPORTED`. */
	removes?: boolean;
	/** False for a store that cannot list: `list` throws `OPERATION_UNSUPPORTED`. */
	lists?: boolean;
	/** Changes a byte of a shard behind the store's back, where the test can. */
	tamper?: (store: ShardStore, digest: Digest) => Promise<void>;
	/** How many random histories are played against the model. */
	histories?: number;
};

export const digestOf = (body: Uint8Array): Digest => createHash('sha256').update(body).digest('hex') as Digest;

const collect = async (digests: AsyncIterable<Digest>): Promise<Digest[]> => {
	const all: Digest[] = [];
	for await (const digest of digests) all.push(digest);
	return all;
};

const refused = async (t: ExecutionContext, code: ErrorCode, act: () => Promise<unknown>): Promise<void> => {
	const error = await t.throwsAsync(act);
	t.true(isPjasError(error, code), `${code} was to be thrown, not ${String(error)}`);
};

/** What every `ShardStore` does, whatever it is made of. */
export const shardStoreSuite = (
	test: TestFn,
	name: string,
	open: OpenStore,
	{removes = true, lists = true, tamper, histories = 25}: SuiteOptions = {},
): void => {
	const title = (sentence: string) => `${name}: ${sentence}`;

	for (const sizeBytes of [0, 1, 4095, 4096, 4097, 65_536, 300_000, MAX_SHARD_BYTES]) {
		test(title(`a shard of ${sizeBytes} bytes comes back as it went in`), async t => {
			const store = await open(t);
			const body = randomBytes(sizeBytes);
			const digest = digestOf(body);

			t.is(await store.stat(digest), undefined);
			await store.put(digest, body);
			t.deepEqual(await store.stat(digest), {sizeBytes});
			t.is(Buffer.compare(await store.get(digest), body), 0);
			t.true(await store.verify(digest));
			for (const float of [() => 0, Math.random, () => 1 - 2 ** -53]) {
				const challenge = drawChallenge(sizeBytes, {bytes: randomBytes, float});
				t.is(await store.prove(digest, challenge), answerTo(challenge, body));
			}
		});
	}

	test(title('a proof is of just the bytes that are asked for, and of the nonce'), async t => {
		const store = await open(t);
		const body = randomBytes(200_000);
		const digest = digestOf(body);
		await store.put(digest, body);
		const nonce = 'ab'.repeat(32);
		const ranges = [
			[0, 0],
			[0, 1],
			[199_999, 1],
			[200_000, 0],
			[65_535, 65_538],
			[0, 200_000],
		] as const;
		for (const [offset, length] of ranges) {
			const expected = createHash('sha256')
				.update(Buffer.from(nonce, 'hex'))
				.update(body.subarray(offset, offset + length));
			t.is(await store.prove(digest, {nonce, offset, length}), expected.digest('hex'));
		}

		const whole = {offset: 0, length: 200_000};
		t.not(await store.prove(digest, {nonce, ...whole}), await store.prove(digest, {nonce: 'ba'.repeat(32), ...whole}));
		await refused(t, 'SHARD_CORRUPT', async () => store.prove(digest, {nonce, offset: 1, length: 200_000}));
	});

	test(title('a shard that is there already is put again with success'), async t => {
		const store = await open(t);
		const body = randomBytes(1000);
		const digest = digestOf(body);
		await store.put(digest, body);
		await store.put(digest, body);
		t.is(Buffer.compare(await store.get(digest), body), 0);
		if (lists) t.deepEqual(await collect(store.list()), [digest]);
	});

	test(title('two puts of one shard at once are both right'), async t => {
		const store = await open(t);
		const body = randomBytes(300_000);
		const digest = digestOf(body);
		await Promise.all(Array.from({length: 5}, async () => store.put(digest, body)));
		t.is(Buffer.compare(await store.get(digest), body), 0);
		if (lists) t.deepEqual(await collect(store.list()), [digest]);
	});

	test(title('the store keeps its own bytes, whatever becomes of those it was given'), async t => {
		const store = await open(t);
		const body = randomBytes(1000);
		const kept = Buffer.from(body);
		const digest = digestOf(body);
		await store.put(digest, body);
		body.fill(0);
		const got = await store.get(digest);
		t.is(Buffer.compare(got, kept), 0);
		got.fill(0);
		t.is(Buffer.compare(await store.get(digest), kept), 0);
	});

	test(title('a body that is not what its name says is refused and leaves nothing'), async t => {
		const store = await open(t);
		const digest = digestOf(randomBytes(100));
		for (const sizeBytes of [0, 100, 300_000]) {
			await refused(t, 'DIGEST_MISMATCH', async () => store.put(digest, randomBytes(sizeBytes)));
		}

		t.is(await store.stat(digest), undefined);
		await refused(t, 'SHARD_NOT_FOUND', async () => store.get(digest));
		if (lists) t.deepEqual(await collect(store.list()), []);
	});

	test(title('a body beyond the largest shard is refused'), async t => {
		const store = await open(t);
		const body = Buffer.alloc(MAX_SHARD_BYTES + 1, 7);
		const digest = digestOf(body);
		await refused(t, 'BODY_TOO_LARGE', async () => store.put(digest, body));
		t.is(await store.stat(digest), undefined);
	});

	test(title('what is not there is not found'), async t => {
		const store = await open(t);
		const digest = digestOf(randomBytes(10));
		t.is(await store.stat(digest), undefined);
		await refused(t, 'SHARD_NOT_FOUND', async () => store.get(digest));
		await refused(t, 'SHARD_NOT_FOUND', async () => store.verify(digest));
		const challenge = {nonce: '0'.repeat(64), offset: 0, length: 1};
		await refused(t, 'SHARD_NOT_FOUND', async () => store.prove(digest, challenge));
	});

	test(title('bytes are put where the caller wants them, and never beyond'), async t => {
		const store = await open(t);
		const body = randomBytes(70_000);
		const digest = digestOf(body);
		await store.put(digest, body);

		const room = new Uint8Array(100_000).fill(9);
		const view = await store.get(digest, {into: room.subarray(1000, 99_000)});
		t.is(view.buffer, room.buffer);
		t.is(view.byteOffset, 1000);
		t.is(Buffer.compare(view, body), 0);
		t.true(room.subarray(0, 1000).every(byte => byte === 9) && room.subarray(71_000).every(byte => byte === 9));

		const exact = await store.get(digest, {into: new Uint8Array(70_000)});

		const arriving = new Uint8Array(70_000);
		let toldBytes = 0;
		const isFilled: boolean[] = [];
		const onFilled = (filledBytes: number) => {
			const piece = arriving.subarray(toldBytes, filledBytes);
			isFilled.push(piece.length > 0 && Buffer.from(piece).equals(body.subarray(toldBytes, filledBytes)));
			piece.fill(0);
			toldBytes = filledBytes;
		};
		await store.get(digest, {into: arriving, onFilled});
		t.true(isFilled.every(Boolean));
		t.deepEqual(arriving.subarray(0, toldBytes), new Uint8Array(toldBytes), 'what was told of is written once');
		t.is(Buffer.compare(exact, body), 0);

		const small = new Uint8Array(100_000).fill(9);
		const error = await t.throwsAsync(async () => store.get(digest, {into: small.subarray(0, 69_999)}));
		t.true(isPjasError(error), String(error));
		t.true(small.subarray(69_999).every(byte => byte === 9));
	});

	test(title('an aborted call rejects with the reason of its signal and the store goes on'), async t => {
		const store = await open(t);
		const body = randomBytes(500_000);
		const digest = digestOf(body);
		const reason = new Error('enough');
		const signal = AbortSignal.abort(reason);

		t.is(await t.throwsAsync(async () => store.put(digest, body, {signal})), reason);
		t.is(await store.stat(digest), undefined);
		await store.put(digest, body);
		t.is(await t.throwsAsync(async () => store.get(digest, {signal})), reason);
		t.is(await t.throwsAsync(async () => store.stat(digest, {signal})), reason);
		t.is(await t.throwsAsync(async () => store.verify(digest, {signal})), reason);
		const challenge = {nonce: '0'.repeat(64), offset: 0, length: 1};
		t.is(await t.throwsAsync(async () => store.prove(digest, challenge, {signal})), reason);
		if (removes) t.is(await t.throwsAsync(async () => store.remove(digest, {signal})), reason);
		if (lists) t.is(await t.throwsAsync(async () => collect(store.list(undefined, {signal}))), reason);
		t.is(Buffer.compare(await store.get(digest), body), 0);
	});

	test(title('a put that is aborted on its way is there whole or not at all'), async t => {
		const store = await open(t);
		const body = randomBytes(2_000_000);
		const digest = digestOf(body);
		for (let turns = 0; turns < 8; turns++) {
			const controller = new AbortController();
			const reason = new Error(`after ${turns} turns`);
			const put = store.put(digest, body, {signal: controller.signal}).then(
				() => 'kept',
				(error: unknown) => error,
			);
			for (let turn = 0; turn < turns; turn++) await new Promise(resolve => setImmediate(resolve));
			controller.abort(reason);
			const outcome = await put;
			t.true(outcome === 'kept' || outcome === reason, String(outcome));
			const found = await store.stat(digest);
			if (outcome === 'kept') t.deepEqual(found, {sizeBytes: body.length});
			if (found) {
				t.is(Buffer.compare(await store.get(digest), body), 0);
				if (removes) await store.remove(digest);
			}
		}

		await store.put(digest, body);
		t.is(Buffer.compare(await store.get(digest), body), 0);
	});

	if (removes) {
		test(title('a removed shard is gone, and to remove it again is a success'), async t => {
			const store = await open(t);
			const body = randomBytes(1000);
			const digest = digestOf(body);
			await store.remove(digest);
			await store.put(digest, body);
			await store.remove(digest);
			await store.remove(digest);
			t.is(await store.stat(digest), undefined);
			await refused(t, 'SHARD_NOT_FOUND', async () => store.get(digest));
			if (lists) t.deepEqual(await collect(store.list()), []);
			await store.put(digest, body);
			t.is(Buffer.compare(await store.get(digest), body), 0);
		});
	} else {
		test(title('it cannot remove, and says so'), async t => {
			const store = await open(t);
			const body = randomBytes(1000);
			const digest = digestOf(body);
			await store.put(digest, body);
			await refused(t, 'OPERATION_UNSUPPORTED', async () => store.remove(digest));
			t.is(Buffer.compare(await store.get(digest), body), 0);
		});
	}

	if (lists) {
		test(title('the listing is in order and goes on after any digest'), async t => {
			const store = await open(t);
			t.deepEqual(await collect(store.list()), []);

			const bodies = Array.from({length: 40}, (_, index) => Buffer.from(`shard ${index}`));
			await Promise.all(bodies.map(async body => store.put(digestOf(body), body)));
			const sorted = bodies.map(digestOf).sort();
			t.deepEqual(await collect(store.list()), sorted);
			for (const [index, digest] of sorted.entries()) {
				t.deepEqual(await collect(store.list(digest)), sorted.slice(index + 1));
			}

			const tenth = sorted[10] ?? '';
			const between = `${tenth.slice(0, 63)}${tenth.endsWith('f') ? 'e' : 'f'}` as Digest;
			t.deepEqual(
				await collect(store.list(between)),
				sorted.filter(digest => digest > between),
			);
			t.deepEqual(await collect(store.list('f'.repeat(64) as Digest)), []);
		});

		test(title('a listing can be left in the middle'), async t => {
			const store = await open(t);
			const bodies = Array.from({length: 5}, (_, index) => Buffer.from(`shard ${index}`));
			await Promise.all(bodies.map(async body => store.put(digestOf(body), body)));
			const seen: Digest[] = [];
			for await (const digest of store.list()) {
				seen.push(digest);
				if (seen.length === 2) break;
			}

			t.deepEqual(seen, bodies.map(digestOf).sort().slice(0, 2));
		});
	} else {
		test(title('it cannot list, and says so'), async t => {
			const store = await open(t);
			await refused(t, 'OPERATION_UNSUPPORTED', async () => collect(store.list()));
		});
	}

	if (tamper) {
		test(title('a shard that has gone wrong is found by verify and is out of the store afterwards'), async t => {
			const store = await open(t);
			const body = randomBytes(100_000);
			const digest = digestOf(body);
			await store.put(digest, body);
			await tamper(store, digest);
			t.false(await store.verify(digest));
			t.is(await store.stat(digest), undefined);
			await refused(t, 'SHARD_NOT_FOUND', async () => store.get(digest));
			await refused(t, 'SHARD_NOT_FOUND', async () => store.verify(digest));
			if (lists) t.deepEqual(await collect(store.list()), []);

			await store.put(digest, body);
			t.true(await store.verify(digest));
		});
	}

	test(title('any history leaves what a map would hold'), async t => {
		const bodies = [...[0, 1, 2, 3].map(index => Buffer.from(`body ${index}`)), Buffer.alloc(0), randomBytes(270_000)];
		const digests = bodies.map(digestOf);
		const shards = bodies.map(body => ({digest: digestOf(body), body}));
		const verbs = [
			'put',
			'get',
			'stat',
			'verify',
			'wrong',
			...(removes ? ['remove', 'remove'] : []),
			...(lists ? ['list'] : []),
		];
		const step = fc.record({verb: fc.constantFrom(...verbs), shard: fc.constantFrom(...shards)});
		type Step = {verb: string; shard: {digest: Digest; body: Buffer}};

		await fc.assert(
			fc.asyncProperty(fc.array(fc.array(step, {minLength: 1, maxLength: 3}), {maxLength: 12}), async history => {
				const store = await open(t);
				const model = new Map<Digest, Buffer>();

				const play = async ({verb, shard: {digest, body}}: Step): Promise<void> => {
					const expected = model.get(digest);
					if (verb === 'put') {
						model.set(digest, body);
						await store.put(digest, body);
					} else if (verb === 'wrong') {
						const outcome: unknown = await store.put(digest, Buffer.from('no body')).catch((error: unknown) => error);
						// A store that has the shard may say so before it looks at the body.
						if (!isPjasError(outcome, 'DIGEST_MISMATCH') && !(expected && outcome === undefined))
							throw new Error('kept');
					} else if (verb === 'get') {
						const got = await store.get(digest).catch((error: unknown) => error);
						const right = expected
							? got instanceof Uint8Array && Buffer.compare(got, expected) === 0
							: isPjasError(got, 'SHARD_NOT_FOUND');
						if (!right) throw new Error(`get: ${String(got)}`);
					} else if (verb === 'stat') {
						const found = await store.stat(digest);
						if (found?.sizeBytes !== expected?.length) throw new Error(`stat: ${String(found?.sizeBytes)}`);
					} else if (verb === 'verify') {
						const verdict: unknown = await store.verify(digest).catch((error: unknown) => error);
						if (expected ? verdict !== true : !isPjasError(verdict, 'SHARD_NOT_FOUND')) throw new Error('verify');
					} else if (verb === 'remove') {
						model.delete(digest);
						await store.remove(digest);
					} else {
						const listed = await collect(store.list(digest));
						const right = [...model.keys()].filter(key => key > digest).sort();
						if (listed.join() !== right.join()) throw new Error(`list: ${listed.join()}, not ${right.join()}`);
					}
				};

				// Steps on different shards run at once; a listing, and steps on one shard, one after the other.
				for (const steps of history) {
					const apart = new Set(steps.map(({shard}) => shard)).size === steps.length;
					if (apart && steps.every(({verb}) => verb !== 'list')) await Promise.all(steps.map(play));
					else for (const one of steps) await play(one);
				}

				const left = await Promise.all(digests.map(async digest => (await store.stat(digest))?.sizeBytes));
				const right = digests.map(digest => model.get(digest)?.length);
				if (left.join() !== right.join()) throw new Error(`left ${left.join()}, not ${right.join()}`);
			}),
			{numRuns: histories},
		);
		t.pass();
	});
};
