import {createHash} from 'node:crypto';
import {readdir, readFile} from 'node:fs/promises';
import test from 'ava';
import fc from 'fast-check';
import type {Digest} from '../../source/protocol/ids.js';
import type {BatchedShard} from './shard-batch.js';
import {
	MOST_HEAD_BYTES,
	MOST_PACKED_SHARDS,
	packBytes,
	packHead,
	packHeadBytes,
	PACKED_SHARD_OVERHEAD_BYTES,
	packName,
	type PackParts,
	packSum,
	parsePackHead,
	parsePackName,
	placedInPack,
	readPackParts,
} from './shard-pack.js';

const id = 'ab'.repeat(32);
const digestOf = (text: string) => createHash('sha256').update(text).digest('hex') as Digest;
const shardOf = (text: string) => ({digest: digestOf(text), sizeBytes: text.length});

const shard = fc.record({
	digest: fc.uint8Array({minLength: 32, maxLength: 32}).map(bytes => Buffer.from(bytes).toString('hex') as Digest),
	sizeBytes: fc.integer({min: 0, max: 256 * 1024}),
});
const shards = fc.array(shard, {maxLength: MOST_PACKED_SHARDS});
const shortShard = shard.map(({digest, sizeBytes}) => ({digest, sizeBytes: sizeBytes % 1000}));
const parts = fc.array(fc.array(shortShard, {maxLength: 10}), {minLength: 1, maxLength: 12});

/** The bytes of a pack whose shards have nothing but zeros in them. */
const fileOf = (all: PackParts, before = id): Buffer => {
	const file = Buffer.alloc(packBytes(all));
	let at = 0;
	let sum = before;
	for (const part of all) {
		const next = packHead(part, sum);
		next.head.copy(file, at);
		at += packBytes([part]);
		sum = next.sum;
	}

	return file;
};

const read = (file: Buffer, as = id): {parts: BatchedShard[][]; sum: string} => {
	const reader = readPackParts(as);
	let step = reader.next();
	while (!step.done) step = reader.next(file.subarray(step.value, step.value + MOST_HEAD_BYTES));
	return step.value;
};

test('a pack is what the golden files say, byte for byte', async t => {
	const folder = new URL('../../../fixtures/node/pack/', import.meta.url);
	const goldens = [
		// As packs were before they could grow.
		{
			id: 'b87a8f202c84b73b94e8fcff8db2d7752d51e4f193d3bb1a69e742c5370d0389',
			before: '',
			parts: [['one', '', 'three']],
			removed: new Set([1]),
		},
		{id, before: id, parts: [['four', 'five'], ['six'], ['', 'seven']], removed: new Set([0, 4])},
	];
	const names: string[] = [];
	for (const {id: goldenId, before, parts: texts, removed} of goldens) {
		const all = texts.map(part => part.map(shardOf));
		const name = packName({id: goldenId, removed});
		names.push(name);
		const golden = await readFile(new URL(name, folder));
		const file = fileOf(all, before);
		const found = read(golden, goldenId);
		t.is(found.sum, packSum(before, all));
		const placed = placedInPack(found.parts).flat();
		for (const [index, text] of texts.flat().entries()) {
			const {digest, offset, sizeBytes} = placed[index] ?? {digest: '', offset: 0, sizeBytes: 0};
			t.is(digest, digestOf(text));
			t.is(golden.toString('utf8', offset, offset + sizeBytes), text);
			file.write(text, offset);
		}

		t.is(file.toString('hex'), golden.toString('hex'));
		t.deepEqual(parsePackName(name), {id: goldenId, removed});
	}

	t.deepEqual((await readdir(folder)).sort(), names.sort());
});

test('a name says which shards were removed, of as many as there may be', t => {
	t.is(packName({id, removed: new Set()}), `${id}.pack`);
	t.is(packName({id, removed: new Set([0, 2])}), `${id}.5.pack`);
	t.is(packName({id, removed: new Set([MOST_PACKED_SHARDS - 1])}), `${id}.8${'0'.repeat(31)}.pack`);
	fc.assert(
		fc.property(fc.uniqueArray(fc.nat(MOST_PACKED_SHARDS - 1)), places => {
			t.deepEqual(parsePackName(packName({id, removed: new Set(places)})), {
				id,
				removed: new Set(places.sort((a, b) => a - b)),
			});
		}),
	);
	for (const name of ['', 'pack', '.pack', id, `${id}.chunk`, `${id}..pack`, `${id}.0.pack`, `${id}.05.pack`]) {
		t.is(parsePackName(name), undefined, name);
	}

	for (const name of [
		`${id}.1${'0'.repeat(32)}.pack`,
		`${id}.A.pack`,
		`x${id}.pack`,
		`${id.slice(1)}.pack`,
		`${id}.pack.part`,
	]) {
		t.is(parsePackName(name), undefined, name);
	}
});

