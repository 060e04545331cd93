import {fromBase64url, toBase64url} from '../protocol/base64url.js';
import {FILE_KEY_BYTES} from '../protocol/file-key.js';
import {parseBaseUrl} from '../base-url.js';

/** A link to a file. The key stands in the fragment, which no program sends. */
export type ShareUrl = {
	/** The coordinator's base address. */
	url: string;
	/** What the coordinator knows the link by. */
	link: string;
	/** Where the file is sealed end to end. */
	key?: Uint8Array<ArrayBuffer>;
};

const linkPattern = /^[\w-]{8,128}$/;

export const formatShareUrl = ({url, link, key}: ShareUrl): string =>
	`${url}/s/${link}${key ? `#k=${toBase64url(key)}` : ''}`;

/** The parts of a link; `undefined` where the text is none, or its key is no key. */
export const parseShareUrl = (text: string): ShareUrl | undefined => {
	if (!URL.canParse(text)) return undefined;
	const {hash} = new URL(text);
	const [, base = '', link = ''] = /^([^?#]*)\/s\/([^/?#]+)(?:#.*)?$/.exec(text) ?? [];
	const url = parseBaseUrl(base);
	if (url === undefined || !linkPattern.test(link)) return undefined;
	if (hash === '') return {url, link};
	const key = fromBase64url(/^#k=([\w-]+)$/.exec(hash)?.[1] ?? '');
	return key?.length === FILE_KEY_BYTES ? {url, link, key} : undefined;
};
