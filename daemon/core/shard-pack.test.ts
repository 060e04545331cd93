import {createHash} from 'node:crypto';
import {readdir, readFile} from 'node:fs/promises';
import test from 'ava';
import fc from 'fast-check';
import type {Digest} from '../../source/protocol/ids.js';
import {
	MOST_PACKED_SHARDS,
	packHead,
	packHeadBytes,
	PACKED_SHARD_OVERHEAD_BYTES,
	packName,
	parsePackHead,
	parsePackName,
	placedInPack,
} from './shard-pack.js';

const digestOf = (text: string) => createHash('sha256').update(text).digest('hex') as Digest;
const shardOf = (text: string) => ({digest: digestOf(text), sizeBytes: text.length});

const shards = fc.array(
	fc.record({
		digest: fc.uint8Array({minLength: 32, maxLength: 32}).map(bytes => Buffer.from(bytes).toString('hex') as Digest),
		sizeBytes: fc.integer({min: 0, max: 256 * 1024}),
	}),
	{maxLength: MOST_PACKED_SHARDS},
);

test('a pack is what the golden file says, byte for byte', async t => {
	const texts = ['one', '', 'three'];
	const {id, head} = packHead(texts.map(shardOf));
	const folder = new URL('../../../fixtures/node/pack/', import.meta.url);
	const name = packName({id, removed: new Set([1])});
	t.deepEqual(await readdir(folder), [name]);
	const golden = await readFile(new URL(name, folder));
	t.is(Buffer.concat([head, ...texts.map(text => Buffer.from(text))]).toString('hex'), golden.toString('hex'));

	t.deepEqual(parsePackName(name), {id, removed: new Set([1])});
	const placed = placedInPack(parsePackHead(id, golden) ?? []);
	for (const [index, text] of texts.entries()) {
		const {digest, offset, sizeBytes} = placed[index] ?? {digest: '', offset: 0, sizeBytes: 0};
		t.is(digest, digestOf(text));
		t.is(golden.toString('utf8', offset, offset + sizeBytes), text);
	}
});

test('a name says which shards were removed, of as many as there may be', t => {
	const id = 'ab'.repeat(32);
	t.is(packName({id, removed: new Set()}), `${id}.pack`);
	t.is(packName({id, removed: new Set([0, 2])}), `${id}.5.pack`);
	t.is(packName({id, removed: new Set([MOST_PACKED_SHARDS - 1])}), `${id}.80000000.pack`);
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
		`${id}.100000000.pack`,
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
			const {id, head} = packHead(all);
			t.is(head.length, packHeadBytes(all.length));
			if (all.length > 1) t.true(head.length <= all.length * PACKED_SHARD_OVERHEAD_BYTES);
			t.deepEqual(parsePackHead(id, Buffer.concat([head, behind])), all);
			let end = head.length;
			for (const {offset, sizeBytes} of placedInPack(all)) {
				t.is(offset, end);
				end += sizeBytes;
			}
		}),
	);
});

test('a head in which any bit has changed is no head, nor is one under another id', t => {
	const {id, head} = packHead(['a', 'bc', 'd'].map(shardOf));
	for (let bit = 0; bit < 8 * head.length; bit++) {
		const changed = Buffer.from(head);
		changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
		t.is(parsePackHead(id, changed), undefined, `${bit}`);
	}

	t.is(parsePackHead('ab'.repeat(32), head), undefined);
});

test('a head that is cut anywhere, or any other bytes, are no head', t => {
	const {id, head} = packHead(['a', 'bc'].map(shardOf));
	for (let end = 0; end < head.length; end++) t.is(parsePackHead(id, head.subarray(0, end)), undefined);
	fc.assert(
		fc.property(fc.uint8Array({maxLength: 200}), bytes => {
			t.is(parsePackHead(id, bytes), undefined);
			t.is(parsePackHead(id, Buffer.concat([Buffer.from('PJASPACK'), bytes])), undefined);
		}),
	);
	const many = packHead(Array.from({length: MOST_PACKED_SHARDS + 1}, (_, index) => shardOf(String(index))));
	t.is(parsePackHead(many.id, many.head), undefined, 'more than there may be');
});
