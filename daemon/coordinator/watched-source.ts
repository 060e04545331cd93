import {PjasError} from '../../source/protocol/errors.js';
import type {Clock} from '../ports/clock.js';

const IDLE_LIMIT_MS = 60_000;

type Watched = {
	source: AsyncIterable<Uint8Array>;
	/** Told of the bytes as they come in. */
	onBytes?: ((sizeBytes: number) => void) | undefined;
};

/**
The source, which ends with an error when `end` is aborted, and aborts it where the client sends nothing for too long
while we wait for it.
*/
export async function* watchedSource({source, onBytes}: Watched, clock: Clock, end: AbortController) {
	const iterator = source[Symbol.asyncIterator]();
	let waitingSince: number | undefined;
	let fail: (reason: unknown) => void = () => undefined;
	let cancel: () => void = () => undefined;
	end.signal.addEventListener(
		'abort',
		() => {
			cancel();
			fail(end.signal.reason);
		},
		{once: true},
	);

	const watch = () => {
		if (end.signal.aborted) return;
		if (waitingSince !== undefined && clock.monotonicMs() - waitingSince > IDLE_LIMIT_MS) {
			const problem = `Nothing arrived for ${IDLE_LIMIT_MS / 1000} s: the upload was given up. Send it again`;
			end.abort(new PjasError('REQUEST_TIMEOUT', problem));
			return;
		}

		cancel = clock.timer(IDLE_LIMIT_MS / 4, watch);
	};
	watch();

	for (;;) {
		end.signal.throwIfAborted();
		waitingSince = clock.monotonicMs();
		const next = await new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
			fail = reject;
			iterator.next().then(resolve, reject);
		});
		waitingSince = undefined;
		if (next.done) return;
		onBytes?.(next.value.length);
		yield next.value;
	}
}
