import {createHash} from 'node:crypto';
import {readFile} from 'node:fs/promises';
import test from 'ava';
import fc from 'fast-check';
import type {Digest} from '../../source/protocol/ids.js';
import {
	MOST_PACKED_SHARDS,
	packHead,
	packHeadBytes,
	PACKED_SHARD_OVERHEAD_BYTES,
	parsePackHead,
	REMOVED,
	removedAt,
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
	const pack = Buffer.concat([packHead(texts.map(shardOf)), ...texts.map(text => Buffer.from(text))]);
	pack.set(REMOVED, removedAt(3, 1));
	const golden = await readFile(new URL('../../../fixtures/node/pack/0000000001.pack', import.meta.url));
	t.is(pack.toString('hex'), golden.toString('hex'));

	const read = parsePackHead(golden) ?? [];
	t.deepEqual(
		read.map(({isRemoved}) => isRemoved),
		[false, true, false],
	);
	for (const [index, text] of texts.entries()) {
		const {digest, offset, sizeBytes} = read[index] ?? {digest: '', offset: 0, sizeBytes: 0};
		t.is(digest, digestOf(text));
		t.is(golden.toString('utf8', offset, offset + sizeBytes), text);
	}
});

test('what is written into a head is read from it, whatever stands behind it', t => {
	fc.assert(
		fc.property(shards, fc.uint8Array({maxLength: 50}), (all, behind) => {
			const head = packHead(all);
			t.is(head.length, packHeadBytes(all.length));
			if (all.length > 1) t.true(head.length <= all.length * PACKED_SHARD_OVERHEAD_BYTES);
			const read = parsePackHead(Buffer.concat([head, behind])) ?? [];
			t.deepEqual(
				read.map(({digest, sizeBytes}) => ({digest, sizeBytes})),
				all,
			);
			let offset = head.length;
			for (const each of read) {
				t.is(each.offset, offset);
				t.false(each.isRemoved);
				offset += each.sizeBytes;
			}
		}),
	);
});

test('a head in which any bit has changed is no head, but for those that say what was removed', t => {
	const head = packHead(['a', 'bc', 'd'].map(shardOf));
	for (let at = 0; at < head.length; at++) {
		for (const bit of [1, 16, 128]) {
			const changed = Buffer.from(head);
			changed[at] = (changed[at] ?? 0) ^ bit;
			const read = parsePackHead(changed);
			if (at < removedAt(3, 0)) t.is(read, undefined, `${at}`);
			else t.deepEqual(read?.map(({isRemoved}) => isRemoved).indexOf(true), at - removedAt(3, 0));
		}
	}
});

test('a head that is cut anywhere, or any other bytes, are no head', t => {
	const head = packHead(['a', 'bc'].map(shardOf));
	for (let end = 0; end < head.length; end++) t.is(parsePackHead(head.subarray(0, end)), undefined);
	fc.assert(
		fc.property(fc.uint8Array({maxLength: 200}), bytes => {
			t.is(parsePackHead(bytes), undefined);
			t.is(parsePackHead(Buffer.concat([Buffer.from('PJASPACK'), bytes])), undefined);
		}),
	);
	const many = Array.from({length: MOST_PACKED_SHARDS + 1}, (_, index) => shardOf(String(index)));
	t.is(parsePackHead(packHead(many)), undefined, 'more than there may be');
});
