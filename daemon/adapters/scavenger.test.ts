import test from 'ava';
import {createScavenger} from './scavenger.js';

const MIB = 1024 * 1024;

/** How often it collects while a GiB streams through in pieces, each of which is left behind so often. */
const countOf = (copies: number, heapBytes: number) => {
	let count = 0;
	const onBytes = createScavenger({collect: () => count++, copies, heapBytes: () => heapBytes});
	for (let bytes = 0; bytes < 1024 * MIB; bytes += MIB / 16) onBytes(MIB / 16);
	return count;
};

test('young objects are collected after each 12 MiB that they hold, which is sooner where bytes are sealed', t => {
	t.is(countOf(1, 30 * MIB), 85);
	t.is(countOf(2, 30 * MIB), 170);
});

test('they are collected the more seldom the larger the heap is, but in time', t => {
	t.is(countOf(2, 192 * MIB), 170);
	t.is(countOf(2, 384 * MIB), 85);
	t.is(countOf(2, 4096 * MIB), 64);
});
