/** What came of a request: the answer's status, where it led to, and how long it asks to be left alone. */
export type Posted = {status: number; location?: string; retryAfterMs?: number};

/**
Sends a body to a URL. Redirects are not followed, and of the answer's body nothing is read. Rejects with an error whose
message says what is wrong where no answer came; the signal breaks it off.
*/
export type Post = (
	url: string,
	request: {headers: Readonly<Record<string, string>>; body: string},
	signal: AbortSignal,
) => Promise<Posted>;
