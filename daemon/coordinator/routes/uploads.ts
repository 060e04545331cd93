import {UPLOADED_HEADER, type UploadedHeader} from '../../../source/protocol/uploads-api.js';
import {pathOf} from '../../../source/protocol/routes.js';
import {isPjasError, PjasError} from '../../../source/protocol/errors.js';
import {FILE_ID_RANDOM_BYTES, type FileId, newFileId, parseFileId} from '../../../source/protocol/ids.js';
import {mayUpload, type Principal} from '../../core/access.js';
import {followSignal} from '../../core/follow-signal.js';
import type {UploadRecord} from '../../core/model.js';
import {createBodySource} from '../../http/body-source.js';
import {checksumAlgorithms, type Checksum, parseChecksum} from '../resumable/checksum.js';
import {answerTus, TUS_CONTENT_TYPE, TUS_VERSION, tusExtensions, type TusRequest} from '../resumable/tus.js';
import {parseUploadMetadata} from '../resumable/upload-metadata.js';
import type {Received} from '../upload.js';
import {fileView} from '../views.js';
import {rightsOf, tellUploaded} from './file-received.js';
import type {Parts} from './parts.js';
import {noteDeed, type RouteContext, type Serve} from './serve.js';

const takenOver = new PjasError('CONFLICT', 'Another request goes on with this upload');

const notFound = () => new PjasError('UPLOAD_NOT_FOUND', 'There is no such upload, or it was given up. Begin it anew');

const stopping = () =>
	new PjasError('SHUTTING_DOWN', 'The coordinator stops. What it has is kept: go on when it is back', {
		retryAfterSeconds: 10,
	});

const assertVersion = (ctx: RouteContext): void => {
	ctx.set('Tus-Resumable', TUS_VERSION);
	if (ctx.get('Tus-Resumable') === TUS_VERSION) return;
	ctx.set('Tus-Version', TUS_VERSION);
	throw new PjasError('TUS_VERSION_UNSUPPORTED', `Send the header Tus-Resumable: ${TUS_VERSION}; no other is spoken`);
};

const wholeNumberPattern = /^(0|[1-9]\d{0,15})$/;

const assertHeaders = (ctx: RouteContext): void => {
	if (ctx.method === 'PATCH' && ctx.get('Content-Type') !== TUS_CONTENT_TYPE) {
		throw new PjasError('UNSUPPORTED_MEDIA_TYPE', `Send the bytes with the Content-Type ${TUS_CONTENT_TYPE}`);
	}

	for (const name of ['Upload-Offset', 'Upload-Length']) {
		const value = ctx.get(name);
		const isNeeded = name === 'Upload-Offset' && ctx.method === 'PATCH';
		if (value === '' && !isNeeded) continue;
		if (!wholeNumberPattern.test(value)) throw new PjasError('INVALID_REQUEST', `${name} is to be a whole number`);
	}

	if (ctx.get('Upload-Concat') !== '') {
		throw new PjasError('OPERATION_UNSUPPORTED', 'Uploads can not be put together here: send the file in one');
	}
};

/** What a client is told of an upload that is whole: by its last request, and by whoever asks how it stands. */
const tellWhole = (parts: Parts, ctx: RouteContext, {file, lowestCopies}: Received): void => {
	const {sizeBytes: size, chunkCount: chunks, chunksSha256} = file;
	const told: UploadedHeader = {
		chunks,
		size,
		...(chunksSha256 !== undefined && {chunks_sha256: chunksSha256}),
		redundancy: {wanted: parts.replicas, lowest: lowestCopies},
	};
	ctx.set(UPLOADED_HEADER, JSON.stringify(told));
};

