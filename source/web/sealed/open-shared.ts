import {parseShareUrl} from '../../client/share-url.js';
import {PjasError} from '../../protocol/errors.js';
import {fileKeysOf} from '../../protocol/file-key.js';
import type {SharedFile} from '../../protocol/people-api.js';
import {openedSizeOf} from '../../protocol/sealed-content.js';
import {openDetails} from '../../protocol/sealed-details.js';
import {ApiError} from '../api.js';
import type {Seal} from './open.js';

/**
What a link with a key leads to: with the name, type and size of what was sealed.

@param address - The link, with its key behind the `#`.
@throws {PjasError} `SEAL_BROKEN`; {ApiError} `FILE_KEY_MISSING` where the key is none.
*/
export const openShared = async (file: SharedFile, address: string): Promise<SharedFile & {seal: Seal}> => {
	const key = parseShareUrl(address)?.key;
	if (!key) {
		const problem = 'What stands behind the “#” of this link is no key, or only a part of one. Copy all of it.';
		throw new ApiError('FILE_KEY_MISSING', problem);
	}

	const size = openedSizeOf(file.size);
	// Whoever keeps the file can't make us take another one that is not sealed.
	if (!file.e2e || size === undefined) {
		throw new PjasError(
			'SEAL_BROKEN',
			'The file is not what was sealed under this link’s key. Don’t trust who keeps it',
		);
	}

	const {name, type} = await openDetails((await fileKeysOf(key)).details, file.e2e);
	return {...file, filename: name, type: type === '' ? file.type : type, size, seal: {e2e: file.e2e, key}};
};
