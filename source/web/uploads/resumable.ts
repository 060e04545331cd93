import {CHUNK_SIZE_BYTES} from '../../protocol/chunking.js';
import {fingerprintOf, type Leftover, leftoverOf} from './leftovers.js';
import type {Send} from './sending.js';
import {isGone, sendByTus} from './tus.js';

/** Whole chunks, and no more at once than the proxies take that stand before a coordinator. */
const REQUEST_BYTES = 6 * CHUNK_SIZE_BYTES;

/** Goes on where the same file stood, also after the page was closed. */
export const sendResumable: Send = async sending => {
	const {file, name, onSent, signal} = sending;
	const fingerprint = fingerprintOf(sending);
	const options = {chunkSize: REQUEST_BYTES, metadata: {filename: name, filetype: file.type}};
	const send = async (previous: Leftover | undefined) =>
		sendByTus({file, fingerprint, previous, options, onSent, signal});
	const previous = leftoverOf(fingerprint);
	await send(previous).catch(async (error: unknown) => {
		if (previous && isGone(error)) return send(undefined);
		throw error;
	});
};
