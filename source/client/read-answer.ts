import type {z} from 'zod';
import {errorSchema} from '../protocol/api.js';
import {AnswerError, UnreachableError} from './errors.js';
import type {Answer, Call, Http} from './http.js';
import {createWatch} from './watch.js';

const MOST_QUOTED_LENGTH = 200;
const MOST_ERROR_BYTES = 64 * 1024;
const LONGEST_RETRY_AFTER_MS = 3_600_000;

/** An answer that no coordinator gives. `said` is what it was. */
export const strange = (target: string, said: string, cause?: unknown): AnswerError =>
	new AnswerError(`${target} did not answer as a coordinator of PJAS does, but with ${said}`, {cause});

export const quote = (text: string): string => JSON.stringify(text.slice(0, MOST_QUOTED_LENGTH));

export const parseJson = (text: string): unknown => {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
};

/** The text of an answer, whole. */
const readText = async (answer: Answer, mostBytes: number): Promise<string> => {
	const pieces: Uint8Array[] = [];
	let sizeBytes = 0;
	for await (const piece of answer.pieces()) {
		sizeBytes += piece.length;
		if (sizeBytes > mostBytes) throw strange(answer.target, `more than ${mostBytes} bytes`);
		pieces.push(piece);
	}

	return Buffer.concat(pieces).toString('utf8');
};

/** Milliseconds that a `Retry-After` asks for (RFC 9110, section 10.2.3): seconds, or a date. */
const retryAfterOf = (header: string | undefined, nowMs: number): number | undefined => {
	if (header === undefined) return undefined;
	const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - nowMs;
	return Number.isNaN(ms) ? undefined : Math.min(LONGEST_RETRY_AFTER_MS, Math.max(0, ms));
};

/** What an answer with another status than was hoped for says, whoever gave it. Reads it to its end. */
export const refusal = async (answer: Answer, nowMs: number): Promise<AnswerError> => {
	const {status, target} = answer;
	const retryAfterMs = retryAfterOf(answer.header('retry-after'), nowMs);
	const about = {status, ...(retryAfterMs !== undefined && {retryAfterMs})};
	const location = answer.header('location');
	if (status >= 300 && status < 400 && location !== undefined) {
		answer.close();
		const advice = 'Use the address of the coordinator itself';
		return new AnswerError(`${target} sends whoever asks on to ${quote(location)}. ${advice}`, about);
	}

	let text = '';
	try {
		text = await readText(answer, MOST_ERROR_BYTES);
	} catch (error) {
		// The status alone says enough, however its text ended; but not where somebody gave up waiting for it.
		if (!(error instanceof AnswerError || error instanceof UnreachableError)) throw error;
	}

	const said = errorSchema.safeParse(parseJson(text));
	if (said.success) return new AnswerError(said.data.error, {...about, code: said.data.code});
	return new AnswerError(`${target} answered ${answer.statusText}, as no coordinator of PJAS does`, about);
};

/** Sees to it that an answer has the status that was hoped for. */
export const assertStatus = async (http: Http, answer: Answer, wanted: readonly number[] = [200]): Promise<void> => {
	if (!wanted.includes(answer.status)) throw await refusal(answer, http.clock.now());
	const encoding = answer.header('content-encoding') ?? 'identity';
	if (encoding === 'identity') return;
	answer.close();
	throw strange(answer.target, `something packed as ${quote(encoding)}`);
};

/** Reads an answer and checks it. */
export const readJson = async <Schema extends z.ZodType>(
	http: Http,
	answer: Answer,
	schema: Schema,
): Promise<z.output<Schema>> => {
	await assertStatus(http, answer);
	const text = await readText(answer, http.limits.answerBytes);
	const result = schema.safeParse(parseJson(text));
	if (result.success) return result.data;
	throw strange(answer.target, quote(text), result.error);
};

/** A call whose answer is JSON, within the time that a short answer may take. */
export const callJson = async <Schema extends z.ZodType>(
	http: Http,
	call: Call,
	schema: Schema,
): Promise<z.output<Schema>> => {
	const slow = new AbortController();
	const watch = createWatch(http.clock, ms => {
		slow.abort(new UnreachableError(`${http.url} can't be reached: its answer took more than ${ms / 1000} seconds`));
	});
	watch.within(http.limits.wholeAnswerMs);
	try {
		return await readJson(http, await http.call({...call, signal: slow.signal}), schema);
	} finally {
		watch.stop();
	}
};
