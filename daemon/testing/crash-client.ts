import {createHash} from 'node:crypto';
import {type IncomingMessage, request, type RequestOptions} from 'node:http';
import type {CheckLine} from '../../source/protocol/api.js';
import {pathOf, type RouteName} from '../../source/protocol/routes.js';

/**
A client that tells apart what a person can know when the network dies under them: done, refused, or no answer. Every call
has a connection of its own, so none suffers from another's end.
*/

/** The answer came, but said no. */
export type Refused = {kind: 'refused'; status: number; code: string; message: string};

/** No whole answer came: nobody can say whether it was done. */
export type Lost = {kind: 'lost'; error: Error};

export type UploadOutcome = {kind: 'stored'; id: string} | Refused | Lost;
export type RemoveOutcome = {kind: 'removed'} | Refused | Lost;
export type DownloadOutcome = {kind: 'whole'; sizeBytes: number; sha256: string} | Refused | Lost;

type Moments = {
	/** All of the request has been handed over. */
	onSent?: () => void;
	/** The answer begins. */
	onHead?: () => void;
};

type Answer<T> = {status: number; body: T} | Lost;

/** Longer than anything may take: a call that takes longer hangs. */
const CALL_LIMIT_MS = 90_000;
const boundary = 'pjas-crash-7d1c0b5a';

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const call = async <T>(
	url: string,
	options: RequestOptions,
	body: readonly Uint8Array[],
	read: (answer: IncomingMessage) => Promise<T>,
	{onSent, onHead}: Moments = {},
): Promise<Answer<T>> =>
	new Promise((resolve, reject) => {
		const outgoing = request(url, {...options, agent: false});
		const limit = setTimeout(() => {
			reject(new Error(`${options.method ?? 'GET'} ${url} has no end after ${CALL_LIMIT_MS / 1000} s`));
			outgoing.destroy();
		}, CALL_LIMIT_MS);
		const end = (answer: Answer<T>) => {
			clearTimeout(limit);
			resolve(answer);
		};

		let hasHead = false;
		outgoing.once('finish', () => onSent?.());
		outgoing.once('response', answer => {
			hasHead = true;
			onHead?.();
			read(answer).then(
				whole => end({status: answer.statusCode ?? 0, body: whole}),
				(error: unknown) => end({kind: 'lost', error: error as Error}),
			);
		});
		outgoing.on('error', error => {
			if (!hasHead) end({kind: 'lost', error});
		});
		for (const piece of body) outgoing.write(piece);
		outgoing.end();
	});

const textOf = async (answer: IncomingMessage): Promise<string> => {
	let text = '';
	for await (const piece of answer.setEncoding('utf8')) text += piece as string;
	return text;
};

const refusedBy = (status: number, text: string): Refused => {
	const {success, code, error} = JSON.parse(text) as {success: unknown; code: unknown; error: unknown};
	if (success !== false || typeof code !== 'string' || typeof error !== 'string') {
		throw new Error(`An answer with status ${status} is no error of ours: ${text}`);
	}

	return {kind: 'refused', status, code, message: error};
};

/** Uploads bytes under a name that needs no escaping. */
export const upload = async (
	url: string,
	name: string,
	bytes: Uint8Array,
	moments?: Moments,
): Promise<UploadOutcome> => {
	const head = Buffer.from(
		`--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\n` +
			'Content-Type: application/octet-stream\r\n\r\n',
	);
	const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
	const headers = {
		'content-type': `multipart/form-data; boundary=${boundary}`,
		'content-length': head.length + bytes.length + tail.length,
	};
	const options = {method: 'POST', headers};
	const answer = await call(url + pathOf('upload'), options, [head, bytes, tail], textOf, moments);
	if ('kind' in answer) return answer;
	if (answer.status !== 200) return refusedBy(answer.status, answer.body);
	const {file_id: id} = JSON.parse(answer.body) as {file_id: string};
	return {kind: 'stored', id};
};

export const remove = async (url: string, id: string): Promise<RemoveOutcome> => {
	const answer = await call(url + pathOf('deleteFile', id), {method: 'DELETE'}, [], textOf);
	if ('kind' in answer) return answer;
	return answer.status === 200 ? {kind: 'removed'} : refusedBy(answer.status, answer.body);
};

/** Brings a file back from the trash. */
export const restore = async (url: string, id: string): Promise<{kind: 'restored'} | Refused | Lost> => {
	const answer = await call(url + pathOf('restoreFile', id), {method: 'POST'}, [], textOf);
	if ('kind' in answer) return answer;
	return answer.status === 200 ? {kind: 'restored'} : refusedBy(answer.status, answer.body);
};

/** Has every node re-hash its shards of a file; gives the last line of what came. */
export const check = async (url: string, id: string): Promise<CheckLine> => {
	const answer = await call(url + pathOf('check', id), {method: 'POST'}, [], textOf);
	if ('kind' in answer) throw answer.error;
	if (answer.status !== 200) throw new Error(`The check of ${id}: ${answer.status} ${answer.body}`);
	return JSON.parse(answer.body.trimEnd().split('\n').at(-1) ?? '') as CheckLine;
};

export const download = async (url: string, id: string): Promise<DownloadOutcome> => {
	const read = async (answer: IncomingMessage) => {
		if (answer.statusCode !== 200) return {text: await textOf(answer)};
		const hash = createHash('sha256');
		let sizeBytes = 0;
		for await (const piece of answer as AsyncIterable<Buffer>) {
			hash.update(piece);
			sizeBytes += piece.length;
		}

		return {sizeBytes, sha256: hash.digest('hex')};
	};
	const answer = await call(url + pathOf('download', id), {}, [], read);
	if ('kind' in answer) return answer;
	return 'text' in answer.body ? refusedBy(answer.status, answer.body.text) : {kind: 'whole', ...answer.body};
};

/** An answer in JSON; rejects where there is none. */
export const ask = async <T>(url: string, path: string, headers: Record<string, string> = {}): Promise<T> => {
	const answer = await call(url + path, {headers}, [], textOf);
	if ('kind' in answer) throw answer.error;
	if (answer.status !== 200) throw new Error(`GET ${path}: ${answer.status} ${answer.body}`);
	return JSON.parse(answer.body) as T;
};

/** The same of one of the coordinator's calls. */
export const askFor = async <T>(url: string, name: RouteName, id?: string): Promise<T> => ask<T>(url, pathOf(name, id));
