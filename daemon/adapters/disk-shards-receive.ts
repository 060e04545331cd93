import type {Readable} from 'node:stream';
import {PjasError} from '../../source/protocol/errors.js';
import {MAX_SHARD_BYTES} from '../core/limits.js';

export const bodyTooLarge = (limitBytes: number): PjasError =>
	new PjasError('BODY_TOO_LARGE', `The body is longer than ${limitBytes} bytes, the most that is taken here`);

const cutShort = () => new PjasError('UPLOAD_INCOMPLETE', 'The body ended before it was whole: send it again');

export type PourOptions = {
	/** How many bytes there must be, where that is known. */
	sizeBytes?: number | undefined;
	signal?: AbortSignal | undefined;
	/** Says after a piece how long the next has to wait, where it has to. */
	pace?: ((sizeBytes: number) => Promise<void> | undefined) | undefined;
};

/**
Hands every piece of a stream on as it comes, without a queue or a copy between, and says how many bytes it was. After an
error the stream is paused and still open: how its rest is to be treated is its owner's matter.
*/
export const pour = async (
	stream: Readable,
	take: (piece: Buffer, offset: number) => void,
	{sizeBytes, signal, pace}: PourOptions = {},
): Promise<number> => {
	const limitBytes = sizeBytes ?? MAX_SHARD_BYTES;
	signal?.throwIfAborted();
	if (stream.readableEnded || stream.destroyed) {
		if (stream.readableEnded && (sizeBytes ?? 0) === 0) return 0;
		throw stream.errored ?? cutShort();
	}

	return new Promise((resolve, reject) => {
		let pouredBytes = 0;
		let isOver = false;

		const leave = () => {
			isOver = true;
			stream.off('data', onPiece).off('end', onEnd).off('error', fail).off('close', onClose);
			signal?.removeEventListener('abort', onAbort);
		};

		const fail = (error: Error) => {
			leave();
			stream.pause();
			reject(error);
		};

		const rest = (wait: Promise<void> | undefined) => {
			if (!wait) return;
			stream.pause();
			wait.then(
				() => {
					if (!isOver) stream.resume();
				},
				(error: unknown) => {
					if (!isOver) fail(error as Error);
				},
			);
		};

		const onPiece = (piece: Buffer) => {
			if (pouredBytes + piece.length > limitBytes) {
				fail(bodyTooLarge(limitBytes));
				return;
			}

			try {
				take(piece, pouredBytes);
				pouredBytes += piece.length;
				rest(pace?.(piece.length));
			} catch (error) {
				fail(error as Error);
			}
		};

		const onEnd = () => {
			if (sizeBytes !== undefined && pouredBytes < sizeBytes) {
				fail(cutShort());
				return;
			}

			leave();
			resolve(pouredBytes);
		};

		const onClose = () => fail(stream.errored ?? cutShort());
		const onAbort = () => fail(signal?.reason as Error);
		signal?.addEventListener('abort', onAbort, {once: true});
		stream.on('data', onPiece).on('end', onEnd).on('error', fail).on('close', onClose);
		// Somebody may have paused it before us.
		stream.resume();
	});
};
