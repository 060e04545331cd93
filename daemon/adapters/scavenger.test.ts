import test from 'ava';
import {createScavenger} from './scavenger.js';

const MIB = 1024 * 1024;

/** How often it collects while a GiB streams through in pieces, where each time takes so long. */
const countOf = (tookMs: number) => {
	let [nowMs, count] = [0, 0];
	const collect = () => {
		count++;
		nowMs += tookMs;
	};
	const onBytes = createScavenger({collect, nowMs: () => nowMs});
	for (let bytes = 0; bytes < 1024 * MIB; bytes += MIB / 16) onBytes(MIB / 16);
	return count;
};

test('young objects are collected often where that costs little, and the more seldom the more it costs, but in time', t => {
	t.is(countOf(0.05), 512);
	t.is(countOf(0.8), 128);
	t.is(countOf(3), 35);
	t.is(countOf(1000), 32);
});
