import test from 'ava';
import * as fc from 'fast-check';
import type {Document} from './catalog-documents.js';
import {KeptDocuments} from './kept-documents.js';
import {createChunkPacker} from './packed-chunks.js';

const hex = (length: number) =>
	fc
		.array(fc.integer({min: 0, max: 15}), {minLength: length, maxLength: length})
		.map(digits => digits.map(digit => digit.toString(16)).join(''));
const ids = fc.tuple(hex(32), fc.nat(99_999_999));
const times = fc.oneof(fc.nat(), fc.constant(1_700_000_000_000), fc.double({noNaN: true, noDefaultInfinity: true}));

const shardsOf = (digest: string) =>
	fc.array(
		fc.record(
			{
				digest: fc.constant(digest),
				node: hex(32).map(id => `pjas-${id}`),
				verifiedAt: times,
				fault: fc.record({kind: fc.constantFrom('missing', 'corrupt'), at: times}),
			},
			{requiredKeys: ['digest', 'node', 'verifiedAt']},
		),
		{minLength: 1, maxLength: 16},
	);

const chunks: fc.Arbitrary<Document> = fc.tuple(ids, hex(64)).chain(([[file, index], digest]) =>
	fc.record(
		{
			_id: fc.constant(`c/${file}:${String(index).padStart(8, '0')}`),
			is: fc.constant('chunk' as const),
			file: fc.constant(file),
			index: fc.constant(index),
			sizeBytes: fc.nat(),
			sha256: fc.uint8Array({minLength: 32, maxLength: 32}).map(bytes => Buffer.from(bytes).toString('base64url')),
			scheme: fc.integer({min: 1, max: 255}).map(wanted => `replicas:${wanted}`),
			shards: shardsOf(digest),
			revision: fc.nat(),
		},
		{requiredKeys: ['_id', 'is', 'file', 'index', 'sizeBytes', 'scheme', 'shards', 'revision']},
	),
);

test('a chunk that is packed comes back as it was, however many of other chunks are packed besides', t => {
	const {pack, unpack} = createChunkPacker();
	fc.assert(
		fc.property(fc.array(chunks, {minLength: 1, maxLength: 5}), all => {
			const packed = all.map(chunk => pack(chunk));
			for (const [at, chunk] of all.entries()) {
				const one = packed[at];
				t.not(one, undefined);
				if (one !== undefined) t.deepEqual(unpack(chunk._id, one), chunk);
			}
		}),
	);
});

const plain = (): Document & {shards: Record<string, unknown>[]} => ({
	_id: `c/${'0'.repeat(32)}:00000001`,
	is: 'chunk',
	file: '0'.repeat(32),
	index: 1,
	sizeBytes: 5,
	sha256: Buffer.alloc(32, 7).toString('base64url'),
	scheme: 'replicas:3',
	shards: [1, 2].map(node => ({digest: 'ab'.repeat(32), node: `node ${node}`, verifiedAt: node})),
	revision: 1,
});

const others: Record<string, (document: ReturnType<typeof plain>) => Document> = {
	'a field that this version does not know': chunk => ({...chunk, colour: 'red'}),
	'a shard with one': ({shards: [shard], ...chunk}) => ({...chunk, shards: [{...shard, colour: 'red'}]}),
	'a fault with one': ({shards: [shard], ...chunk}) => {
		const fault = {kind: 'missing', at: 1, colour: 'red'};
		return {...chunk, shards: [{...shard, fault}]};
	},
	'a fault of another kind': ({shards: [shard], ...chunk}) => ({
		...chunk,
		shards: [{...shard, fault: {kind: 'slow', at: 1}}],
	}),
	'no shards': chunk => ({...chunk, shards: []}),
	'more shards than are packed': ({shards: [shard], ...chunk}) => ({...chunk, shards: Array(17).fill(shard)}),
	'shards of several digests': ({shards: [shard], ...chunk}) => ({
		...chunk,
		shards: [shard, {...shard, digest: 'cd'.repeat(32)}],
	}),
	'a digest in capitals': ({shards: [shard], ...chunk}) => ({
		...chunk,
		shards: [{...shard, digest: 'AB'.repeat(32)}],
	}),
	'a digest that is too short': ({shards: [shard], ...chunk}) => ({...chunk, shards: [{...shard, digest: 'ab'}]}),
	'a hash that is written otherwise': chunk => ({...chunk, sha256: `${'A'.repeat(42)}B`}),
	'a hash that is too long': chunk => ({...chunk, sha256: 'A'.repeat(44)}),
	'another scheme': chunk => ({...chunk, scheme: 'replicas:03'}),
	'more wanted than is packed': chunk => ({...chunk, scheme: 'replicas:256'}),
	'another file than its id says': chunk => ({...chunk, file: '1'.repeat(32)}),
	'another index than its id says': chunk => ({...chunk, index: 2}),
	'a time that is a text': ({shards: [shard], ...chunk}) => ({...chunk, shards: [{...shard, verifiedAt: 'now'}]}),
};

for (const [what, change] of Object.entries(others)) {
	test(`a chunk with ${what} is not packed, and kept as it is`, t => {
		const {pack} = createChunkPacker();
		t.not(pack(plain()), undefined);
		const document = change(plain());
		t.is(pack(document), undefined);
		const kept = new KeptDocuments();
		kept.set(document);
		t.deepEqual(kept.get(document._id), document);
		const copy = kept.copyOf(document._id);
		t.deepEqual(copy, document);
		t.not(copy, document);
	});
}

test('what is kept is there until it is removed, and a chunk is not the object that was given', t => {
	const kept = new KeptDocuments();
	const chunk = plain();
	const node: Document = {_id: 'n/1', is: 'node', tags: ['a']};
	kept.set(chunk);
	kept.set(node);
	chunk.shards.pop();
	t.deepEqual(kept.get(chunk._id), plain());
	t.deepEqual([...kept.ids()], [chunk._id, 'n/1']);
	t.true(kept.has('n/1'));
	t.true(kept.delete('n/1'));
	t.false(kept.delete('n/1'));
	t.is(kept.get('n/1'), undefined);
	t.is(kept.copyOf('n/1'), undefined);
});
