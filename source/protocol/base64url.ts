/** Bytes turned to characters at once: a call takes only so many arguments. */
const CHARACTERS_AT_ONCE = 8192;

/** Base64 with `-` and `_` and without `=` at its end (RFC 4648, section 5), in Node and in browsers. */
export const toBase64url = (bytes: Uint8Array): string => {
	let binary = '';
	for (let start = 0; start < bytes.length; start += CHARACTERS_AT_ONCE) {
		binary += String.fromCharCode(...bytes.subarray(start, start + CHARACTERS_AT_ONCE));
	}

	return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
};

/** The bytes that a text stands for; `undefined` where it is none that `toBase64url` writes. */
export const fromBase64url = (text: string): Uint8Array<ArrayBuffer> | undefined => {
	if (!/^[\w-]*$/.test(text) || text.length % 4 === 1) return undefined;
	const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
	const bytes = new Uint8Array(binary.length);
	for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at);
	// Bits that stand for nothing must be 0, so that each text has one meaning and each meaning one text.
	return toBase64url(bytes.subarray(-(bytes.length % 3 || 3))) === text.slice(-(text.length % 4 || 4))
		? bytes
		: undefined;
};
