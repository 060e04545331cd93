import {AnswerError, UnreachableError} from '../client/errors.js';
import {escapeControls} from '../protocol/escape.js';
import {isPjasError} from '../protocol/errors.js';
import {jsonLine} from './context.js';

export const exitCodes = {done: 0, failed: 1, wrongWords: 2, unreachable: 3, notFound: 4} as const;

/** Something went wrong with one command, with a stable `code` for programs. */
export class CommandError extends Error {
	override readonly name = 'CommandError';
	readonly code: string;
	readonly exitCode: number;
	/** What programs are told besides. */
	readonly details: Readonly<Record<string, unknown>>;

	constructor(
		code: string,
		message: string,
		{exitCode = exitCodes.failed, ...details}: {exitCode?: number} & Record<string, unknown> = {},
	) {
		super(message);
		this.code = code;
		this.exitCode = exitCode;
		this.details = details;
	}
}

export const exitCodeOf = (error: unknown): number => {
	if (error instanceof CommandError) return error.exitCode;
	if (isPjasError(error, 'INVALID_CONFIGURATION')) return exitCodes.wrongWords;
	if (error instanceof UnreachableError) return exitCodes.unreachable;
	const isMissing = error instanceof AnswerError && error.code !== undefined && /_NOT_FOUND$/.test(error.code);
	return isMissing && error.code !== 'ROUTE_NOT_FOUND' ? exitCodes.notFound : exitCodes.failed;
};

const codeOf = (error: unknown): string => {
	if (error instanceof UnreachableError) return 'UNREACHABLE';
	const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
	return typeof code === 'string' ? code : error instanceof AnswerError ? 'UNEXPECTED_ANSWER' : 'FAILED';
};

/** The line, or for programs the JSON object, that says what went wrong. A message may have lines of its own. */
export const failureText = (error: unknown, asJson: boolean): string => {
	const message = error instanceof Error ? error.message : String(error);
	if (asJson) {
		const details = error instanceof CommandError ? error.details : {};
		return jsonLine({error: message, code: codeOf(error), ...details});
	}

	const isUnknown = error instanceof AnswerError && error.code === 'UNAUTHENTICATED';
	const lines = isUnknown ? ['Sign in first: pjas-tui login'] : message.split('\n');
	return `pjas-tui: ${lines.map(escapeControls).join('\n')}\n`;
};
