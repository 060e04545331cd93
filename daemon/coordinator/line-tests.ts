import {Readable} from 'node:stream';
import {MOST_LINE_TEST_BYTES} from '../../source/protocol/api.js';
import {PjasError} from '../../source/protocol/errors.js';
import type {NodeId} from '../../source/protocol/ids.js';
import {createRateLimit} from '../http/rate-limit.js';
import type {Clock, Random} from '../ports/clock.js';

/** Lets nodes find out what their lines carry, without letting them fill the coordinator's own. */
export type LineTests = {
	/**
	Takes a place, to be given back with `release`.

	@throws {PjasError} `TOO_MANY_REQUESTS`
	*/
	begin: (node: NodeId) => {release: () => void};
	/** So many bytes that can't be made smaller on the way. */
	bytes: (sizeBytes: number) => Readable;
};

/** One that joins asks twice: with little, to learn how much is worth while, and with that. */
const TESTS_PER_MINUTE = 6;
const MOST_AT_ONCE = 2;
const RETRY_AFTER_SECONDS = 10;
/** Longer than what programs that compress look back. */
const NOISE_BYTES = 256 * 1024;

export const createLineTests = ({clock, random}: {clock: Pick<Clock, 'monotonicMs'>; random: Random}): LineTests => {
	const perNode = createRateLimit({perMinute: TESTS_PER_MINUTE, clock});
	let underWay = 0;
	let noise: Uint8Array | undefined;

	function* pieces(sizeBytes: number) {
		noise ??= random.bytes(NOISE_BYTES);
		for (let left = sizeBytes; left > 0; left -= NOISE_BYTES) yield noise.subarray(0, Math.min(left, NOISE_BYTES));
	}

	return {
		begin(node) {
			const waitMs = perNode.take(node);
			const retryAfterSeconds = Math.max(waitMs / 1000, underWay >= MOST_AT_ONCE ? RETRY_AFTER_SECONDS : 0);
			if (retryAfterSeconds > 0) {
				throw new PjasError('TOO_MANY_REQUESTS', 'Lines are tested too often now: wait', {retryAfterSeconds});
			}

			underWay++;
			let isHeld = true;
			return {
				release() {
					if (isHeld) underWay--;
					isHeld = false;
				},
			};
		},
		bytes: sizeBytes => Readable.from(pieces(sizeBytes), {objectMode: false, highWaterMark: NOISE_BYTES}),
	};
};

/** Takes a body in and throws it away, a bounded one. */
export const takeIn = async (body: Readable): Promise<void> =>
	new Promise((resolve, reject) => {
		let sizeBytes = 0;
		const finish = (error?: Error) => {
			body.off('data', count).off('end', finish).off('error', finish).off('close', cutOff);
			if (error === undefined) {
				resolve();
			} else {
				// What is left of it is read by whoever answers, so that the node gets to see why.
				body.pause();
				reject(error);
			}
		};

		const count = (piece: Uint8Array) => {
			sizeBytes += piece.length;
			if (sizeBytes <= MOST_LINE_TEST_BYTES) return;
			finish(new PjasError('BODY_TOO_LARGE', `A test of a line sends at most ${MOST_LINE_TEST_BYTES} bytes`));
		};

		const cutOff = () => finish(new PjasError('INVALID_REQUEST', 'The body ended before it was whole'));
		body.on('data', count).once('end', finish).once('error', finish).once('close', cutOff);
	});
