import type {z} from 'zod';
import {errorSchema} from '../protocol/api.js';
import {errorKinds, isErrorCode, PjasError} from '../protocol/errors.js';
import {pathOf, type RouteName, routes} from '../protocol/routes.js';

/** What an answer of the coordinator says went wrong; `OFFLINE` where none came. */
export class ApiError extends Error {
	override readonly name = 'ApiError';
	readonly code: string;

	constructor(code: string, message: string, cause?: unknown) {
		super(message, {cause});
		this.code = code;
	}
}

export const isApiError = (error: unknown, code: string): error is ApiError =>
	error instanceof ApiError && error.code === code;

/** What went wrong, in words for whoever looks at the page. */
export const messageOf = (error: unknown): string =>
	error instanceof ApiError
		? error.message
		: error instanceof PjasError
			? `${error.message}.`
			: 'Something went wrong in this page. Load it again.';

/** Whether a second try may end better. */
export const isPassing = (error: unknown): boolean => {
	if (!(error instanceof ApiError || error instanceof PjasError)) return false;
	return error.code === 'OFFLINE' || (isErrorCode(error.code) && errorKinds[error.code].retryable);
};

export const offline = (cause?: unknown): ApiError =>
	new ApiError('OFFLINE', 'The storage network can’t be reached. Check your connection, then try again.', cause);

/** A part of the page's program; the line may be down, or the coordinator another version by now, with other parts. */
export const loadPart = async <Part>(load: () => Promise<Part>): Promise<Part> =>
	load().catch((cause: unknown) => {
		throw new ApiError(
			'OFFLINE',
			'This part of the page can’t be loaded. Check your connection, then try again. If that doesn’t help, load the page anew.',
			cause,
		);
	});

type CallOptions = {
	id?: string;
	query?: Record<string, string | number | undefined>;
	json?: unknown;
	headers?: Record<string, string>;
	signal?: AbortSignal;
};

/** Where a call goes: a path of this origin. */
export const addressOf = (name: RouteName, id?: string, query: CallOptions['query'] = {}): string => {
	const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
	const text = new URLSearchParams(given.map(([key, value]): [string, string] => [key, String(value)])).toString();
	return pathOf(name, id) + (text === '' ? '' : `?${text}`);
};

const listeners = new Set<() => void>();

/** Tells when an answer says that nobody is signed in any more. */
export const onSignedOut = (listener: () => void): (() => void) => {
	listeners.add(listener);
	return () => listeners.delete(listener);
};

/** The error that a text of the coordinator's tells. */
export const errorOf = (text: string): ApiError => {
	try {
		const {code, error} = errorSchema.parse(JSON.parse(text));
		return new ApiError(code, error);
	} catch (cause) {
		return new ApiError('NO_ANSWER', 'The storage network gave no answer that this page understands.', cause);
	}
};

/** Calls the coordinator as whoever is signed in, and checks what it answers. */
export const call = async <Schema extends z.ZodType>(
	name: RouteName,
	schema: Schema,
	{id, query, json, headers = {}, signal}: CallOptions = {},
): Promise<z.output<Schema>> => {
	const request: RequestInit = {
		method: routes[name].method,
		headers,
		credentials: 'same-origin',
		signal: signal ?? null,
	};
	if (json !== undefined) {
		request.body = JSON.stringify(json);
		request.headers = {...headers, 'Content-Type': 'application/json'};
	}

	const response = await fetch(addressOf(name, id, query), request).catch((error: unknown) => {
		if (signal?.aborted) throw error;
		throw offline(error);
	});
	const text = await response.text().catch((error: unknown) => {
		throw offline(error);
	});
	if (!response.ok) {
		const error = errorOf(text);
		if (error.code === 'UNAUTHENTICATED') for (const listener of listeners) listener();
		throw error;
	}

	const parsed = schema.safeParse(readJson(text));
	if (parsed.success) return parsed.data;
	throw new ApiError('NO_ANSWER', 'The page is older or newer than the storage network. Load it again.', parsed.error);
};

const readJson = (text: string): unknown => {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
};
