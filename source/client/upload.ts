import {FormDataEncoder, isFile} from 'form-data-encoder';
import {type Uploaded, uploadedSchema} from '../protocol/api.js';
import {PjasError} from '../protocol/errors.js';
import type {Outgoing} from './contract.js';
import type {Http} from './http.js';
import {readJson, strange} from './read-answer.js';
import {sendResumable} from './resumable-upload.js';

const typePattern = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+$/;

const typeOf = ({type = ''}: {type?: string | undefined}): string =>
	typePattern.test(type) ? type : 'application/octet-stream';

const changed = (name: string) =>
	new PjasError('UPLOAD_INCOMPLETE', `${JSON.stringify(name)} changed while it was being sent. Send it again`);

/** The body, counted. It must be as long as was said. */
const createCounted = ({name, body, sizeBytes, onSent}: Outgoing) => {
	let sentBytes = 0;
	return {
		sentBytes: () => sentBytes,
		async *pieces() {
			for await (const piece of body) {
				sentBytes += piece.length;
				if (sizeBytes !== undefined && sentBytes > sizeBytes) throw changed(name);
				if (piece.length > 0) yield piece;
				onSent?.(sentBytes);
			}

			if (sizeBytes !== undefined && sentBytes !== sizeBytes) throw changed(name);
		},
	};
};

/** A form with one file in it, and before it how that is sealed. A size that nobody knows is no number, and the form then has no length. */
const createForm = ({name, type, sizeBytes, e2e}: Outgoing): FormDataEncoder => {
	const file = {
		name,
		type: typeOf({type}),
		size: sizeBytes ?? Number.NaN,
		lastModified: 0,
		stream: (): AsyncIterable<Uint8Array> => {
			throw new Error('The body is put in by whoever sends the form');
		},
		[Symbol.toStringTag]: 'File',
	};
	const fields: [string, string | typeof file][] = [
		...(e2e ? [['e2e', JSON.stringify(e2e)] as [string, string]] : []),
		['file', file],
	];
	const entries = (): IterableIterator<[string, string | typeof file]> => fields.values();
	const form = {
		append: () => undefined,
		getAll: () => [file],
		entries,
		[Symbol.iterator]: entries,
		[Symbol.toStringTag]: 'FormData',
	};
	return new FormDataEncoder(form);
};

/**
The form's bytes. The encoder's own way of reading a file (version 4.1) sends the wrong bytes of a piece that is a view
into a larger buffer and above 64 KiB, so it only writes what stands around the file.
*/
async function* formBytes(form: FormDataEncoder, body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
	for (const part of form) {
		if (isFile(part)) yield* body;
		else yield part;
	}
}

/** In one, as a form. */
const sendForm = async (http: Http, file: Outgoing): Promise<Uploaded> => {
	const counted = createCounted(file);
	const form = createForm(file);
	const answer = await http.call({
		name: 'upload',
		headers: {
			'content-type': form.contentType,
			...(form.contentLength !== undefined && {'content-length': form.contentLength}),
		},
		body: formBytes(form, counted.pieces()),
		signal: file.signal,
	});
	const uploaded = await readJson(http, answer, uploadedSchema);
	if (answer.isSent && uploaded.size === counted.sentBytes()) return uploaded;
	throw strange(answer.target, `${uploaded.size} bytes stored of a file of another size`);
};

/** Sends a file; see `Api`. */
export const sendUpload = async (http: Http, file: Outgoing): Promise<Uploaded> => {
	const {sizeBytes, resume, onSent, ...rest} = file;
	if (sizeBytes === undefined || !resume) return sendForm(http, file);
	const counted = createCounted({...rest, sizeBytes});
	const known = {...rest, sizeBytes, resume, type: typeOf(file), body: counted.pieces(), ...(onSent && {onSent})};
	return (await sendResumable(http, known)) ?? sendForm(http, file);
};
