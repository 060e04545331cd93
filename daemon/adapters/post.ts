import type {Post} from '../ports/post.js';

const SECOND_MS = 1000;

const causes: Record<string, string> = {
	ECONNREFUSED: 'nothing listens there',
	ECONNRESET: 'the connection was cut off',
	EHOSTUNREACH: 'its machine is not reached',
	ENETUNREACH: 'its network is not reached',
	ENOTFOUND: 'its name is not known',
	EAI_AGAIN: 'its name can not be looked up now',
	CERT_HAS_EXPIRED: 'its certificate has expired',
	DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by nobody who is trusted',
	SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is signed by nobody who is trusted',
	UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is signed by nobody who is trusted',
	ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
	UND_ERR_CONNECT_TIMEOUT: 'no connection came about in time',
	UND_ERR_SOCKET: 'the connection was cut off',
};

const problemOf = (error: unknown): string => {
	const {code, message} = ((error as Error).cause ?? error) as NodeJS.ErrnoException;
	return (code !== undefined && (causes[code] ?? code)) || message;
};

const waitIn = (header: string | null): {retryAfterMs?: number} =>
	header !== null && /^\d{1,9}$/.test(header) ? {retryAfterMs: Number(header) * SECOND_MS} : {};

/** Over `fetch`. */
export const post: Post = async (url, {headers, body}, signal) => {
	try {
		const answer = await fetch(url, {method: 'POST', headers, body, redirect: 'manual', signal});
		await answer.body?.cancel();
		const location = answer.headers.get('location');
		return {
			status: answer.status,
			...(location !== null && {location}),
			...waitIn(answer.headers.get('retry-after')),
		};
	} catch (error) {
		signal.throwIfAborted();
		throw new Error(problemOf(error), {cause: error});
	}
};
