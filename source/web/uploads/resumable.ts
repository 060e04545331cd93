import {DetailedError, Upload} from 'tus-js-client';
import {CHUNK_SIZE_BYTES} from '../../protocol/chunking.js';
import {pathOf} from '../../protocol/routes.js';
import {ApiError, errorOf, offline} from '../api.js';
import {fingerprintOf} from './leftovers.js';
import {isRemoved, type Send} from './sending.js';

/** Whole chunks, and no more at once than the proxies take that stand before a coordinator. */
const REQUEST_BYTES = 6 * CHUNK_SIZE_BYTES;

const readError = (error: Error | DetailedError): ApiError => {
	const answer = error instanceof DetailedError ? error.originalResponse : undefined;
	return answer && answer.getStatus() !== 0 ? errorOf(answer.getBody()) : offline(error);
};

/** By tus 1.0: goes on where the same file stood, also after the page was closed. */
export const sendResumable: Send = async ({file, name, onSent, signal}) =>
	new Promise((resolve, reject) => {
		const upload = new Upload(file, {
			endpoint: window.location.origin + pathOf('createUpload'),
			chunkSize: REQUEST_BYTES,
			// Who sends decides when it is tried again.
			retryDelays: [],
			metadata: {filename: name, filetype: file.type},
			fingerprint: async () => Promise.resolve(fingerprintOf(name, file)),
			removeFingerprintOnSuccess: true,
			onProgress: sentBytes => onSent(sentBytes),
			onError: error => reject(readError(error)),
			onSuccess: () => resolve(),
		});
		const stop = () => {
			// What is only paused, the coordinator keeps.
			void upload.abort(isRemoved(signal)).catch(() => undefined);
			reject(new ApiError('STOPPED', 'Stopped.'));
		};
		signal.addEventListener('abort', stop, {once: true});
		upload.findPreviousUploads().then(
			([previous]) => {
				if (signal.aborted) return;
				if (previous) upload.resumeFromPreviousUpload(previous);
				upload.start();
			},
			(error: unknown) => reject(offline(error)),
		);
	});
