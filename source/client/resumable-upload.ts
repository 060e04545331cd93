import type {Uploaded} from '../protocol/api.js';
import {parseFileId} from '../protocol/ids.js';
import {UPLOADED_HEADER, type UploadedHeader, uploadedHeaderSchema} from '../protocol/uploads-api.js';
import {type ChunkSums, createChunkSums} from './chunk-sums.js';
import type {Outgoing} from './contract.js';
import {AnswerError} from './errors.js';
import type {Answer, Call, Http} from './http.js';
import {assertStatus, parseJson, quote, refusal, strange} from './read-answer.js';

/** A file whose size is known, which can be gone on with. */
export type ResumableOutgoing = Outgoing & Required<Pick<Outgoing, 'sizeBytes' | 'resume'>>;

const VERSION = {'tus-resumable': '1.0.0'};
const CONTENT_TYPE = 'application/offset+octet-stream';

/** Nothing of an upload is known there any more: it is begun anew. */
const gone = new Set(['UPLOAD_NOT_FOUND', 'UPLOAD_EXPIRED']);
/** After these, too, the next try begins anew. */
const endings = new Set([...gone, 'CHECKSUM_MISMATCH']);
/** Coordinators of before, and the prototype, know no such uploads. */
const unknownStatuses = new Set([404, 405, 501]);

const metadataOf = ({name, type, e2e}: Outgoing): string => {
	const pairs = {filename: name, ...(type !== undefined && {filetype: type}), ...(e2e && {e2e: JSON.stringify(e2e)})};
	return Object.entries(pairs)
		.map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
		.join(',');
};

const numberIn = (text: string | undefined): number | undefined =>
	text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;

/** Calls, reads no body, and gives the head of a good answer. */
const ask = async (http: Http, call: Call, wanted: number) => {
	const answer = await http.call({...call, headers: {...VERSION, ...call.headers}});
	await assertStatus(http, answer, [wanted]);
	answer.close();
	return answer;
};

/** What an answer says of an upload that is whole. */
const wholeOf = (answer: Answer): UploadedHeader => {
	const said = uploadedHeaderSchema.safeParse(parseJson(answer.header(UPLOADED_HEADER.toLowerCase()) ?? ''));
	if (said.success) return said.data;
	throw strange(answer.target, 'nothing about the file that it has now', said.error);
};

/** Where an upload stands, or what became of it; `undefined` where the coordinator has none of this id. */
const stateOf = async (
	http: Http,
	id: string,
	{sizeBytes, signal}: ResumableOutgoing,
): Promise<number | UploadedHeader | undefined> => {
	const answer = await http.call({name: 'uploadState', id, headers: VERSION, signal});
	// An answer to HEAD can't say which.
	if (answer.status === 404 || answer.status === 410) {
		answer.close();
		return undefined;
	}

	await assertStatus(http, answer);
	answer.close();
	const offset = numberIn(answer.header('upload-offset'));
	if (offset === undefined || numberIn(answer.header('upload-length')) !== sizeBytes || offset > sizeBytes) {
		throw strange(answer.target, `the offset ${quote(answer.header('upload-offset') ?? '')} of ${sizeBytes}`);
	}

	return offset === sizeBytes ? wholeOf(answer) : offset;
};

/** Begins an upload. `undefined` where the coordinator knows none that can be gone on with. */
const begin = async (http: Http, file: ResumableOutgoing): Promise<string | undefined> => {
	const headers = {...VERSION, 'upload-length': String(file.sizeBytes), 'upload-metadata': metadataOf(file)};
	const answer = await http.call({name: 'createUpload', headers, signal: file.signal});
	if (unknownStatuses.has(answer.status)) {
		answer.close();
		return undefined;
	}

	await assertStatus(http, answer, [201]);
	answer.close();
	const location = answer.header('location') ?? '';
	const id = parseFileId(location.split('/').at(-1));
	if (id === undefined) throw strange(answer.target, `the location ${quote(location)}`);
	return id;
};

type Rest = {pieces: () => AsyncGenerator<Uint8Array>; isEnded: () => boolean};

