/** The coordinator could not be reached, did not answer in time, or cut its answer off. */
export class UnreachableError extends Error {
	override readonly name = 'UnreachableError';
}

type AnswerErrorOptions = {code?: string; status?: number; retryAfterMs?: number; cause?: unknown};

/** The coordinator answered, but not with what was asked for. */
export class AnswerError extends Error {
	override readonly name = 'AnswerError';
	/** The answer's own code, where it has one. */
	readonly code: string | undefined;
	/** The HTTP status, where that said that something is wrong. */
	readonly status: number | undefined;
	/** After so long a second try makes sense, where the coordinator says so. */
	readonly retryAfterMs: number | undefined;

	constructor(message: string, {code, status, retryAfterMs, cause}: AnswerErrorOptions = {}) {
		super(message, cause === undefined ? undefined : {cause});
		this.code = code;
		this.status = status;
		this.retryAfterMs = retryAfterMs;
	}
}
