import {PjasError} from '../../../source/protocol/errors.js';
import type {CountedUpload} from './counting.js';
import type {Filling, Fillings} from './filling.js';

const tooLong = () =>
	new PjasError('BODY_TOO_LARGE', 'More bytes came than Upload-Length said. Nothing behind it counts');

/** A body on its way into chunks. */
export type Intake = {
	take: (piece: Uint8Array) => Promise<void>;
	takenBytes: () => number;
	/** The chunk that is not full, where there is one. */
	rest: () => Filling | undefined;
	/** One to end the file with, where its last bytes were counted before its length was known. */
	last: () => Promise<Filling | undefined>;
	/** Gives the chunk that is not full, with its buffer, to somebody else. */
	handOver: () => Filling | undefined;
};

type IntakeOptions = {
	fillings: Fillings;
	counted: CountedUpload;
	chunkSizeBytes: number;
	wholeBytes: number | undefined;
	/** What the upload's chunks are sealed under. */
	key: Uint8Array;
	signal: AbortSignal;
	onFull: (full: Filling) => Promise<void>;
};

export const createIntake = ({
	fillings,
	counted,
	chunkSizeBytes,
	wholeBytes,
	key,
	signal,
	onFull,
}: IntakeOptions): Intake => {
	let filling: Filling | undefined;
	let takenBytes = counted.upload().offsetBytes;
	const begin = async () => fillings.begin(counted.upload(), key, takenBytes, signal);

	/** Takes as much of a piece as the chunk has room for, and seals it. Says how much that is. */
	const fill = async (chunk: Filling, piece: Uint8Array): Promise<number> => {
		const part = piece.subarray(0, chunkSizeBytes - chunk.filledBytes);
		// The last one is sealed otherwise.
		const isFollowed = wholeBytes === undefined || wholeBytes > (chunk.index + 1) * chunkSizeBytes;
		if (!isFollowed) chunk.lease.bytes.set(part, chunk.filledBytes);
		chunk.filledBytes += part.length;
		takenBytes += part.length;
		if (isFollowed) await chunk.sealer.add(part);
		return part.length;
	};

	return {
		takenBytes: () => takenBytes,
		rest: () => filling,
		async last() {
			filling ??= wholeBytes === 0 ? undefined : await begin();
			return filling;
		},
		handOver() {
			const given = filling;
			filling = undefined;
			return given;
		},
		async take(piece) {
			if (wholeBytes !== undefined && takenBytes + piece.length > wholeBytes) throw tooLong();
			for (let at = 0; at < piece.length;) {
				filling ??= await begin();
				at += await fill(filling, piece.subarray(at));
				// The file's last chunk waits until nothing comes behind it.
				if (filling.filledBytes < chunkSizeBytes || takenBytes === wholeBytes) continue;
				const full = filling;
				filling = undefined;
				await onFull(full);
			}
		},
	};
};
