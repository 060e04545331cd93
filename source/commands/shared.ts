import {createHash} from 'node:crypto';
import {type Api, createApi} from '../client/api.js';
import {AnswerError} from '../client/errors.js';
import {sealedDownload} from '../client/sealed-download.js';
import {parseShareUrl, type ShareUrl} from '../client/share-url.js';
import {PjasError} from '../protocol/errors.js';
import {fileKeysOf} from '../protocol/file-key.js';
import {openDetails} from '../protocol/sealed-details.js';
import type {CommandContext} from './context.js';

/** What a download command fetches, and the call that does. */
export type DownloadSource = {
	/** `id` tells a partial file that belongs to it. */
	file: {id: string; filename: string; size: number};
	api: Pick<Api, 'download'>;
};

/** What a link has in it, and hardly a name. */
const likeLink = /#k=|\/s\/pjas-link_/;

/**
The link that a word is; `undefined` where it is a name or an id.

@throws {PjasError} `INVALID_CONFIGURATION` where it holds a key and is no link: such a word is sent to nobody.
*/
export const linkOf = (word: string): ShareUrl | undefined => {
	const link = parseShareUrl(word);
	if (link ?? !likeLink.test(word)) return link;
	throw new PjasError('INVALID_CONFIGURATION', 'That is no link of PJAS, or only a part of one: copy all of it');
};

/** The link's password, where it has one: out of the environment, or asked for. */
const passwordOf = async (api: Api, {link}: ShareUrl, context: CommandContext): Promise<string | undefined> => {
	const {PJAS_LINK_PASSWORD: given = ''} = context.environment;
	if (given !== '') return given;
	try {
		await api.sharedFile(link);
		return undefined;
	} catch (error) {
		const isAsked = error instanceof AnswerError && error.code === 'LINK_PASSWORD_NEEDED';
		if (!isAsked || !context.askSecret) throw error;
		return context.askSecret('Password of the link: ');
	}
};

/** The file that a link leads to. It is opened where the link has its key. */
export const sharedSource = async (share: ShareUrl, context: CommandContext): Promise<DownloadSource> => {
	const api = createApi(share.url);
	const {link, key} = share;
	const password = await passwordOf(api, share, context);
	const {filename, size, e2e} = await api.sharedFile(link, password);
	if (e2e && !key) {
		throw new PjasError(
			'FILE_KEY_MISSING',
			'The file is sealed end to end, and the link lacks its key: copy all of it',
		);
	}

	const plain: Api['download'] = async (_id, options) => api.sharedDownload(link, {...options, password});
	const download = key ? sealedDownload({api: {download: plain}, e2e, key}) : plain;
	const name = e2e && key ? (await openDetails((await fileKeysOf(key)).details, e2e)).name : filename;
	const id = createHash('sha256').update(link).digest('hex').slice(0, 32);
	return {file: {id, filename: name, size}, api: {download}};
};
