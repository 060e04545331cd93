import {Readable} from 'node:stream';
import {
	changeFileSchema,
	type CheckLine,
	deleteFileQuerySchema,
	type Uploaded,
	filesQuerySchema,
	replicationQuerySchema,
	zipQuerySchema,
} from '../../../source/protocol/api.js';
import {SEAL_TAG_BYTES} from '../../../source/protocol/seal.js';
import {CHUNK_SIZE_BYTES} from '../../../source/protocol/chunking.js';
import {PjasError} from '../../../source/protocol/errors.js';
import type {FileId} from '../../../source/protocol/ids.js';
import {mayFile, mayKnow, type Principal, viewerOf} from '../../core/access.js';
import type {FileRecord} from '../../core/model.js';
import {readJson, validate} from '../../http/body.js';
import {checkFileName} from '../file-name.js';
import {uploadFailure} from '../meters.js';
import {type FormFile, receiveForm} from '../multipart.js';
import {sendFile} from '../send-file.js';
import {sendZip} from '../send-zip.js';
import {chunkView, fileView} from '../views.js';
import {isBeginning, titleOf} from './file-deed.js';
import {rightsOf, tellUploaded} from './file-received.js';
import {fileNotFound, findAnywhere, type FindFile, findFile, readableFile} from './find-file.js';
import type {Parts} from './parts.js';
import {publishFile} from './publish-file.js';
import {noteDeed, type RouteContext, type Serve} from './serve.js';
import {nameOf} from './session.js';
import {triedAnew} from './tried-anew.js';

/** A name as a log line shows it. */
const quoted = (file: FileRecord) => JSON.stringify(file.name);

/** Whether somebody known takes a file that is another's. */
const isTaking = (ctx: RouteContext, principal: Principal, file: FileRecord): boolean =>
	principal.kind === 'account' && principal.name !== file.owner && isBeginning(ctx);

