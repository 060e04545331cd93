import {isPjasError} from '../../source/protocol/errors.js';
import {createDurations, createTally, type Durations, type Tally} from '../core/metrics.js';
import type {Answered} from '../http/app.js';

/** What is counted from the start of the process on. */
export type Meters = {
	/** Bytes of files that came in, and that went out. */
	bytesIn: number;
	bytesOut: number;
	/** `failed`: for a reason that lies here; `refused`: for one that lies with who sent it, who may have broken it off. */
	uploads: Tally<'result'>;
	/** `broken_off`: by who asked for it. */
	downloads: Tally<'result'>;
	/** Shards that were sound and are no longer. */
	faults: Tally<'kind'>;
	/** Passwords that were tried: `limited` were not looked at, since too many were wrong before. */
	signIns: Tally<'result'>;
	requests: Tally<'method' | 'route' | 'status'>;
	durations: Durations<'method' | 'route'>;
};

/** In seconds: an answer out of memory, one from the disk, a chunk, and large files over slow lines. */
const DURATION_BOUNDS = [0.005, 0.025, 0.1, 0.5, 2.5, 10, 60, 300];

export const createMeters = (): Meters => ({
	bytesIn: 0,
	bytesOut: 0,
	uploads: createTally(['stored', 'failed', 'refused'].map(result => ({result}))),
	downloads: createTally(['sent', 'failed', 'broken_off'].map(result => ({result}))),
	faults: createTally(['missing', 'corrupt'].map(kind => ({kind}))),
	signIns: createTally(['accepted', 'refused', 'limited'].map(result => ({result}))),
	requests: createTally(),
	durations: createDurations(DURATION_BOUNDS),
});

export const uploadFailure = (error: unknown): 'failed' | 'refused' =>
	isPjasError(error) && error.status < 500 ? 'refused' : 'failed';

const methods = new Set(['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE']);

/**
Counts a request that is over.

@param isEndless - Whether its answer goes on for as long as somebody listens: how long that was says nothing.
*/
export const countRequest = (
	{requests, durations}: Pick<Meters, 'requests' | 'durations'>,
	{method: asked, route = 'none', status: code, isWhole, seconds}: Answered,
	isEndless: boolean,
): void => {
	const method = methods.has(asked) ? asked : 'other';
	// One that did not go out whole was cut off here, or given up by who asked.
	const status = isWhole ? `${Math.floor(code / 100)}xx` : 'cut_off';
	requests.add({method, route, status});
	if (!isEndless) durations.add({method, route}, seconds);
};
