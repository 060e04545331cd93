import type {IncomingMessage} from 'node:http';
import {PjasError} from '../../source/protocol/errors.js';

export type BodySource = AsyncIterable<Uint8Array> & {
	/** Leaves the rest of the body to whoever reads on. */
	leave: () => void;
};

const brokenOff = (cause?: Error) =>
	new PjasError('UPLOAD_INCOMPLETE', 'The body ended before it was whole. Go on where it broke off', {cause});

/**
A body as it comes, no faster than it is taken. Unlike the stream's own iterator it can be left at any time, also while it
waits for the next piece, and the rest be read by somebody else, so that an answer still reaches a client that is sending.
*/
export const createBodySource = (request: IncomingMessage): BodySource => {
	let piece: Uint8Array | undefined;
	let failure: Error | undefined;
	let hasEnded = request.readableEnded;
	let wake: () => void = () => undefined;

	const take = (next: Uint8Array) => {
		piece = next;
		request.pause();
		wake();
	};
	const end = () => {
		hasEnded = true;
		wake();
	};
	const fail = (cause?: Error) => {
		failure ??= brokenOff(cause);
		wake();
	};
	const close = () => {
		if (!hasEnded) fail();
	};

	// Paused first, or to listen would start the flow.
	request.pause();
	request.on('data', take).once('end', end).once('error', fail).once('close', close);
	if (request.destroyed && !hasEnded) fail();

	const next = async (): Promise<IteratorResult<Uint8Array, undefined>> => {
		while (!piece && !hasEnded && !failure) {
			const news = new Promise<void>(resolve => (wake = resolve));
			request.resume();
			await news;
		}

		const value = piece;
		piece = undefined;
		if (value) return {done: false, value};
		if (failure) throw failure;
		return {done: true, value: undefined};
	};

	return {
		[Symbol.asyncIterator]: () => ({next}),
		leave() {
			request.pause();
			request.off('data', take).off('end', end).off('error', fail).off('close', close);
		},
	};
};