const upload = (parts: Parts) => async (ctx: RouteContext, principal: Principal) => {
	const length = Number(ctx.get('Content-Length') || Number.NaN);
	const atMostBytes = Number.isNaN(length) ? CHUNK_SIZE_BYTES : length;
	const reservation = principal.kind === 'account' ? await parts.quotas.open(principal.name) : undefined;
	const onBytes = (bytes: number) => {
		reservation?.add(bytes);
		parts.meters.bytesIn += bytes;
		parts.onBytes?.(bytes);
	};
	const take = async ({source, ...about}: FormFile, signal: AbortSignal) => {
		parts.writer.assertRoom(Math.min(atMostBytes, CHUNK_SIZE_BYTES) + SEAL_TAG_BYTES);
		return parts.uploader.receive({...about, source, atMostBytes, signal, onBytes, ...rightsOf(principal)});
	};
	const received = await receiveForm(ctx.req, take, parts.clock)
		.catch((error: unknown) => {
			parts.meters.uploads.add({result: uploadFailure(error)});
			const {message} = error as Error;
			const problem = error instanceof PjasError ? message : 'see the server log';
			parts.note('WARN', `Upload failed: ${problem}`, principal.kind === 'account' ? {owner: principal.name} : {});
			throw error;
		})
		.finally(() => reservation?.close());

	const {file, lowestCopies} = received;
	tellUploaded(parts, ctx, received);
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
	async (ctx: RouteContext, principal: Principal) => {
		const viewer = viewerOf(principal);
		const {limit, before, q} = validate(filesQuerySchema, ctx.query, 'query');
		const search = {...(q !== undefined && q !== '' && {search: q}), ...(viewer !== undefined && {viewer})};
		const files = await catalog.files({limit: limit + 1, ...search, ...(before && {before: before as FileId})});
		const page = files.slice(0, limit);
		ctx.body = {
			success: true,
			files: page.map(file => fileView(file, {catalog, fleet})),
			count: page.length,
			total: await catalog.countFiles(q ?? '', viewer),
			next_before: files.length > limit ? page.at(-1)?._id : null,
		};
	};

const timeText = (ms: number) => `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`;

const remove = (parts: Parts, find: FindFile) => async (ctx: RouteContext, principal: Principal) => {
	const {trash} = parts;
	const {forever} = validate(deleteFileQuerySchema, ctx.query, 'query');
	const isForever = forever === 'true' || !trash.isKept;
	const file = await triedAnew(async () => {
		const found = await find(ctx, principal, 'change');
		noteDeed(ctx, `${titleOf(found)}${isForever ? '' : ' into the trash'}`);
		if (!isForever) return trash.put(found, nameOf(principal));
		if (await trash.purge(found)) return found;
		throw fileNotFound();
	});
	const {_id: id, owner} = file;
	const purgeAt = file.trashed && trash.purgeAt(file);
	const back = purgeAt === undefined ? '' : `; it can be brought back until ${timeText(purgeAt)}`;
	parts.note('INFO', `${quoted(file)} deleted${back}`, {file: id, owner});
	parts.events.publish('file-removed', {file_id: id}, listener => mayFile(listener, 'see', file));
	ctx.body = {
		success: true,
		file_id: id,
		message: 'File deleted',
		...(purgeAt !== undefined && {purge_at: purgeAt}),
	};
};

const changeFile = (parts: Parts, find: FindFile) => async (ctx: RouteContext, principal: Principal) => {
	const before = await find(ctx, principal, 'change');
	const {filename, e2e, visibility, shared_with: sharedWith} = await readJson(ctx.req, changeFileSchema);
	const renamed = e2e && {e2e: 'another name'};
	noteDeed(ctx, `${titleOf(before)} ${JSON.stringify({filename, ...renamed, visibility, sharedWith})}`);
	const name = filename === undefined ? undefined : checkFileName(filename);
	if (name !== undefined && before.e2e) {
		const problem = 'Its name is sealed end to end: send it sealed anew, as e2e';
		throw new PjasError('INVALID_REQUEST', problem);
	}

	if (e2e && !before.e2e) {
		throw new PjasError('INVALID_REQUEST', 'This file is not sealed end to end: send its name as filename');
	}

	for (const name of sharedWith ?? []) await parts.people.accounts.get(name);
	const wanted = {
		...before,
		...(name !== undefined && {name}),
		...(e2e && {e2e}),
		...(visibility && {visibility}),
		...(sharedWith && {sharedWith: [...new Set(sharedWith)]}),
	};
	const file = await parts.catalog.putFile(wanted);
	parts.events.publish('file-removed', {file_id: file._id}, listener => {
		return mayFile(listener, 'see', before) && !mayFile(listener, 'see', file);
	});
	publishFile(parts, file);
	ctx.body = {success: true, file: fileView(file, parts)};
};

const replication =
	({catalog, fleet}: Parts, find: FindFile) =>
	async (ctx: RouteContext, principal: Principal) => {
		const file = await find(ctx, principal, 'see');
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
	({checker, events, note}: Parts, find: FindFile) =>
	async (ctx: RouteContext, principal: Principal) => {
		const file = await find(ctx, principal, 'see');
		const gone = new AbortController();
		ctx.res.once('close', () => gone.abort(new Error('the client went away')));
		const lines = checker.check(file, gone.signal);
		const first = await lines.next();

		const told = async function* () {
			const tell = (line: CheckLine) => {
				events.publish('check', {file_id: file._id, line}, listener => mayKnow(listener, file));
				if (line.event === 'done') {
					const sums = `${line.ok} right, ${line.missing} missing, ${line.corrupt} wrong, ${line.unreachable} unreachable`;
					const isWell = line.missing + line.corrupt === 0;
					note(isWell ? 'INFO' : 'WARN', `${quoted(file)} checked: shards ${sums}`, {
						file: file._id,
						owner: file.owner,
					});
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

const MOST_NAMED = 10;

const downloadZip = (parts: Parts) => async (ctx: RouteContext, principal: Principal) => {
	const {ids} = validate(zipQuerySchema, ctx.query, 'query');
	const files: FileRecord[] = [];
	for (const id of new Set(ids.split(','))) files.push(await readableFile(parts, principal, id));
	const named = files.slice(0, MOST_NAMED).map(titleOf).join(', ');
	noteDeed(ctx, files.length > MOST_NAMED ? `${named} and ${files.length - MOST_NAMED} more` : named);
	if (!files.some(file => isTaking(ctx, principal, file))) ctx.state.deed = {isIdle: true};
	if (files.some(({e2e}) => e2e)) {
		throw new PjasError(
			'INVALID_REQUEST',
			'A file that is sealed end to end can’t be part of a zip: download it alone',
		);
	}

	await sendZip(ctx, files, parts);
};

export const fileRoutes = (serve: Serve, parts: Parts): void => {
	const find = findFile(parts);
	serve('upload', upload(parts));
	serve('files', list(parts));
	serve('download', async (ctx, principal) => {
		const file = await find(ctx, principal, 'read');
		noteDeed(ctx, titleOf(file));
		if (!isTaking(ctx, principal, file)) ctx.state.deed = {isIdle: true};
		await sendFile(ctx, file, parts);
	});
	// Before the file, of which none is called so.
	serve('downloadZip', downloadZip(parts));
	serve('file', async (ctx, principal) => {
		ctx.body = {success: true, file: fileView(await find(ctx, principal, 'see'), parts)};
	});
	serve('deleteFile', remove(parts, find));
	serve('changeFile', changeFile(parts, find));
	const findShards = findAnywhere(parts);
	serve('replication', replication(parts, findShards));
	serve('check', check(parts, findShards));
};
