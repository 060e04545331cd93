import {createHash, timingSafeEqual} from 'node:crypto';
import {PjasError} from '../../../source/protocol/errors.js';

/** What tus calls its checksums; every server must know sha1 (https://tus.io/protocols/resumable-upload#checksum). */
export const checksumAlgorithms = ['sha256', 'sha1', 'md5'] as const;

export type Checksum = {
	update: (bytes: Uint8Array) => void;
	/** @throws {PjasError} `CHECKSUM_MISMATCH` where what came is not what was meant. */
	verify: () => void;
};

/**
Reads `Upload-Checksum`: an algorithm, and the sum of a request's body in base64.

@throws {PjasError} `INVALID_REQUEST`
*/
export const parseChecksum = (header: string): Checksum => {
	const [name = '', sum = '', ...more] = header.split(' ');
	const algorithm = checksumAlgorithms.find(known => known === name);
	if (!algorithm) {
		throw new PjasError('INVALID_REQUEST', `Upload-Checksum is to be one of ${checksumAlgorithms.join(', ')}`);
	}

	const hash = createHash(algorithm);
	const wanted = Buffer.from(sum, 'base64');
	const {length} = createHash(algorithm).digest();
	if (more.length > 0 || wanted.length !== length || wanted.toString('base64') !== sum) {
		throw new PjasError('INVALID_REQUEST', `Upload-Checksum has no ${algorithm} in base64 behind its name`);
	}

	return {
		update: bytes => void hash.update(bytes),
		verify() {
			if (timingSafeEqual(hash.digest(), wanted)) return;
			const problem = 'What arrived is not what Upload-Checksum says: nothing of it was kept';
			throw new PjasError('CHECKSUM_MISMATCH', `${problem}. Send it again`);
		},
	};
};
