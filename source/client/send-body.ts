import type {Request} from 'got';
import type {Limits} from './limits.js';
import type {Watch} from './watch.js';

export type Sending = {
	/** Sends no more, and closes what it was read from. */
	stop: () => void;
	/** Whether all of it went out. */
	isWhole: () => boolean;
};

type SendOptions = {watch: Watch; limits: Limits; fail: (error: unknown) => void};

/**
Sends a body no faster than it is taken. Only the other side is on the clock: who types the body in may think as long as
he likes.
*/
export const sendBody = (
	request: Request,
	body: AsyncIterable<Uint8Array>,
	{watch, limits, fail}: SendOptions,
): Sending => {
	const source = body[Symbol.asyncIterator]();
	let isStopped = false;
	let isWhole = false;
	let goOn: () => void = () => undefined;

	// A request that is destroyed before it has a connection forgets its writes, so `stop` must be able to end the wait.
	const write = async (piece: Uint8Array) =>
		new Promise<void>(resolve => {
			goOn = resolve;
			request.write(piece, () => resolve());
		});

	const closeSource = () => {
		Promise.resolve(source.return?.()).catch(() => undefined);
	};

	const send = async () => {
		while (!isStopped) {
			watch.rest();
			const next = await source.next();
			// eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- `stop` may have been called meanwhile
			if (isStopped) return;
			if (next.done) {
				isWhole = true;
				watch.within(limits.workMs);
				request.end();
				return;
			}

			watch.within(limits.stallMs);
			await write(next.value);
		}
	};

	send().catch(fail);
	return {
		stop() {
			isStopped = true;
			goOn();
			if (!isWhole) closeSource();
		},
		isWhole: () => isWhole,
	};
};
