import test from 'ava';
import {createScavenger} from './scavenger.js';

const MIB = 1024 * 1024;

/** How often it collects while a GiB streams through in pieces. */
const countOf = (copies: number) => {
	let count = 0;
	const onBytes = createScavenger({collect: () => count++, copies});
	for (let bytes = 0; bytes < 1024 * MIB; bytes += MIB / 16) onBytes(MIB / 16);
	return count;
};

test('young objects are collected after each 12 MiB that they hold, which is sooner where bytes are sealed', t => {
	t.is(countOf(1), 85);
	t.is(countOf(2), 170);
});
