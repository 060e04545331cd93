import {PjasError} from './errors.js';

/** Where a link's password goes: not into the address, which logs and histories keep. */
export const LINK_PASSWORD_HEADER = 'X-PJAS-Link-Password';

const EXTENDED = "UTF-8''";
const plainPattern = /^[!-~](?:[ -~]*[!-~])?$/;

/**
What a link's password is in a header. One that a header can't carry goes as RFC 8187 has it: `UTF-8''` and its bytes,
percent-encoded. Others go as they are, which every coordinator reads.
*/
export const writeLinkPassword = (password: string): string =>
	plainPattern.test(password) && !password.startsWith(EXTENDED)
		? password
		: EXTENDED + encodeURIComponent(password).replace(/['()*]/g, sign => `%${sign.charCodeAt(0).toString(16)}`);

/** @throws {PjasError} `INVALID_REQUEST` where it is no percent-encoded UTF-8. */
export const readLinkPassword = (header: string): string => {
	if (!header.startsWith(EXTENDED)) return header;
	try {
		return decodeURIComponent(header.slice(EXTENDED.length));
	} catch (error) {
		const problem = `${LINK_PASSWORD_HEADER} has no percent-encoded UTF-8 behind ${EXTENDED}`;
		throw new PjasError('INVALID_REQUEST', problem, {cause: error});
	}
};
