import {Readable} from 'node:stream';
import type {Router} from '@koa/router';
import {type CheckLine, type Uploaded, filesQuerySchema, replicationQuerySchema} from '../../../source/protocol/api.js';
import {routes} from '../../../source/protocol/routes.js';
import {SEAL_TAG_BYTES} from '../../../source/protocol/seal.js';
import {CHUNK_SIZE_BYTES} from '../../../source/protocol/chunking.js';
import {PjasError} from '../../../source/protocol/errors.js';
import {type FileId, parseFileId} from '../../../source/protocol/ids.js';
import type {FileRecord} from '../../core/model.js';
import type {AppContext, AppState} from '../../http/app.js';
import {validate} from '../../http/body.js';
import {type FormFile, receiveForm} from '../multipart.js';
import {sendFile} from '../send-file.js';
import type {Received} from '../upload.js';
import {chunkView, fileView} from '../views.js';
import type {Parts} from './parts.js';
import {koaPath} from './paths.js';

type FileContext = AppContext & {params: Record<string, string>};

const notFound = () => new PjasError('FILE_NOT_FOUND', 'File not found');

const idOf = (ctx: FileContext): FileId => {
	const id = parseFileId(ctx.params['id']);
	if (!id) throw notFound();
	return id;
};

const plural = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** A name as a log line shows it. */
const quoted = (file: FileRecord) => JSON.stringify(file.name);

/** Fewer copies than wanted are enough for an upload, and yet something to know of. */
const noteUploaded = ({note, replicas}: Parts, {file, lowestCopies}: Received) => {
	const chunks = `${quoted(file)} uploaded: ${plural(file.chunkCount, 'chunk')} on their nodes`;
	if (lowestCopies >= replicas) note('INFO', chunks, {file: file._id});
	else note('WARN', `${chunks}, with only ${lowestCopies} of ${replicas} copies`, {file: file._id});
};

const upload = (parts: Parts) => async (ctx: AppContext) => {
	const length = Number(ctx.get('Content-Length') || Number.NaN);
	const atMostBytes = Number.isNaN(length) ? CHUNK_SIZE_BYTES : length;
	const onBytes = (bytes: number) => {
		parts.meters.bytesIn += bytes;
		parts.onBytes?.(bytes);
	};
	const take = async ({name, type, source}: FormFile, signal: AbortSignal) => {
		parts.writer.assertRoom(Math.min(atMostBytes, CHUNK_SIZE_BYTES) + SEAL_TAG_BYTES);
		return parts.uploader.receive({name, type, source, atMostBytes, signal, onBytes});
	};
	const received = await receiveForm(ctx.req, take, parts.clock).catch((error: unknown) => {
		const {message} = error as Error;
		parts.note('WARN', error instanceof PjasError ? `Upload failed: ${message}` : 'Upload failed: see the server log');
		throw error;
	});

	const {file, lowestCopies} = received;
	noteUploaded(parts, received);
	parts.events.publish('file', fileView(file, parts));
	ctx.body = {
		success: true,
		file_id: file._id,
		message: 'File uploaded',
		chunks: file.chunkCount,
		size: file.sizeBytes,
		filename: file.name,
		redundancy: {wanted: parts.replicas, lowest: lowestCopies},
	} satisfies Uploaded;
};

const list =
	({catalog, fleet}: Parts) =>
	async (ctx: AppContext) => {
		const {limit, before, q} = validate(filesQuerySchema, ctx.query, 'query');
		const search = q === undefined || q === '' ? {} : {search: q};
		const files = await catalog.files({limit: limit + 1, ...search, ...(before && {before: before as FileId})});
		const page = files.slice(0, limit);
		ctx.body = {
			success: true,
			files: page.map(file => fileView(file, {catalog, fleet})),
			count: page.length,
			total: await catalog.countFiles(q ?? ''),
			next_before: files.length > limit ? page.at(-1)?._id : null,
		};
	};

const remove = (parts: Parts) => async (ctx: FileContext) => {
	const id = idOf(ctx);
	const file = await parts.catalog.getFile(id);
	if (!file || !(await parts.catalog.removeFile(id))) throw notFound();
	parts.note('INFO', `${quoted(file)} deleted`, {file: id});
	parts.events.publish('file-removed', {file_id: id});
	await parts.remover.sweepFile(id);
	ctx.body = {success: true, file_id: id, message: 'File deleted'};
};

const replication =
	({catalog, fleet}: Parts, find: (ctx: FileContext) => Promise<FileRecord>) =>
	async (ctx: FileContext) => {
		const file = await find(ctx);
		const {limit, after} = validate(replicationQuerySchema, ctx.query, 'query');
		const chunks = [];
		for await (const chunk of catalog.chunksOf(file._id, after)) {
			chunks.push(chunkView(chunk, fleet));
			if (chunks.length === limit) break;
		}

		const last = chunks.at(-1);
		ctx.body = {
			success: true,
			file_id: file._id,
			chunks_count: file.chunkCount,
			chunks,
			next_after: last && last.index < file.chunkCount - 1 ? last.index : null,
		};
	};

const errorLine = (error: unknown): CheckLine => ({
	event: 'error',
	success: false,
	error: error instanceof PjasError ? error.message : 'The check failed. Try again',
	code: error instanceof PjasError ? error.code : 'INTERNAL_ERROR',
});

const check =
	({checker, events, note}: Parts, find: (ctx: FileContext) => Promise<FileRecord>) =>
	async (ctx: FileContext) => {
		const file = await find(ctx);
		const gone = new AbortController();
		ctx.res.once('close', () => gone.abort(new Error('the client went away')));
		const lines = checker.check(file, gone.signal);
		const first = await lines.next();

		const told = async function* () {
			const tell = (line: CheckLine) => {
				events.publish('check', {file_id: file._id, line});
				if (line.event === 'done') {
					const sums = `${line.ok} right, ${line.missing} missing, ${line.corrupt} wrong, ${line.unreachable} unreachable`;
					const isWell = line.missing + line.corrupt === 0;
					note(isWell ? 'INFO' : 'WARN', `${quoted(file)} checked: shards ${sums}`, {file: file._id});
				}

				return `${JSON.stringify(line)}\n`;
			};

			try {
				if (!first.done) yield tell(first.value);
				for await (const line of lines) yield tell(line);
			} catch (error) {
				if (!gone.signal.aborted) yield tell(errorLine(error));
			} finally {
				await lines.return(undefined);
			}
		};

		ctx.type = 'application/x-ndjson';
		ctx.body = Readable.from(told());
	};

export const fileRoutes = (router: Router<AppState>, parts: Parts): void => {
	const find = async (ctx: FileContext): Promise<FileRecord> => {
		const file = await parts.catalog.getFile(idOf(ctx));
		if (!file) throw notFound();
		return file;
	};

	router.post(routes.upload.path, upload(parts));
	router.get(routes.files.path, list(parts));
	router.get(koaPath(routes.download), async ctx => sendFile(ctx, await find(ctx), parts));
	router.get(koaPath(routes.file), async ctx => {
		ctx.body = {success: true, file: fileView(await find(ctx), parts)};
	});
	router.delete(koaPath(routes.deleteFile), remove(parts));
	router.get(koaPath(routes.replication), replication(parts, find));
	router.post(koaPath(routes.check), check(parts, find));
};
