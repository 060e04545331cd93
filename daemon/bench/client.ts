import {createHash, randomBytes} from 'node:crypto';
import {once} from 'node:events';
import {Agent, type ClientRequest, type IncomingMessage, request, type RequestOptions} from 'node:http';

/** The load: one client for both sides. What it sends is one random buffer over and over, so that it costs little. */
const PATTERN = randomBytes(8 * 1024 * 1024);
const PIECE_BYTES = 256 * 1024;
/** Whoever sends says how many are under way at once. */
const agent = new Agent({keepAlive: true});

/** What is sent before and after a file's bytes. */
export type Envelope = {headers: Record<string, string>; before: Buffer; after: Buffer};

/** The pieces of a file of `sizeBytes`. */
function* contentOf(sizeBytes: number): Generator<Buffer> {
	for (let sent = 0; sent < sizeBytes;) {
		const start = sent % PATTERN.length;
		const piece = PATTERN.subarray(start, start + Math.min(PIECE_BYTES, sizeBytes - sent));
		yield piece;
		sent += piece.length;
	}
}

/** The SHA-256 of what is sent as a file of `sizeBytes`. */
export const contentDigest = (sizeBytes: number): string => {
	const hash = createHash('sha256');
	for (const piece of contentOf(sizeBytes)) {
		hash.update(piece);
	}

	return hash.digest('hex');
};

const textOf = async (answer: IncomingMessage): Promise<string> => {
	let text = '';
	answer.setEncoding('utf8').on('data', (piece: string) => {
		text += piece;
	});
	await once(answer, 'end');
	return text;
};

/** Waits for the head of an answer. One that tells of an error is thrown, with what it says. */
const answerOf = async (call: ClientRequest): Promise<IncomingMessage> => {
	const [answer] = (await once(call, 'response')) as [IncomingMessage];
	if ((answer.statusCode ?? 500) >= 300) {
		throw new Error(`${call.method} ${call.path}: ${answer.statusCode} ${await textOf(answer)}`);
	}

	return answer;
};

const sendBody = async (call: ClientRequest, sizeBytes: number, {before, after}: Envelope): Promise<void> => {
	call.write(before);
	for (const piece of contentOf(sizeBytes)) {
		if (!call.write(piece)) await once(call, 'drain');
	}

	call.end(after);
};

const send = async (options: RequestOptions, sizeBytes: number, envelope: Envelope): Promise<IncomingMessage> => {
	const length = envelope.before.length + sizeBytes + envelope.after.length;
	const call = request({...options, agent, headers: {...envelope.headers, 'content-length': length}});
	const answered = answerOf(call);
	const [answer] = await Promise.all([answered, Promise.race([sendBody(call, sizeBytes, envelope), answered])]);
	return answer;
};

/** Sends a file and returns the answer's text. */
export const upload = async (options: RequestOptions, sizeBytes: number, envelope: Envelope): Promise<string> =>
	textOf(await send(options, sizeBytes, envelope));

const none = Buffer.alloc(0);

/** Sends a file by tus 1.0, in one request, and returns its id. */
export const uploadByTus = async (options: RequestOptions, sizeBytes: number): Promise<string> => {
	const headers = {
		...(options.headers as Record<string, string>),
		'tus-resumable': '1.0.0',
		'upload-length': String(sizeBytes),
		'upload-metadata': `filename ${Buffer.from('bench').toString('base64')}`,
		'content-type': 'application/offset+octet-stream',
	};
	const answer = await send(options, sizeBytes, {headers, before: none, after: none});
	await textOf(answer);
	return answer.headers.location?.split('/').at(-1) ?? '';
};

/** Fetches a body, gives each piece to `take`, and returns its length. */
export const download = async (options: RequestOptions, take?: (piece: Buffer) => void): Promise<number> => {
	const call = request({...options, agent});
	call.end();
	const answer = await answerOf(call);
	let sizeBytes = 0;
	answer.on('data', (piece: Buffer) => {
		sizeBytes += piece.length;
		take?.(piece);
	});
	await once(answer, 'end');
	return sizeBytes;
};

/** A call without a body. */
export const ask = async (options: RequestOptions): Promise<string> => {
	const call = request({...options, agent});
	call.end();
	const answer = await answerOf(call);
	return textOf(answer);
};
