import {MOST_LINE_TEST_BYTES} from '../../source/protocol/api.js';
import {routes} from '../../source/protocol/routes.js';
import type {Random} from '../ports/clock.js';
import {ANSWER_HEADER, NODE_HEADER} from '../trust/node-messages.js';
import {apiOf} from './address.js';
import {reasonIn} from './answer.js';
import type {CoordinatorTrust} from './coordinator-trust.js';

/** What a line carries between this machine and the coordinator, in bytes a second. */
export type LineSpeed = {upBytesPerSecond: number; downBytesPerSecond: number};

export type LineTested =
	| {kind: 'measured'; speed: LineSpeed}
	/** It carries less than that, both ways together: more was not waited for. */
	| {kind: 'slow'; belowBytesPerSecond: number}
	/** It could not be tested, for this reason. */
	| {kind: 'untested'; reason: string};

/** Enough to see whether the line is slow, and little enough that a slow one gets through with it. */
const FIRST_BYTES = 256 * 1024;
/** How long the second round is meant to take, each way. */
const AIM_MS = 1_500;
const LONGEST_ROUND_MS = 20_000;

/** Rejects with the network's error. The time that it takes to connect does not count. */
const round = async (
	{coordinatorUrl, trust}: {coordinatorUrl: string; trust: Pick<CoordinatorTrust, 'sign' | 'accept'>},
	{up, downBytes}: {up: Uint8Array; downBytes: number},
): Promise<LineSpeed | string> => {
	const {got} = await import('got');
	const {id, jws} = await trust.sign('line-test', '');
	const giveUp = new AbortController();
	const request = got.post(`${apiOf(coordinatorUrl)}${routes.testLine.path.slice('/api'.length)}`, {
		searchParams: {down: downBytes},
		body: Buffer.from(up.buffer, up.byteOffset, up.length),
		headers: {[NODE_HEADER]: jws, 'content-type': 'application/octet-stream'},
		responseType: 'buffer',
		decompress: false,
		signal: giveUp.signal,
		timeout: {request: LONGEST_ROUND_MS},
		retry: {limit: 0},
		throwHttpErrors: false,
		followRedirect: false,
	});
	void request.on('downloadProgress', ({transferred}) => {
		if (transferred > MOST_LINE_TEST_BYTES) giveUp.abort(new Error('The answer is too long'));
	});
	const {statusCode, headers, body, timings} = await request;
	if (statusCode !== 200) return reasonIn(Buffer.from(body).toString('utf8')) ?? `it answers ${statusCode}`;
	const signature = headers[ANSWER_HEADER.toLowerCase()];
	await trust.accept({id, body: '', jws: typeof signature === 'string' ? signature : undefined});
	const {request: sendingMs = 0, firstByte: waitingMs = 0, download: takingMs = 0} = timings.phases;
	return {
		// What is sent has arrived when the answer begins, not when this machine has given it away.
		upBytesPerSecond: (up.length * 1000) / Math.max(1, sendingMs + waitingMs),
		downBytesPerSecond: (body.length * 1000) / Math.max(1, takingMs),
	};
};

const sizeFor = (bytesPerSecond: number): number =>
	Math.round(Math.min(MOST_LINE_TEST_BYTES, Math.max(FIRST_BYTES, (bytesPerSecond * AIM_MS) / 1000)));

/**
Tests the line to the coordinator, which must know this node: at most 8.25 MiB and 40 seconds, both ways together. It never
fails: a line that can't be tested is no reason not to use it.
*/
export const testLine = async (
	to: {coordinatorUrl: string; trust: Pick<CoordinatorTrust, 'sign' | 'accept'>},
	random: Pick<Random, 'bytes'>,
): Promise<LineTested> => {
	let speed: LineSpeed | undefined;
	try {
		const first = await round(to, {up: random.bytes(FIRST_BYTES), downBytes: FIRST_BYTES});
		if (typeof first === 'string') return {kind: 'untested', reason: first};
		speed = first;
		const upBytes = sizeFor(first.upBytesPerSecond);
		const second = await round(to, {up: random.bytes(upBytes), downBytes: sizeFor(first.downBytesPerSecond)});
		return {kind: 'measured', speed: typeof second === 'string' ? first : second};
	} catch (error) {
		if (speed) return {kind: 'measured', speed};
		const {code, message} = error as NodeJS.ErrnoException;
		const isSlow = code === 'ETIMEDOUT';
		if (isSlow) return {kind: 'slow', belowBytesPerSecond: (2 * FIRST_BYTES * 1000) / LONGEST_ROUND_MS};
		return {kind: 'untested', reason: code ?? message};
	}
};
