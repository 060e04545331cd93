/** A base address, without a slash at its end; `undefined` where the text is none. */
export const parseBaseUrl = (text: string): string | undefined => {
	const url = URL.canParse(text) ? new URL(text) : undefined;
	const isPlain = url && /^https?:$/.test(url.protocol) && !url.username && !url.password && !url.search && !url.hash;
	return isPlain ? url.href.replace(/\/+$/, '') : undefined;
};

/** The same of a coordinator, without the `/api` that the prototype's configuration has at its end. */
export const parseCoordinatorUrl = (text: string): string | undefined => parseBaseUrl(text)?.replace(/\/+api$/, '');

/** Whether an address leads to the machine itself from which it is asked. */
export const isLoopbackUrl = (url: string): boolean =>
	/^https?:\/\/(localhost|127(\.\d+){3}|\[::1\])(:\d+)?(\/|$)/i.test(url);

export const baseUrlAllowed = 'an address such as http://127.0.0.1:3000 or https://pjas.example.org';
