import type {IncomingMessage} from 'node:http';
import type {z} from 'zod';
import {escapeControls} from '../../source/protocol/escape.js';
import {type ErrorCode, errorKinds, PjasError} from '../../source/protocol/errors.js';
import {json, type Sink, then} from './http-shards-sinks.js';

/** The most that is read of an answer that is no shard and no listing. */
export const MAX_SMALL_ANSWER_BYTES = 64 * 1024;
const LONGEST_QUOTE = 300;

/** What a node may say went wrong, in our words: a node's own could be anything. */
const messages = {
	SHARD_NOT_FOUND: 'The node has no such shard',
	SHARD_CORRUPT: 'The shard that the node has is not what its name says',
	SHARD_UNREADABLE: "The node's disk does not give the shard's bytes",
	DIGEST_MISMATCH: 'The shard changed on its way to the node: send it again',
	INSUFFICIENT_STORAGE: 'The node is full: choose another',
	BODY_TOO_LARGE: 'The shard is larger than the node takes',
	NODE_RESTING: 'The node takes no part for now, as its member wants: choose another',
} as const satisfies Partial<Record<ErrorCode, string>>;

export type NodeErrorCode = keyof typeof messages;

export const nodeError = (code: NodeErrorCode, cause?: unknown): PjasError =>
	new PjasError(code, messages[code], cause === undefined ? {} : {cause});

export const nodeFailed = (problem: string, cause?: unknown): PjasError =>
	new PjasError('NODE_FAILED', problem, cause === undefined ? {} : {cause});

/** What the node said, for the log only. */
export const quoted = (status: number, {error, code}: {error?: unknown; code?: unknown}): Error => {
	const text = [code, error].filter(part => typeof part === 'string').join(': ');
	return new Error(`status ${status} ${escapeControls(text.slice(0, LONGEST_QUOTE))}`.trimEnd());
};

/** What a node says went wrong, as an error: its own code where it is one of `fitting`, else `NODE_FAILED`. */
export const saidError = (
	said: {error?: unknown; code?: unknown},
	fitting: readonly NodeErrorCode[],
	status = 200,
): PjasError => {
	const cause = quoted(status, said);
	const code = fitting.find(each => each === said.code);
	return code
		? nodeError(code, cause)
		: nodeFailed(`The node's answer (status ${status}) is not what was agreed`, cause);
};

/**
Turns any answer but the wanted one into an error: the node's own code where it is one of `fitting` and goes with the
answer's status, else `NODE_FAILED`. What stands between us and the node may answer in its place, so a status by itself,
404 above all, says nothing about a shard.
*/
export const refusal = (answer: IncomingMessage, fitting: readonly NodeErrorCode[]): Sink<never> =>
	then(json(MAX_SMALL_ANSWER_BYTES), body => {
		const status = answer.statusCode ?? 0;
		const said: {error?: unknown; code?: unknown} = typeof body === 'object' && body !== null ? body : {};
		throw saidError(
			said,
			fitting.filter(code => errorKinds[code].status === status),
			status,
		);
	});

/** An answer in JSON that is as agreed. A page of something in between, though its status be 200, is not. */
export const agreed = <T>(schema: z.ZodType<T>, limitBytes: number): Sink<T> =>
	then(json(limitBytes), body => {
		const {success, data} = schema.safeParse(body);
		if (success) return data;
		throw nodeFailed("The node's answer is not what was agreed");
	});
