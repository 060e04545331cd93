/** What came back from an address. */
export type Answered = {status: number; header: (name: string) => string | undefined; text: string};

export type AskOptions = {method?: string; headers?: Readonly<Record<string, string>>; body?: string};

/** Asks an address, following no redirection. Rejects where no answer comes. */
export type Ask = (url: string, request?: AskOptions) => Promise<Answered>;

const ASK_WITHIN_MS = 8_000;
const MOST_ANSWER_BYTES = 4 * 1024 * 1024;

export const ask: Ask = async (url, {method = 'GET', headers = {}, body} = {}) => {
	const {got} = await import('got');
	const giveUp = new AbortController();
	const request = got(url, {
		method: method as 'GET',
		headers,
		...(body !== undefined && {body}),
		signal: giveUp.signal,
		timeout: {request: ASK_WITHIN_MS},
		retry: {limit: 0},
		followRedirect: false,
		throwHttpErrors: false,
	});
	void request.on('downloadProgress', ({transferred}) => {
		if (transferred > MOST_ANSWER_BYTES) giveUp.abort(new Error('The answer is too long'));
	});
	const answer = await request;
	const header = (name: string) => {
		const value = answer.headers[name.toLowerCase()];
		return typeof value === 'string' ? value : undefined;
	};
	return {status: answer.statusCode, header, text: answer.body};
};
