import {request as makeRequest} from 'node:http';
import type {z} from 'zod';
import type {MemberTarget} from '../member-socket.js';
import {isErrorCode, isPjasError, PjasError} from '../protocol/errors.js';
import {type NodeSafeToStop, nodeSafeToStopSchema} from '../protocol/healing-api.js';
import {
	type Examination,
	examinationSchema,
	type MemberLog,
	memberLogSchema,
	memberRoutes,
	type MemberStatus,
	memberStatusSchema,
} from '../protocol/member-api.js';
import type {LimitName} from '../protocol/member-limits.js';

/** What a member asks of the own node. */
export type MemberApi = {
	status: () => Promise<MemberStatus>;
	/** The newest entries; of those after a number where one is given. */
	log: (query: {limit: number; after?: number}) => Promise<MemberLog>;
	set: (limits: Partial<Record<LimitName, string>>) => Promise<MemberStatus>;
	pause: (isPaused: boolean) => Promise<MemberStatus>;
	leave: (isLeaving: boolean) => Promise<MemberStatus>;
	/** Has it ask its coordinator whether it can stop now. */
	safeToStop: () => Promise<NodeSafeToStop>;
	/** What the node found wrong with itself when it last looked. */
	examination: () => Promise<Examination>;
	/** Has it look, and answers at once. */
	examine: () => Promise<Examination>;
};

const TIMEOUT_MS = 10_000;
const MOST_ANSWER_BYTES = 4 * 1024 * 1024;

const unreachable = (error: NodeJS.ErrnoException): PjasError => {
	const {code = ''} = error;
	const problem =
		code === 'ENOENT' || code === 'ECONNREFUSED'
			? 'The node does not run: start it with pjas-daemon --role node'
			: code === 'EACCES' || code === 'EPERM'
				? 'The node runs as another user: only that one may steer it'
				: `The node can't be reached (${code || error.message})`;
	return new PjasError('NODE_FAILED', problem, {cause: error});
};

const send = async (
	target: MemberTarget,
	{method, path}: {method: string; path: string},
	body?: object,
): Promise<{status: number; text: string}> =>
	new Promise((resolve, reject) => {
		const text = body && JSON.stringify(body);
		const headers =
			text === undefined ? {} : {'content-type': 'application/json', 'content-length': Buffer.byteLength(text)};
		const options = {method, headers, timeout: TIMEOUT_MS, agent: false as const};
		const request =
			'url' in target
				? makeRequest(target.url + path, options)
				: makeRequest({...options, socketPath: target.socketPath, path, host: 'localhost'});
		const fail = (error: NodeJS.ErrnoException) => reject(unreachable(error));
		request.on('error', fail);
		request.on('timeout', () => request.destroy(Object.assign(new Error('it does not answer'), {code: 'ETIMEDOUT'})));
		request.on('response', answer => {
			const pieces: Buffer[] = [];
			let sizeBytes = 0;
			answer.on('error', fail).on('data', (piece: Buffer) => {
				sizeBytes += piece.length;
				if (sizeBytes > MOST_ANSWER_BYTES) request.destroy(new Error('its answer is too long'));
				else pieces.push(piece);
			});
			answer.on('end', () => resolve({status: answer.statusCode ?? 0, text: Buffer.concat(pieces).toString()}));
		});
		request.end(text);
	});

const parsed = (text: string): unknown => {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
};

const noNode = (target: MemberTarget) =>
	new PjasError(
		'NODE_FAILED',
		'url' in target
			? `What answers at ${target.url} is not the socket of a node of this version. A node's own port does not steer it: name its folder`
			: 'What answers there is not a node of this version. After an update, start the node again',
	);

export const createMemberApi = (target: MemberTarget): MemberApi => {
	const call = async <Schema extends z.ZodType>(
		route: {method: string; path: string},
		schema: Schema,
		body?: object,
	): Promise<z.output<Schema>> => {
		const {status, text} = await send(target, route, body);
		const value = parsed(text);
		const {error, code} = (value ?? {}) as {error?: unknown; code?: unknown};
		if (status >= 400 && typeof error === 'string' && isErrorCode(code)) throw new PjasError(code, error);
		const {success, data} = schema.safeParse(value);
		if (!success) throw noNode(target);
		return data;
	};

	const {status, log, set, pause, resume, leave, stay, safeToStop, examination, examine} = memberRoutes;
	return {
		async status() {
			try {
				return await call(status, memberStatusSchema);
			} catch (error) {
				// A coordinator, or a node's own port.
				throw isPjasError(error, 'ROUTE_NOT_FOUND') ? noNode(target) : error;
			}
		},
		async log({limit, after}) {
			const query = after === undefined ? `limit=${limit}` : `limit=${limit}&after=${after}`;
			return call({...log, path: `${log.path}?${query}`}, memberLogSchema);
		},
		set: async limits => call(set, memberStatusSchema, limits),
		pause: async isPaused => call(isPaused ? pause : resume, memberStatusSchema),
		leave: async isLeaving => call(isLeaving ? leave : stay, memberStatusSchema),
		async safeToStop() {
			try {
				return await call(safeToStop, nodeSafeToStopSchema);
			} catch (error) {
				if (!isPjasError(error, 'ROUTE_NOT_FOUND')) throw error;
				const problem = 'The node runs an older version, which can not ask: start it again after the update';
				throw new PjasError('OPERATION_UNSUPPORTED', problem);
			}
		},
		examination: async () => call(examination, examinationSchema),
		examine: async () => call(examine, examinationSchema),
	};
};
