import {
	deletedSchema,
	fileAnswerSchema,
	filesSchema,
	logsSchema,
	nodeAnswerSchema,
	nodeShardsSchema,
	nodesSchema,
	replicationSchema,
	statsSchema,
} from '../protocol/api.js';
import {readCheck} from './check-lines.js';
import type {Clock} from './clock.js';
import type {Api} from './contract.js';
import {receiveDownload} from './download.js';
import {readEvents} from './event-stream.js';
import {createHttp} from './http.js';
import type {Limits} from './limits.js';
import {createPeopleCalls} from './people-calls.js';
import {callJson} from './read-answer.js';
import {sendUpload} from './upload.js';

export type Calls = Omit<Api, 'url'>;

type CallsOptions = {url: string; token: () => string | undefined; clock: Pick<Clock, 'timer' | 'now'>; limits: Limits};

/** Every call of the API, over got. */
export const createCalls = ({url, token, clock, limits}: CallsOptions): Calls => {
	const http = createHttp(url, {token, clock, limits});
	return {
		...createPeopleCalls(http),
		stats: async () => (await callJson(http, {name: 'stats'}, statsSchema)).stats,
		nodes: async () => (await callJson(http, {name: 'nodes'}, nodesSchema)).nodes,
		async node(id) {
			const {node, shards} = await callJson(http, {name: 'node', id}, nodeAnswerSchema);
			return {node, shards};
		},
		nodeShards: async (id, query) => callJson(http, {name: 'nodeShards', id, query}, nodeShardsSchema),
		files: async ({search, ...page}) => callJson(http, {name: 'files', query: {...page, q: search}}, filesSchema),
		file: async id => (await callJson(http, {name: 'file', id}, fileAnswerSchema)).file,
		async removeFile(id) {
			await callJson(http, {name: 'deleteFile', id}, deletedSchema);
		},
		logs: async ({search, ...page}) => callJson(http, {name: 'logs', query: {...page, q: search}}, logsSchema),
		replication: async (id, query = {}) => callJson(http, {name: 'replication', id, query}, replicationSchema),
		check: (id, signal) => readCheck(http, id, signal),
		events: options => readEvents(http, options),
		upload: async file => sendUpload(http, file),
		download: async (id, options) => receiveDownload(http, id, options),
	};
};
