import test from 'ava';
import {createScavenger} from './scavenger.js';

const MIB = 1024 * 1024;

/** How often it collects while a GiB streams through in pieces, in a heap of so many bytes. */
const countOf = (heapBytes: number) => {
	let count = 0;
	const onBytes = createScavenger({collect: () => count++, heapBytes: () => heapBytes});
	for (let bytes = 0; bytes < 1024 * MIB; bytes += MIB / 16) onBytes(MIB / 16);
	return count;
};

test('young objects are collected often in a small heap, and the more seldom the larger it is, but in time', t => {
	t.is(countOf(30 * MIB), 512);
	t.is(countOf(512 * MIB), 128);
	t.is(countOf(900 * MIB), 73);
	t.is(countOf(4096 * MIB), 64);
});
