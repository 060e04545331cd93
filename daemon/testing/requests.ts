import {createHash} from 'node:crypto';
import {setTimeout as delay} from 'node:timers/promises';
import type {ExecutionContext} from 'ava';
import {systemRandom} from '../adapters/system.js';

export type Json = Record<string, unknown>;

export const MIB = 1024 * 1024;
export const bytesOf = (sizeBytes: number) => systemRandom.bytes(sizeBytes);
export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
export const jsonOf = async (answer: Response): Promise<Json> => (await answer.json()) as Json;

/** Uploads bytes as a browser does. */
export const uploadTo = async (
	url: string,
	bytes: Uint8Array<ArrayBuffer>,
	name = 'photo.jpg',
	type = 'image/jpeg',
) => {
	const form = new FormData();
	form.set('file', new Blob([bytes], {type}), name);
	return fetch(`${url}/api/files/upload`, {method: 'POST', body: form});
};

export const upload = async (t: ExecutionContext, url: string, bytes: Uint8Array<ArrayBuffer>, name?: string) => {
	const answer = await uploadTo(url, bytes, name);
	const body = await jsonOf(answer);
	t.is(answer.status, 200, JSON.stringify(body));
	return body['file_id'] as string;
};

export const download = async (url: string, id: string, headers: Record<string, string> = {}) => {
	const answer = await fetch(`${url}/api/files/download/${id}`, {headers});
	return {answer, bytes: new Uint8Array(await answer.arrayBuffer())};
};

export const same = (t: ExecutionContext, actual: Uint8Array, expected: Uint8Array) => {
	t.is(actual.length, expected.length);
	t.is(sha256(actual), sha256(expected));
};

/** Waits for something that is on its way, a bounded time. */
export const eventually = async (t: ExecutionContext, isSo: () => boolean | Promise<boolean>, what: string) => {
	for (let tries = 0; tries < 3000; tries++) {
		if (await isSo()) return;
		await delay(10);
	}

	t.fail(`waited for: ${what}`);
};

export const filesListed = async (url: string) => (await jsonOf(await fetch(`${url}/api/files`)))['files'] as Json[];
