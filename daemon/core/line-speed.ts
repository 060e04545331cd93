import {shareOf} from '../../source/protocol/week.js';
import type {NodeLine} from './model.js';

/** What the rates that a node declares mean for who writes to it and reads from it. */

/** Beside what takes so long on its line, a node's line does not matter. */
const QUICK_S = 2;
/** What may be before a request in a node: buffers for large shards, which are read and written one after the other. */
const AHEAD_BYTES = 20 * 1024 * 1024;
/** Above this, a line is no slower than a disk or a home network may be. */
const FAST_BYTES_PER_SECOND = 20 * 1024 * 1024;
/** As many large shards as a node takes in at once. */
const SLOW_AT_ONCE = 4;

type Declared = NodeLine | undefined;

const secondsFor = (bytes: number, bytesPerSecond: number): number =>
	bytesPerSecond === 0 ? 0 : bytes / bytesPerSecond;

/**
How much a node's room counts by its line, from 0 to 1: less where what is on its way to it takes long, and where it is there
for a part of the week only.

@param waitingBytes - What is on its way to it, and what would be.
*/
export const lineWeight = (line: Declared, waitingBytes: number): number => {
	if (!line) return 1;
	const share = line.hours ? shareOf(line.hours.spans) : 1;
	return share / (1 + secondsFor(waitingBytes, line.down) / QUICK_S);
};

/** The least that a read takes, as the node declares its line. */
export const leastReadMs = (line: Declared, bytes: number): number => 1000 * secondsFor(bytes, line?.up ?? 0);

const slowestOf = (line: Declared): number => Math.min(...[line?.up, line?.down].map(rate => rate || Infinity));

/** How much longer than others a node may be silent, since others come first on its slow line. */
export const patienceMs = (line: Declared): number => Math.round(1000 * (AHEAD_BYTES / slowestOf(line)));

/** How many requests a node is given at once: those that share a slow line are the slower for it. */
export const atOnceOn = (line: Declared, most: number): number =>
	slowestOf(line) < FAST_BYTES_PER_SECOND ? Math.min(SLOW_AT_ONCE, most) : most;
