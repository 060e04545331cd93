import {formatSize} from '../../source/format.js';
import type {LineTested} from '../node/line-test.js';
import type {DiskSpeed} from './disk-speed.js';

/** What was measured, in words, and advice where it is little. */
export type Judged = {seen: string; advice?: string};

const MB = 1_000_000;
/** A chunk of 10 MiB is to be on the disk within about two seconds. */
const SLOW_WRITE = 5 * MB;
/** Every shard is read again within a month, and a repair reads many. */
const SLOW_READ = 10 * MB;
/** A chunk of 10 MiB takes 40 seconds: others are asked first. */
const SLOW_LINE = 250_000;

const rate = (bytesPerSecond: number): string => `${formatSize(bytesPerSecond)}/s`;

export const judgeDisk = ({writeBytesPerSecond, readBytesPerSecond, isReadCached}: DiskSpeed): Judged => {
	const reads = isReadCached ? '' : `, reads ${rate(readBytesPerSecond)}`;
	const seen = `writes ${rate(writeBytesPerSecond)}${reads}`;
	const isSlow = writeBytesPerSecond < SLOW_WRITE || (!isReadCached && readBytesPerSecond < SLOW_READ);
	if (!isSlow) return {seen};
	const advice =
		'This disk is slow: uploads wait for it. Look for what else keeps it busy, and for disk errors (dmesg, smartctl); a disk inside the machine does better than a stick or a folder of the network';
	return {seen, advice};
};

export const judgeLine = (tested: LineTested): Judged => {
	const help =
		'Take a cable in place of wireless, or look for what else fills the line. Say what the node may take of it with pjas-daemon set up and set down, so that the coordinator knows';
	switch (tested.kind) {
		case 'untested':
			return {seen: `not tested: ${tested.reason}`};
		case 'slow':
			return {
				seen: `below ${rate(tested.belowBytesPerSecond)}`,
				advice: `This line is too slow to keep files of others on. ${help}`,
			};
		case 'measured': {
			const {upBytesPerSecond: up, downBytesPerSecond: down} = tested.speed;
			const seen = `up ${rate(up)}, down ${rate(down)}`;
			const slow = [...(up < SLOW_LINE ? ['up'] : []), ...(down < SLOW_LINE ? ['down'] : [])];
			if (slow.length === 0) return {seen};
			return {seen, advice: `This line is slow ${slow.join(' and ')}. ${help}`};
		}
	}
};
