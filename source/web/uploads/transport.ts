import {CHUNK_SIZE_BYTES} from '../../protocol/chunking.js';
import {uploadedSchema} from '../../protocol/api.js';
import {pathOf, routes} from '../../protocol/routes.js';
import {ApiError, errorOf, loadPart, offline} from '../api.js';
import type {Send} from './sending.js';

/** In one request, from the beginning each time. (Only `XMLHttpRequest` tells how far a body has come.) */
const sendAtOnce: Send = async ({file, name, onSent, signal}) =>
	new Promise((resolve, reject) => {
		const request = new XMLHttpRequest();
		const stop = () => request.abort();
		const end = (finish: () => void) => () => {
			signal.removeEventListener('abort', stop);
			finish();
		};
		request.upload.addEventListener('progress', ({loaded}) => onSent(Math.min(loaded, file.size)));
		request.addEventListener(
			'error',
			end(() => reject(offline())),
		);
		request.addEventListener(
			'abort',
			end(() => reject(new ApiError('STOPPED', 'Stopped.'))),
		);
		request.addEventListener(
			'load',
			end(() => {
				if (request.status !== 200) reject(errorOf(request.responseText));
				else if (uploadedSchema.safeParse(JSON.parse(request.responseText)).success) resolve();
				else reject(errorOf(''));
			}),
		);
		signal.addEventListener('abort', stop);
		request.open(routes.upload.method, pathOf('upload'));
		const form = new FormData();
		form.append('file', file, name);
		request.send(form);
		if (signal.aborted) stop();
	});

/** A file of more than a chunk is sent so that it can be resumed; a smaller one begins anew as cheaply. */
export const send: Send = async sending => {
	if (sending.isSealed) {
		const {sendSealed} = await loadPart(async () => import('./sealed.js'));
		return sendSealed(sending);
	}

	if (sending.file.size <= CHUNK_SIZE_BYTES) return sendAtOnce(sending);
	const {sendResumable} = await loadPart(async () => import('./resumable.js'));
	return sendResumable(sending);
};
