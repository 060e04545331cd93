import type {IncomingMessage} from 'node:http';
import {Busboy, type BusboyInstance} from '@fastify/busboy';
import {PjasError} from '../../source/protocol/errors.js';
import {type E2e, e2eSchema} from '../../source/protocol/sealed-details.js';
import {parseJson} from '../http/body.js';
import type {Clock} from '../ports/clock.js';
import {checkFileName, mediaTypeOf} from './file-name.js';

/** A file in a form, as it arrives. */
export type FormFile = {
	name: string;
	type: string;
	/** Where the client sealed it: what the field `e2e` before it said. */
	e2e?: E2e;
	/** Its bytes. They end well only when the whole form has arrived and was well-formed. */
	source: AsyncIterable<Uint8Array>;
};

const FILE_FIELD = 'file';
const E2E_FIELD = 'e2e';
const MOST_FIELDS = 20;
const MOST_FIELD_BYTES = 64 * 1024;
/** Time for the fields before a file, and for those behind it. */
const AROUND_FILE_LIMIT_MS = 15_000;

const incomplete = (cause?: unknown) =>
	new PjasError('UPLOAD_INCOMPLETE', 'The upload ended before it was whole. Send it again', {cause});

/**
Browsers and most clients write a quote and line ends in a form's file name as these three sequences, and nothing else so
(https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data).
*/
const unescapeName = (name: string): string =>
	name.replaceAll('%22', '"').replaceAll('%0D', '\r').replaceAll('%0A', '\n');

const openForm = (request: IncomingMessage): BusboyInstance => {
	const contentType = request.headers['content-type'] ?? '';
	if (!/^multipart\/form-data\s*(;|$)/i.test(contentType)) {
		const problem = 'Upload a file as multipart/form-data with the file in the field "file"';
		if (contentType === '') throw new PjasError('NO_FILE_UPLOADED', `No file uploaded. ${problem}`);
		throw new PjasError('UNSUPPORTED_MEDIA_TYPE', problem);
	}

	try {
		return new Busboy({
			headers: {...request.headers, 'content-type': contentType},
			preservePath: true,
			isPartAFile: (_field, _type, fileName) => fileName !== undefined,
			limits: {fields: MOST_FIELDS, fieldSize: MOST_FIELD_BYTES, parts: MOST_FIELDS + 2, headerPairs: 50},
		});
	} catch (error) {
		const problem =
			'The form has no boundary in its Content-Type. Let the client write that header itself, as curl -F does';
		throw new PjasError('INVALID_REQUEST', problem, {cause: error});
	}
};

/**
A file's bytes, which end well only where the whole form does.

A generator's function that is made anew for each form would cost dear: V8 makes a map of the old generation for each such
function that is called, and by that keeps all that the function refers to, until it next goes through its whole heap.
*/
async function* endingWith(stream: AsyncIterable<Uint8Array>, whole: Promise<void>): AsyncGenerator<Uint8Array> {
	yield* stream;
	await whole;
}

/**
Reads a form with one file in the field `file`, as a stream. `take` gets the file while it arrives; what it returns is
the answer.

@throws {PjasError} `NO_FILE_UPLOADED`, `UNSUPPORTED_MEDIA_TYPE`, `INVALID_REQUEST`, `UPLOAD_INCOMPLETE`.
*/
export const receiveForm = async <Result>(
	request: IncomingMessage,
	take: (file: FormFile, signal: AbortSignal) => Promise<Result>,
	clock: Pick<Clock, 'timer'>,
): Promise<Result> => {
	const form = openForm(request);
	const broken = new AbortController();
	let taken: Promise<Result> | undefined;
	let e2e: E2e | undefined;
	let cancelLimit: () => void = () => undefined;

	const whole = new Promise<void>((resolve, reject) => {
		const fail = (error: PjasError) => {
			reject(error);
			broken.abort(error);
		};

		/** The parser stands still at a part without headers; and what is not the file is short. */
		const limitTime = () => {
			cancelLimit();
			const problem = `What stands around the file in the form took longer than ${AROUND_FILE_LIMIT_MS / 1000} s`;
			cancelLimit = clock.timer(AROUND_FILE_LIMIT_MS, () => fail(new PjasError('REQUEST_TIMEOUT', problem)));
		};
		limitTime();

		// The parser's types promise a name; a part need not have one.
		form.on('file', (field: string | undefined, stream, fileName, _encoding, type) => {
			cancelLimit();
			stream.once('end', limitTime);
			stream.on('error', (error: Error) => fail(incomplete(error)));
			if (field !== FILE_FIELD || taken) {
				stream.resume();
				const problem = taken ? 'more than one file' : `a file in the field "${(field ?? '').slice(0, 50)}"`;
				fail(new PjasError('INVALID_REQUEST', `The form has ${problem}. Send one file, in the field "file"`));
				return;
			}

			const source = endingWith(stream as AsyncIterable<Uint8Array>, whole);
			try {
				const file = {name: checkFileName(unescapeName(fileName)), type: mediaTypeOf(type), source, ...(e2e && {e2e})};
				taken = take(file, broken.signal);
				taken.catch(() => stream.resume());
				taken.catch(reject);
			} catch (error) {
				stream.resume();
				fail(error as PjasError);
			}
		});
		form.on('field', (field, value) => {
			if (field !== E2E_FIELD) return;
			try {
				if (taken) throw new PjasError('INVALID_REQUEST', 'The field "e2e" must stand before the file');
				e2e = parseJson(Buffer.from(value), e2eSchema, 'field "e2e"');
			} catch (error) {
				fail(error as PjasError);
			}
		});
		for (const limit of ['partsLimit', 'fieldsLimit'] as const) {
			form.on(limit, () => fail(new PjasError('INVALID_REQUEST', `The form has more than ${MOST_FIELDS} fields`)));
		}

		form.on('error', (error: unknown) => fail(incomplete(error)));
		form.on('finish', resolve);
		request.once('close', () => {
			if (!request.complete) fail(incomplete());
		});
		request.once('error', error => fail(incomplete(error)));
	});
	whole.catch(() => undefined);

	request.pipe(form);
	try {
		await whole;
	} catch (error) {
		await Promise.allSettled([taken]);
		throw error;
	} finally {
		cancelLimit();
		request.unpipe(form);
		form.destroy();
	}

	if (!taken) throw new PjasError('NO_FILE_UPLOADED', 'No file uploaded. Send it in the field "file" of the form');
	return taken;
};