test('what is written into a head is read from it, whatever stands behind it', t => {
	fc.assert(
		fc.property(shards, fc.uint8Array({maxLength: 50}), (all, behind) => {
			const {sum, head} = packHead(all, id);
			t.is(head.length, packHeadBytes(all.length));
			if (all.length > 1) t.true(head.length <= all.length * PACKED_SHARD_OVERHEAD_BYTES);
			t.deepEqual(parsePackHead(Buffer.concat([head, behind]), id), {shards: all, sum});
			let end = head.length;
			for (const {offset, sizeBytes} of placedInPack([all]).flat()) {
				t.is(offset, end);
				end += sizeBytes;
			}

			t.is(packBytes([all]), end);
		}),
	);
});

test('a head in which any bit has changed is no head, nor is one behind another part', t => {
	const {head, sum} = packHead(['a', 'bc', 'd'].map(shardOf), id);
	for (let bit = 0; bit < 8 * head.length; bit++) {
		const changed = Buffer.from(head);
		changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
		t.is(parsePackHead(changed, id), undefined, `${bit}`);
	}

	t.is(parsePackHead(head, sum), undefined);
	t.is(parsePackHead(packHead([shardOf('e')], sum).head, id), undefined);
});

test('a head that is cut anywhere, or any other bytes, are no head', t => {
	const {head} = packHead(['a', 'bc'].map(shardOf), id);
	for (let end = 0; end < head.length; end++) t.is(parsePackHead(head.subarray(0, end), id), undefined);
	fc.assert(
		fc.property(fc.uint8Array({maxLength: 200}), bytes => {
			t.is(parsePackHead(bytes, id), undefined);
			t.is(parsePackHead(Buffer.concat([Buffer.from('PJASPACK'), bytes]), id), undefined);
		}),
	);
	const many = packHead(
		Array.from({length: MOST_PACKED_SHARDS + 1}, (_, index) => shardOf(String(index))),
		id,
	);
	t.is(parsePackHead(many.head, id), undefined, 'more than there may be');
});

test('of a pack that ends anywhere, or has other bytes anywhere, the parts before are read', t => {
	fc.assert(
		fc.property(parts, fc.nat(), fc.boolean(), (all, place, isCut) => {
			const file = fileOf(all);
			t.deepEqual(read(file), {parts: all, sum: packSum(id, all)});
			t.deepEqual(read(Buffer.concat([file, Buffer.alloc(100)])).parts, all);

			const at = place % file.length;
			const bounds = all.map((part, index) => {
				const begins = packBytes(all.slice(0, index));
				return {begins, ends: begins + packHeadBytes(part.length)};
			});
			if (!isCut) file[at] = (file[at] ?? 0) ^ 1;
			// A byte of a shard is no matter of the heads.
			const spoiled = bounds.findIndex(({begins, ends}) => at < ends && (isCut || at >= begins));
			const found = read(isCut ? file.subarray(0, at) : file).parts;
			t.deepEqual(found, spoiled === -1 ? all : all.slice(0, spoiled));
		}),
	);
});

test('a pack of another id has no parts, and none goes beyond as many shards as there may be', t => {
	const all = [['a'], ['b', 'c']].map(part => part.map(shardOf));
	t.deepEqual(read(fileOf(all), 'cd'.repeat(32)).parts, []);
	t.deepEqual(read(fileOf(all), packSum(id, all)).parts, []);
	const many = Array.from({length: MOST_PACKED_SHARDS / 2 + 1}, (_, index) => [
		shardOf(`${index}`),
		shardOf(`_${index}`),
	]);
	t.is(read(fileOf(many)).parts.flat().length, MOST_PACKED_SHARDS);
});
