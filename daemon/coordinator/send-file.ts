import {once} from 'node:events';
import {create as contentDisposition} from 'content-disposition';
import {PjasError} from '../../source/protocol/errors.js';
import {type ByteRange, parseRange} from '../../source/protocol/ranges.js';
import {CHUNKS_SHA256_HEADER} from '../../source/protocol/uploads-api.js';
import type {FileRecord} from '../core/model.js';
import type {AppContext} from '../http/app.js';
import {DOWNLOAD_POLICY} from '../http/security-headers.js';
import {writeBytes} from '../http/write-bytes.js';
import type {Downloader} from './download.js';
import type {Meters} from './meters.js';

type Part = {range: ByteRange; head: string};
type Plan = {status: 200 | 206; parts: Part[]; tail: string; contentType: string; contentRange?: string};

const etagOf = (file: FileRecord) => `"${file._id}"`;

const contentRange = ({firstByte, lastByte}: ByteRange, {sizeBytes}: FileRecord) =>
	`bytes ${firstByte}-${lastByte}/${sizeBytes}`;

const secondsOf = (ms: number) => Math.floor(ms / 1000);

/** Whether the client has the file already (RFC 9110, section 13.1): the entity tag decides where it names one. */
const isUnchanged = (ctx: AppContext, file: FileRecord): boolean => {
	const tags = ctx.get('If-None-Match');
	if (tags !== '') return tags.split(',').some(tag => ['*', etagOf(file)].includes(tag.trim().replace(/^W\//, '')));
	return secondsOf(Date.parse(ctx.get('If-Modified-Since'))) >= secondsOf(file.uploadedAt);
};

/** A file's content never changes, so its id is a strong validator, and any date from its upload on is right. */
const isConditionMet = (ctx: AppContext, file: FileRecord): boolean => {
	const condition = ctx.get('If-Range');
	if (condition === '' || condition === etagOf(file)) return true;
	return !condition.includes('"') && secondsOf(Date.parse(condition)) === secondsOf(file.uploadedAt);
};

const wholeFile = (file: FileRecord): Plan => ({
	status: 200,
	parts: file.sizeBytes === 0 ? [] : [{range: {firstByte: 0, lastByte: file.sizeBytes - 1}, head: ''}],
	tail: '',
	contentType: file.type,
});

/** What to send: the file, a range of it, or several as multipart/byteranges (RFC 9110, section 14.6). */
const planAnswer = (ctx: AppContext, file: FileRecord): Plan => {
	const header = ctx.method === 'GET' ? ctx.get('Range') : '';
	const ranges = header === '' || !isConditionMet(ctx, file) ? undefined : parseRange(header, file.sizeBytes);
	if (ranges === undefined) return wholeFile(file);
	if (ranges === 'unsatisfiable') {
		ctx.set('Content-Range', `bytes */${file.sizeBytes}`);
		throw new PjasError('RANGE_NOT_SATISFIABLE', `The file has ${file.sizeBytes} bytes, and none in that range`);
	}

	const [only] = ranges;
	if (ranges.length === 1 && only) {
		return {
			status: 206,
			parts: [{range: only, head: ''}],
			tail: '',
			contentType: file.type,
			contentRange: contentRange(only, file),
		};
	}

	const boundary = `pjas-${file._id}`;
	return {
		status: 206,
		parts: ranges.map(range => ({
			range,
			head: `\r\n--${boundary}\r\nContent-Type: ${file.type}\r\nContent-Range: ${contentRange(range, file)}\r\n\r\n`,
		})),
		tail: `\r\n--${boundary}--\r\n`,
		contentType: `multipart/byteranges; boundary=${boundary}`,
	};
};

const lengthOf = ({parts, tail}: Plan): number =>
	parts.reduce((sum, {range, head}) => sum + head.length + range.lastByte - range.firstByte + 1, tail.length);

/** The media types of pages and scripts are kept, but what is stored here must never act as a page of ours. */
const setHeaders = (ctx: AppContext, file: FileRecord, plan: Plan): void => {
	ctx.status = plan.status;
	ctx.set({
		'Accept-Ranges': 'bytes',
		'Content-Type': plan.contentType,
		'Content-Length': String(lengthOf(plan)),
		'Content-Disposition': contentDisposition(file.name),
		'Content-Security-Policy': DOWNLOAD_POLICY,
		'Cache-Control': 'private, no-cache',
		...(file.chunksSha256 !== undefined && {[CHUNKS_SHA256_HEADER]: file.chunksSha256}),
		...(plan.contentRange !== undefined && {'Content-Range': plan.contentRange}),
	});
};

/** What may be sent, where that is bounded. */
export type Allowance = {
	/** Throws where so many bytes are more than is left. */
	take: (sizeBytes: number) => Promise<void>;
	/** Bytes that were taken and not sent. */
	giveBack: (sizeBytes: number) => Promise<void>;
};

type SendOptions = {downloader: Downloader; meters: Meters; allowance?: Allowance | undefined};

const sendPlan = async (
	ctx: AppContext,
	file: FileRecord,
	plan: Plan,
	{downloader, meters}: SendOptions,
	sent: {bytes: number},
): Promise<void> => {
	const response = ctx.res;
	const gone = new AbortController();
	response.once('close', () => {
		if (!response.writableFinished) gone.abort(new Error('the client went away'));
	});
	const begin = () => {
		setHeaders(ctx, file, plan);
		ctx.respond = false;
	};

	for (const {range, head} of plan.parts) {
		let unsentHead = head;
		for await (const {bytes, release} of downloader.read(file, range, gone.signal)) {
			try {
				if (!response.headersSent) begin();
				if (unsentHead !== '') await writeBytes(response, unsentHead, gone.signal);
				unsentHead = '';
				await writeBytes(response, bytes, gone.signal);
				meters.bytesOut += bytes.length;
				sent.bytes += bytes.length;
			} finally {
				release();
			}
		}
	}

	if (plan.parts.length === 0) begin();
	response.end(plan.tail);
	if (!response.writableFinished) await once(response, 'finish', {signal: gone.signal});
};

/**
Answers with a file, or the ranges of it that are asked for. The first chunk is in hand before the answer begins, so that a
file that cannot be had is an error; one that breaks off later takes the connection with it.
*/
export const sendFile = async (ctx: AppContext, file: FileRecord, options: SendOptions): Promise<void> => {
	ctx.set({ETag: etagOf(file), 'Last-Modified': new Date(file.uploadedAt).toUTCString()});
	if (isUnchanged(ctx, file)) {
		ctx.status = 304;
		return;
	}

	const plan = planAnswer(ctx, file);
	if (ctx.method === 'HEAD') {
		setHeaders(ctx, file, plan);
		return;
	}

	const {allowance} = options;
	const plannedBytes = plan.parts.reduce((sum, {range}) => sum + range.lastByte - range.firstByte + 1, 0);
	await allowance?.take(plannedBytes);
	const sent = {bytes: 0};
	try {
		await sendPlan(ctx, file, plan, options, sent);
		options.meters.downloads.add({result: 'sent'});
	} catch (error) {
		options.meters.downloads.add({result: ctx.res.destroyed ? 'broken_off' : 'failed'});
		throw error;
	} finally {
		if (sent.bytes < plannedBytes) await allowance?.giveBack(plannedBytes - sent.bytes);
	}
};
