/** The coordinator could not be reached, or did not answer in time. */
export class UnreachableError extends Error {
	override readonly name = 'UnreachableError';
}

/** The coordinator answered, but not with what was asked for. */
export class AnswerError extends Error {
	override readonly name = 'AnswerError';
	/** The answer's own code, where it has one. */
	readonly code: string | undefined;

	constructor(message: string, {code, cause}: {code?: string; cause?: unknown} = {}) {
		super(message, {cause});
		this.code = code;
	}
}
