type Kind = {status: number; retryable: boolean};

/**
Every code that an answer can carry, with the HTTP status that goes with it and whether the same call may succeed later.
*/
export const errorKinds = {
	INVALID_REQUEST: {status: 400, retryable: false},
	NO_FILE_UPLOADED: {status: 400, retryable: false},
	UPLOAD_INCOMPLETE: {status: 400, retryable: true},
	UNAUTHENTICATED: {status: 401, retryable: false},
	INVALID_CREDENTIALS: {status: 401, retryable: false},
	LINK_PASSWORD_NEEDED: {status: 401, retryable: false},
	FORBIDDEN: {status: 403, retryable: false},
	JOIN_CODE_INVALID: {status: 403, retryable: false},
	CLASSIC_NOT_ALLOWED: {status: 403, retryable: false},
	NODE_BANNED: {status: 403, retryable: false},
	ROUTE_NOT_FOUND: {status: 404, retryable: false},
	FILE_NOT_FOUND: {status: 404, retryable: false},
	NODE_NOT_FOUND: {status: 404, retryable: false},
	SHARD_NOT_FOUND: {status: 404, retryable: false},
	ACCOUNT_NOT_FOUND: {status: 404, retryable: false},
	INVITATION_NOT_FOUND: {status: 404, retryable: false},
	LINK_NOT_FOUND: {status: 404, retryable: false},
	TOKEN_NOT_FOUND: {status: 404, retryable: false},
	UPLOAD_NOT_FOUND: {status: 404, retryable: false},
	METHOD_NOT_ALLOWED: {status: 405, retryable: false},
	REQUEST_TIMEOUT: {status: 408, retryable: true},
	CONFLICT: {status: 409, retryable: true},
	ACCOUNT_EXISTS: {status: 409, retryable: false},
	LINK_EXHAUSTED: {status: 410, retryable: false},
	UPLOAD_EXPIRED: {status: 410, retryable: false},
	TUS_VERSION_UNSUPPORTED: {status: 412, retryable: false},
	BODY_TOO_LARGE: {status: 413, retryable: false},
	UNSUPPORTED_MEDIA_TYPE: {status: 415, retryable: false},
	RANGE_NOT_SATISFIABLE: {status: 416, retryable: false},
	DIGEST_MISMATCH: {status: 422, retryable: true},
	UPLOAD_LOCKED: {status: 423, retryable: true},
	UPGRADE_REQUIRED: {status: 426, retryable: false},
	TOO_MANY_REQUESTS: {status: 429, retryable: true},
	HEADERS_TOO_LARGE: {status: 431, retryable: false},
	CHECKSUM_MISMATCH: {status: 460, retryable: true},
	INTERNAL_ERROR: {status: 500, retryable: false},
	FILE_UNAVAILABLE: {status: 500, retryable: true},
	SHARD_CORRUPT: {status: 500, retryable: false},
	SHARD_UNREADABLE: {status: 500, retryable: true},
	OPERATION_UNSUPPORTED: {status: 501, retryable: false},
	NODE_FAILED: {status: 502, retryable: true},
	NO_NODES_AVAILABLE: {status: 503, retryable: true},
	NOT_ENOUGH_NODES: {status: 503, retryable: true},
	CATALOG_UNAVAILABLE: {status: 503, retryable: true},
	AUDIT_UNAVAILABLE: {status: 503, retryable: true},
	SHUTTING_DOWN: {status: 503, retryable: true},
	NODE_RESTING: {status: 503, retryable: true},
	NODE_TIMEOUT: {status: 504, retryable: true},
	INSUFFICIENT_STORAGE: {status: 507, retryable: true},
	QUOTA_EXCEEDED: {status: 507, retryable: false},
	FOLDER_IN_USE: {status: 500, retryable: false},
	CATALOG_CORRUPT: {status: 500, retryable: false},
	OTHER_NETWORK: {status: 409, retryable: false},
	COORDINATOR_UNREACHABLE: {status: 503, retryable: true},
	SERVICE_NOT_STARTED: {status: 500, retryable: false},
	INVALID_CONFIGURATION: {status: 400, retryable: false},
	WRONG_PASSPHRASE: {status: 400, retryable: false},
	PASSPHRASE_NEEDED: {status: 400, retryable: false},
	FILE_KEY_MISSING: {status: 400, retryable: false},
	KEYRING_CORRUPT: {status: 500, retryable: false},
	SEAL_BROKEN: {status: 500, retryable: false},
} as const satisfies Record<string, Kind>;

export type ErrorCode = keyof typeof errorKinds;

type PjasErrorOptions = {cause?: unknown; retryAfterSeconds?: number};

/**
What goes wrong in PJAS, with a stable `code`. The message says what happened and what to do about it, and is fit for
whoever called: it holds no path, no secret and no stack. The `cause` is for the log.
*/
export class PjasError extends Error {
	override readonly name = 'PjasError';
	readonly code: ErrorCode;
	/** Seconds after which a second try makes sense, where waiting helps. */
	readonly retryAfterSeconds: number | undefined;

	constructor(code: ErrorCode, message: string, {cause, retryAfterSeconds}: PjasErrorOptions = {}) {
		super(message, cause === undefined ? undefined : {cause});
		this.code = code;
		this.retryAfterSeconds = retryAfterSeconds;
	}

	get status(): number {
		return errorKinds[this.code].status;
	}

	get retryable(): boolean {
		return errorKinds[this.code].retryable;
	}
}

export const isPjasError = (error: unknown, code?: ErrorCode): error is PjasError =>
	error instanceof PjasError && (code === undefined || error.code === code);

export const isErrorCode = (text: unknown): text is ErrorCode =>
	typeof text === 'string' && Object.hasOwn(errorKinds, text);
