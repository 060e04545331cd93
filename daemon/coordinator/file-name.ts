import {PjasError} from '../../source/protocol/errors.js';

const MOST_NAME_BYTES = 1024;
const MOST_TYPE_LENGTH = 200;
const typePattern = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+$/;

/** Gives the name back where a file can have it. @throws {PjasError} `INVALID_REQUEST` */
export const checkFileName = (name: string): string => {
	if (Buffer.byteLength(name) > MOST_NAME_BYTES) {
		throw new PjasError('INVALID_REQUEST', `The file's name is longer than ${MOST_NAME_BYTES} bytes. Shorten it`);
	}

	if (name.includes('\0')) throw new PjasError('INVALID_REQUEST', "The file's name holds a zero byte. Rename it");
	return name;
};

/** The media type that a client says, or that of any bytes where it says none. */
export const mediaTypeOf = (type: string): string =>
	typePattern.test(type) && type.length <= MOST_TYPE_LENGTH ? type : 'application/octet-stream';
