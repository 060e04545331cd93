import {DetailedError, type HttpResponse, Upload, type UploadOptions} from 'tus-js-client';
import {PjasError} from '../../protocol/errors.js';
import {pathOf} from '../../protocol/routes.js';
import {ApiError, errorOf, offline} from '../api.js';
import type {Leftover} from './leftovers.js';
import {isRemoved} from './sending.js';

type TusSending = {
	file: File;
	/** Tells it again, on another day. */
	fingerprint: string;
	/** What it goes on with; then it never begins anew. */
	previous: Leftover | undefined;
	options: Required<Pick<UploadOptions, 'chunkSize' | 'metadata'>> & Pick<UploadOptions, 'fileReader'>;
	onSent: (sentBytes: number) => void;
	/** Told the address of what it begins. */
	onBegun?: (address: string) => void;
	signal: AbortSignal;
};

/** What an answer to `HEAD` can't say in words. */
const silent: Partial<Record<number, ApiError>> = {
	404: new ApiError('UPLOAD_NOT_FOUND', 'The upload was given up there. It begins anew.'),
	410: new ApiError('UPLOAD_EXPIRED', 'The upload rested for too long, and was given up. It begins anew.'),
	423: new ApiError('UPLOAD_LOCKED', 'What was sent before is still being written.'),
};

/** What the library tells, in our words; what was thrown while a part was read or sealed comes out of it again. */
const readError = (error: Error | DetailedError): Error => {
	const {originalResponse: answer = null, causingError: cause = error} = error instanceof DetailedError ? error : {};
	if (cause instanceof ApiError || cause instanceof PjasError) return cause;
	if (!answer || answer.getStatus() === 0) return offline(error);
	const text = answer.getBody();
	return (text === '' && silent[answer.getStatus()]) || errorOf(text);
};

/** Sends a file by tus 1.0. Gives the last answer. */
export const sendByTus = async ({
	file,
	fingerprint,
	previous,
	options,
	onSent,
	onBegun,
	signal,
}: TusSending): Promise<HttpResponse> =>
	new Promise((resolve, reject) => {
		const upload = new Upload(file, {
			...options,
			// Without an address to begin at, it can only go on.
			endpoint: previous ? null : window.location.origin + pathOf('createUpload'),
			// Who sends decides when it is tried again.
			retryDelays: [],
			fingerprint: async () => Promise.resolve(fingerprint),
			removeFingerprintOnSuccess: true,
			onProgress: sentBytes => onSent(sentBytes),
			onError: error => reject(readError(error)),
			onSuccess: ({lastResponse}) => resolve(lastResponse),
			onUploadUrlAvailable() {
				if (!previous && upload.url) onBegun?.(upload.url);
			},
		});
		const stop = () => {
			// What is only paused, the coordinator keeps.
			void upload.abort(isRemoved(signal)).catch(() => undefined);
			reject(new ApiError('STOPPED', 'Stopped.'));
		};
		signal.addEventListener('abort', stop, {once: true});
		if (previous) {
			upload.resumeFromPreviousUpload({
				size: null,
				metadata: {},
				creationTime: '',
				uploadUrl: previous.address,
				parallelUploadUrls: null,
				urlStorageKey: previous.key,
			});
		}

		if (signal.aborted) stop();
		else upload.start();
	});

const gone = new Set(['UPLOAD_NOT_FOUND', 'UPLOAD_EXPIRED']);

/** Whether nothing is known of an upload any more. */
export const isGone = (error: unknown): boolean => error instanceof ApiError && gone.has(error.code);
