import {DataStore, type Locker, Server, Upload} from '@tus/server';
import {PjasError} from '../../../source/protocol/errors.js';
import type {FileId} from '../../../source/protocol/ids.js';

export const TUS_VERSION = '1.0.0';
export const TUS_CONTENT_TYPE = 'application/offset+octet-stream';

/** What of tus there is (https://tus.io/protocols/resumable-upload). `checksum` is done around the library, which lacks it. */
export const tusExtensions = [
	'creation',
	'creation-with-upload',
	'creation-defer-length',
	'expiration',
	'termination',
	'checksum',
] as const;

/** How an upload stands, whole ones included. */
export type UploadState = {offsetBytes: number; sizeBytes: number | undefined};

/** What one request does to an upload: what the library asks for, in our words. */
export type TusRequest = {
	/** The upload's id: a new one where the request begins it. */
	id: FileId;
	take: () => Promise<() => void>;
	create: (sizeBytes: number | undefined) => Promise<void>;
	state: () => Promise<UploadState>;
	declareLength: (sizeBytes: number) => Promise<void>;
	/** Takes in the request's body. Returns how many bytes there are then. */
	write: () => Promise<number>;
	remove: () => Promise<void>;
};

/**
What keeps uploads, as the library wants it. The body is not taken from the library: it would come through two web streams
that count pieces, not bytes, so that memory would have no bound.
*/
class RequestStore extends DataStore {
	override extensions = [...tusExtensions];
	readonly #request: TusRequest;

	constructor(request: TusRequest) {
		super();
		this.#request = request;
	}

	override async create(upload: Upload): Promise<Upload> {
		await this.#request.create(upload.size);
		return upload;
	}

	override async getUpload(id: string): Promise<Upload> {
		const {offsetBytes: offset, sizeBytes: size} = await this.#request.state();
		return new Upload({id, offset, ...(size !== undefined && {size})});
	}

	override async declareUploadLength(_id: string, sizeBytes: number): Promise<void> {
		await this.#request.declareLength(sizeBytes);
	}

	override async write(stream: NodeJS.ReadableStream): Promise<number> {
		stream.resume();
		return this.#request.write();
	}

	override async remove(): Promise<void> {
		await this.#request.remove();
	}
}

const lockerOf = (take: TusRequest['take']): Locker => ({
	newLock() {
		let release: () => void = () => undefined;
		return {
			async lock() {
				release = await take();
			},
			async unlock() {
				release();
				return Promise.resolve();
			},
		};
	},
});

/** What the library refuses with, in our codes. */
const codes = {
	400: 'INVALID_REQUEST',
	403: 'INVALID_REQUEST',
	404: 'UPLOAD_NOT_FOUND',
	409: 'CONFLICT',
	410: 'UPLOAD_EXPIRED',
	412: 'TUS_VERSION_UNSUPPORTED',
	413: 'BODY_TOO_LARGE',
} as const;

const refusalOf = (status: number, text: string): PjasError => {
	const code = (codes as Partial<Record<number, (typeof codes)[keyof typeof codes]>>)[status] ?? 'INTERNAL_ERROR';
	return new PjasError(code, text.trim() || 'The upload was refused');
};

export type TusAnswer = {status: number; headers: Headers};

/**
Answers a request as tus 1.0 has it.

@param request - Without its body.
@throws {PjasError} What is wrong with it, or what the store threw.
*/
export const answerTus = async (path: string, request: Request, store: TusRequest): Promise<TusAnswer> => {
	let thrown: unknown;
	const server = new Server({
		path,
		relativeLocation: true,
		datastore: new RequestStore(store),
		locker: lockerOf(store.take),
		namingFunction: () => store.id,
		getFileIdFromRequest: () => store.id,
		onResponseError(_request, error) {
			thrown = error;
			return undefined;
		},
	});
	const response = await server.handleWeb(request);
	if (thrown instanceof Error) throw thrown;
	if (response.status >= 400) throw refusalOf(response.status, await response.text());
	return {status: response.status, headers: response.headers};
};
