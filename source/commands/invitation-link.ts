import {parseCoordinatorUrl} from '../base-url.js';
import {PjasError} from '../protocol/errors.js';
import {isSecret} from '../protocol/people.js';

const linkPattern = /^(https?:\/\/[^#?]+?)\/welcome\/?#(\S+)$/;

/**
Takes an invitation's link apart: `URL/welcome#pjas-invite_…`.

@throws {PjasError} `INVALID_CONFIGURATION`. The link is not repeated: it may be nearly right, and is a secret.
*/
export const invitationOf = (link: string): {url: string; code: string} => {
	const [, base = '', code = ''] = linkPattern.exec(link.trim()) ?? [];
	const url = parseCoordinatorUrl(base);
	if (url !== undefined && isSecret('invitation', code)) return {url, code};
	const problem = 'That is no whole link of an invitation: URL/welcome#pjas-invite_…, which a shell wants in quotes';
	throw new PjasError('INVALID_CONFIGURATION', problem);
};