/**
The body from `fromByte` on. What stands before is only summed up, as the rest is. The last piece goes out once the body has
ended well: with it the file would be there.
*/
const restOf = (fromByte: number, {body, onSent}: Outgoing, sums: ChunkSums): Rest => {
	let isEnded = false;
	return {
		isEnded: () => isEnded,
		async *pieces() {
			let passedBytes = 0;
			let held: Uint8Array | undefined;
			for await (const piece of body) {
				sums.add(piece);
				const unsent = piece.subarray(Math.min(piece.length, Math.max(0, fromByte - passedBytes)));
				passedBytes += piece.length;
				if (unsent.length === 0) continue;
				if (held) {
					yield held;
					onSent?.(passedBytes - unsent.length);
				}

				held = unsent;
			}

			isEnded = true;
			onSent?.(passedBytes);
			if (held) yield held;
		},
	};
};

/** Sends the rest. Says what the coordinator has then. */
const sendRest = async (
	http: Http,
	id: string,
	offset: number,
	{sizeBytes, signal, rest}: ResumableOutgoing & {rest: Rest},
): Promise<UploadedHeader> => {
	const headers = {
		...VERSION,
		'content-type': CONTENT_TYPE,
		'upload-offset': String(offset),
		'content-length': String(sizeBytes - offset),
	};
	const answer = await http.call({name: 'resumeUpload', id, headers, body: rest.pieces(), signal});
	if (answer.status !== 204) throw await refusal(answer, http.clock.now());
	answer.close();
	if (rest.isEnded() && numberIn(answer.header('upload-offset')) === sizeBytes) return wholeOf(answer);
	throw strange(answer.target, `the offset ${quote(answer.header('upload-offset') ?? '')} of ${sizeBytes}`);
};

const send = async (http: Http, id: string, state: number | UploadedHeader, file: ResumableOutgoing) => {
	const sums = createChunkSums();
	const isWhole = typeof state === 'object';
	const rest = restOf(isWhole ? file.sizeBytes : state, file, sums);
	const stored = isWhole ? state : await sendRest(http, id, state, {...file, rest});
	// Of what is whole already nothing is sent, and yet all is summed up.
	if (isWhole)
		for await (const piece of rest.pieces()) throw strange(http.url, `an upload without ${piece.length} bytes of it`);
	const digest = sums.digest();
	if (stored.size === file.sizeBytes && (stored.chunks_sha256 ?? digest) === digest) return stored;
	const problem = 'What the coordinator stored is not what was sent';
	throw new AnswerError(`${problem}. Delete ${id} there, and send it again`, {code: 'CHECKSUM_MISMATCH'});
};

/**
Sends a file by tus 1.0: from where an earlier try got, if the coordinator still has that. All of it is summed up here, and
compared with what the coordinator says at the end.

@returns `undefined` where the coordinator knows no such uploads; then nothing of the body was read.
*/
export const sendResumable = async (http: Http, file: ResumableOutgoing): Promise<Uploaded | undefined> => {
	const {name, resume, sizeBytes, onSent} = file;
	let id = await resume.known();
	let state = id === undefined ? undefined : await stateOf(http, id, file);
	if (id === undefined || state === undefined) {
		id = await begin(http, file);
		if (id === undefined) return undefined;
		await resume.begun(id);
		state = sizeBytes === 0 ? await stateOf(http, id, file) : 0;
		if (state === undefined) throw strange(http.url, 'no word of an upload that it has just begun');
	}

	if (typeof state === 'number' && state > 0) onSent?.(state);
	try {
		const {chunks, size, redundancy} = await send(http, id, state, file);
		await resume.ended();
		return {success: true, file_id: id, message: 'File uploaded', chunks, size, filename: name, redundancy};
	} catch (error) {
		if (error instanceof AnswerError && endings.has(error.code ?? '')) await resume.ended();
		throw error;
	}
};

/** Gives an upload up. One that is not there any more is a success, and so is one that is whole. */
export const cancelResumable = async (http: Http, id: string): Promise<void> => {
	try {
		await ask(http, {name: 'cancelUpload', id}, 204);
	} catch (error) {
		const isOver = error instanceof AnswerError && (gone.has(error.code ?? '') || error.code === 'CONFLICT');
		if (!isOver) throw error;
	}
};
