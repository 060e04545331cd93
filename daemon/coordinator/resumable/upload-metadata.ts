import {Metadata} from '@tus/server';
import {PjasError} from '../../../source/protocol/errors.js';
import {type E2e, e2eSchema, SEALED_NAME, SEALED_TYPE} from '../../../source/protocol/sealed-details.js';
import {parseJson} from '../../http/body.js';
import {checkFileName, mediaTypeOf} from '../file-name.js';

export type UploadDetails = {name: string; type: string; e2e?: E2e};

const MOST_BYTES = 16 * 1024;

const wrong = (problem: string, cause?: unknown) =>
	new PjasError('INVALID_REQUEST', `Wrong Upload-Metadata: ${problem}`, {cause});

const pairsOf = (header: string): Record<string, string | null> => {
	if (header === '') return {};
	if (Buffer.byteLength(header) > MOST_BYTES) throw wrong(`it has more than ${MOST_BYTES} bytes`);
	try {
		return Metadata.parse(header);
	} catch (error) {
		throw wrong('it is to be pairs of a key and its value in base64, with commas between them', error);
	}
};

/** A path below a folder, as a file's name has it; the page's uploader says "null" where there is none. */
const relativePathOf = (path: string | null | undefined): string | undefined => {
	if (!path || path === 'null') return undefined;
	const parts = path.split('/');
	if (path.includes('\\') || parts.some(part => part === '' || part === '.' || part === '..')) {
		throw wrong('relativePath is to be names with / between them, and none of them empty, . or ..');
	}

	return path;
};

/**
Reads what a client says of its file: `filename` (or `name`), `filetype` (or `type`), `relativePath` for one out of a
folder, and `e2e` (JSON) where it is sealed end to end.

@throws {PjasError} `INVALID_REQUEST`
*/
export const parseUploadMetadata = (header: string): UploadDetails => {
	const pairs = pairsOf(header);
	if (Object.values(pairs).some(value => value?.includes('\uFFFD'))) throw wrong('a value is no UTF-8');
	const sealed = pairs['e2e'];
	const e2e = sealed ? parseJson(Buffer.from(sealed), e2eSchema, 'value of e2e in Upload-Metadata') : undefined;
	if (e2e) return {name: SEALED_NAME, type: SEALED_TYPE, e2e};
	const name = relativePathOf(pairs['relativePath']) ?? (pairs['filename'] || pairs['name']);
	if (!name) throw wrong('say the name of the file, as filename');
	return {name: checkFileName(name), type: mediaTypeOf(pairs['filetype'] || pairs['type'] || '')};
};
