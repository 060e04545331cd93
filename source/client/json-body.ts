import type {Call} from './http.js';

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
	yield await Promise.resolve(bytes);
}

/** What of a call sends JSON. */
export const jsonBody = (value: unknown): Required<Pick<Call, 'headers' | 'body'>> => {
	const bytes = Buffer.from(JSON.stringify(value));
	return {
		headers: {'content-type': 'application/json', 'content-length': String(bytes.length)},
		body: once(bytes),
	};
};