/** One request, and what it found and did. */
const createTusRequest = (parts: Parts, ctx: RouteContext, principal: Principal, id: FileId) => {
	const {unfinished, catalog} = parts;
	const {controller: stop, release} = followSignal(parts.closing);
	ctx.res.once('close', release);
	let upload: UploadRecord | undefined;
	let received: Received | undefined;
	let earlier: Received | undefined;

	/** Only whose it is knows of it. */
	const find = async (): Promise<UploadRecord | undefined> => {
		upload = await unfinished.find(id);
		if (upload && !mayUpload(principal, upload)) throw notFound();
		return upload;
	};

	const findUnfinished = async (): Promise<UploadRecord> => {
		const found = await find();
		if (found) return found;
		const file = await catalog.getFile(id);
		if (!file || !mayUpload(principal, file)) throw notFound();
		throw new PjasError('CONFLICT', 'This upload is whole already, and a file');
	};

	const receive = async (current: UploadRecord, checksum: Checksum | undefined): Promise<UploadRecord> => {
		const reservation = current.owner === undefined ? undefined : await parts.quotas.open(current.owner);
		const onBytes = (bytes: number) => {
			reservation?.add(bytes);
			parts.meters.bytesIn += bytes;
			parts.onBytes?.(bytes);
		};
		const source = createBodySource(ctx.req);
		try {
			const kept = await unfinished.receive({
				upload: current,
				source,
				checksum,
				onBytes,
				onKept: bytes => reservation?.settle(bytes),
				stop: stop.signal,
			});
			upload = kept.upload;
			({received} = kept);
			if (kept.error !== undefined && !received) {
				// One that its client breaks off goes on later.
				if (isPjasError(kept.error) && kept.error.status >= 500) parts.meters.uploads.add({result: 'failed'});
				throw parts.closing.aborted ? stopping() : kept.error;
			}

			return kept.upload;
		} finally {
			source.leave();
			reservation?.close();
		}
	};

	const request: TusRequest = {
		id,
		take: async () => unfinished.locks.take(id, () => stop.abort(takenOver)),
		async create(sizeBytes) {
			const details = parseUploadMetadata(ctx.get('Upload-Metadata'));
			const rights = rightsOf(principal);
			if (rights.owner !== undefined && sizeBytes !== undefined) {
				const reservation = await parts.quotas.open(rights.owner);
				try {
					reservation.add(sizeBytes);
				} finally {
					reservation.close();
				}
			}

			upload = await unfinished.begin({
				_id: id,
				...details,
				...rights,
				metadata: ctx.get('Upload-Metadata'),
				sizeBytes,
			});
			if (sizeBytes === 0) await receive(upload, undefined);
		},
		async state() {
			const found = await find();
			if (found) return {offsetBytes: found.offsetBytes, sizeBytes: found.sizeBytes};
			const file = await catalog.getFile(id);
			if (!file || !mayUpload(principal, file)) throw notFound();
			const lowestCopies = fileView(file, parts).copies?.fewest ?? parts.replicas;
			earlier = {file, lowestCopies};
			return {offsetBytes: file.sizeBytes, sizeBytes: file.sizeBytes};
		},
		async declareLength(sizeBytes) {
			upload = await unfinished.declareLength(await findUnfinished(), sizeBytes);
		},
		async write() {
			if (received) return received.file.sizeBytes;
			const checksum = ctx.get('Upload-Checksum');
			const current = upload ?? (await findUnfinished());
			return (await receive(current, checksum === '' ? undefined : parseChecksum(checksum))).offsetBytes;
		},
		async remove() {
			const found = await findUnfinished();
			await unfinished.cancel(found);
			noteDeed(ctx, `${id} ${JSON.stringify(found.name)}`);
			parts.note('INFO', `Upload of ${JSON.stringify(found.name)} cancelled`, {owner: found.owner});
		},
	};
	return {request, outcome: () => ({upload, received, earlier})};
};

const serveUpload = (parts: Parts) => async (ctx: RouteContext, principal: Principal) => {
	assertVersion(ctx);
	assertHeaders(ctx);
	ctx.state.deed = {isIdle: true};
	const isNew = ctx.method === 'POST';
	const id = isNew
		? newFileId(parts.clock.now(), parts.random.bytes(FILE_ID_RANDOM_BYTES))
		: parseFileId(ctx.params['id']);
	if (id === undefined) throw notFound();
	const {request, outcome} = createTusRequest(parts, ctx, principal, id);
	const headers = new Headers();
	for (const [name, value] of Object.entries(ctx.headers)) {
		if (typeof value === 'string' && /^(upload-|tus-|content-(type|length)$)/.test(name)) headers.set(name, value);
	}

	const asked = new Request(new URL(ctx.path, 'http://pjas'), {method: ctx.method, headers});
	const answer = await answerTus(pathOf('createUpload'), asked, request);
	const {upload, received, earlier} = outcome();
	const whole = received ?? earlier;
	if (whole) tellWhole(parts, ctx, whole);
	if (received) {
		tellUploaded(parts, ctx, received);
	} else if (upload && ctx.method !== 'DELETE') {
		ctx.set('Upload-Expires', new Date(parts.unfinished.expiresAt(upload)).toUTCString());
	}

	if (ctx.method === 'DELETE') ctx.state.deed = {...ctx.state.deed, isIdle: false};
	for (const [name, value] of answer.headers) {
		if (!/^(access-control-|content-)/.test(name)) ctx.set(name, value);
	}

	ctx.body = '';
	ctx.status = answer.status;
	ctx.remove('Content-Type');
	const metadata = ctx.method === 'HEAD' ? upload?.metadata : undefined;
	if (metadata) ctx.set('Upload-Metadata', metadata);
};

/** Uploads that can be gone on with, by tus 1.0. */
export const uploadRoutes = (serve: Serve, parts: Parts): void => {
	serve('uploadOptions', ctx => {
		ctx.set({
			'Tus-Resumable': TUS_VERSION,
			'Tus-Version': TUS_VERSION,
			'Tus-Extension': tusExtensions.join(','),
			'Tus-Checksum-Algorithm': checksumAlgorithms.join(','),
		});
		ctx.status = 204;
	});
	const handler = serveUpload(parts);
	for (const name of ['createUpload', 'uploadState', 'resumeUpload', 'cancelUpload'] as const) serve(name, handler);
};
