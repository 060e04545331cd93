import {got, HTTPError, RequestError} from 'got';
import type {z} from 'zod';
import {
	errorSchema,
	type FileView,
	filesSchema,
	type LogEntry,
	logsSchema,
	nodesSchema,
	type NodeView,
	type Stats,
	statsSchema,
} from '../protocol/api.js';
import {pathOf, type RouteName} from '../protocol/routes.js';
import {AnswerError, UnreachableError} from './errors.js';

export type Api = {
	/** The coordinator's base address. */
	url: string;
	stats: () => Promise<Stats>;
	nodes: () => Promise<NodeView[]>;
	/** A page of files, the newest first, and how many there are. */
	files: (page: {limit: number; before?: string; search?: string}) => Promise<z.infer<typeof filesSchema>>;
	/** The newest entries, the oldest of them first. */
	logs: (limit: number) => Promise<LogEntry[]>;
};

export type {FileView, LogEntry, NodeView, Stats};

const TIMEOUT_MS = 15_000;
const MAX_QUOTED_LENGTH = 200;

const unreachableReasons: Record<string, string> = {
	ECONNREFUSED: 'nothing listens there; is the coordinator running?',
	ENOTFOUND: 'no machine of that name is known',
	EAI_AGAIN: 'the name could not be looked up; is there a network?',
	ETIMEDOUT: `no answer within ${TIMEOUT_MS / 1000} seconds`,
	ECONNRESET: 'the connection was cut off',
};

/** What an answer with an error status says, whoever gave it. */
const refusal = (url: string, {response}: HTTPError): AnswerError => {
	const said = errorSchema.safeParse(parseJson(String(response.body)));
	if (said.success) return new AnswerError(said.data.error, {code: said.data.code});
	const status = `${response.statusCode} ${response.statusMessage ?? ''}`.trim();
	return new AnswerError(`${url} answered ${status}, as no coordinator of PJAS does`);
};

const parseJson = (text: string): unknown => {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
};

/** The coordinator's API: the one place that knows addresses. */
export const createApi = (url: string): Api => {
	const client = got.extend({
		timeout: {request: TIMEOUT_MS},
		retry: {limit: 0},
		followRedirect: true,
		headers: {'user-agent': 'pjas-tui'},
	});

	const get = async <Schema extends z.ZodType>(
		name: RouteName,
		schema: Schema,
		query: Record<string, string | number | undefined> = {},
	): Promise<z.output<Schema>> => {
		const target = url + pathOf(name);
		let text: string;
		try {
			text = await client.get(target, {searchParams: query}).text();
		} catch (error) {
			if (error instanceof HTTPError) throw refusal(target, error);
			if (!(error instanceof RequestError)) throw error;
			const reason = unreachableReasons[error.code] ?? error.message;
			throw new UnreachableError(`${url} can't be reached: ${reason}`, {cause: error});
		}

		const answer = schema.safeParse(parseJson(text));
		if (answer.success) return answer.data;
		const start = JSON.stringify(text.slice(0, MAX_QUOTED_LENGTH));
		throw new AnswerError(`${target} did not answer as a coordinator of PJAS does, but with ${start}`, {
			cause: answer.error,
		});
	};

	return {
		url,
		stats: async () => (await get('stats', statsSchema)).stats,
		nodes: async () => (await get('nodes', nodesSchema)).nodes,
		files: async ({limit, before, search}) => get('files', filesSchema, {limit, before, q: search}),
		logs: async limit => (await get('logs', logsSchema, {limit})).logs,
	};
};
