import {fileKeysOf} from '../../protocol/file-key.js';
import {SEAL_NONCE_BYTES} from '../../protocol/seal.js';
import {type E2e, openDetails, sealDetails} from '../../protocol/sealed-details.js';
import {randomBytes} from './random.js';

/**
Seals a file's details anew, with another name.

@throws {PjasError} `SEAL_BROKEN` where the present ones are not what was sealed; `INVALID_REQUEST` where the name is too long.
*/
export const renamedDetails = async (e2e: E2e, key: Uint8Array<ArrayBuffer>, name: string): Promise<E2e> => {
	const {details} = await fileKeysOf(key);
	return sealDetails(details, {...(await openDetails(details, e2e)), name}, randomBytes(SEAL_NONCE_BYTES));
};
