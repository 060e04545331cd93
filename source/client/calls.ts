import {
	deletedSchema,
	fileAnswerSchema,
	filesSchema,
	keyringSchema,
	keyringStoredSchema,
	logsSchema,
	nodeAnswerSchema,
	nodeShardsSchema,
	nodesSchema,
	okSchema,
	repairAnswerSchema,
	repairFileSchema,
	replicationSchema,
	statsSchema,
} from '../protocol/api.js';
import {emptiedTrashSchema, trashSchema} from '../protocol/healing-api.js';
import {LINK_PASSWORD_HEADER, writeLinkPassword} from '../protocol/link-password.js';
import {sharedFileSchema} from '../protocol/people-api.js';
import {pathOf} from '../protocol/routes.js';
import {readCheck} from './check-lines.js';
import type {Clock} from './clock.js';
import type {Api} from './contract.js';
import {receiveDownload} from './download.js';
import {readEvents} from './event-stream.js';
import {createHealingCalls} from './healing-calls.js';
import {createHttp} from './http.js';
import {jsonBody} from './json-body.js';
import type {Limits} from './limits.js';
import {createPeopleCalls} from './people-calls.js';
import {callJson, strange} from './read-answer.js';
import {cancelResumable} from './resumable-upload.js';
import {sendUpload} from './upload.js';

export type Calls = Omit<Api, 'url'>;

type CallsOptions = {url: string; token: () => string | undefined; clock: Pick<Clock, 'timer' | 'now'>; limits: Limits};

const passwordHeaders = (password: string | undefined): Record<string, string> =>
	password === undefined ? {} : {[LINK_PASSWORD_HEADER]: writeLinkPassword(password)};

/** Every call of the API, over got. */
export const createCalls = ({url, token, clock, limits}: CallsOptions): Calls => {
	const http = createHttp(url, {token, clock, limits});
	const file: Api['file'] = async id => {
		const {file} = await callJson(http, {name: 'file', id}, fileAnswerSchema);
		if (file.file_id === id) return file;
		throw strange(`${url}${pathOf('file', id)}`, `the file ${file.file_id}`);
	};
	const sharedFile: Api['sharedFile'] = async (link, password) =>
		callJson(http, {name: 'sharedFile', id: link, headers: passwordHeaders(password)}, sharedFileSchema);

	return {
		...createPeopleCalls(http),
		...createHealingCalls(http),
		stats: async () => (await callJson(http, {name: 'stats'}, statsSchema)).stats,
		nodes: async () => (await callJson(http, {name: 'nodes'}, nodesSchema)).nodes,
		async node(id) {
			const {node, shards} = await callJson(http, {name: 'node', id}, nodeAnswerSchema);
			return {node, shards};
		},
		nodeShards: async (id, query) => callJson(http, {name: 'nodeShards', id, query}, nodeShardsSchema),
		files: async ({search, ...page}) => callJson(http, {name: 'files', query: {...page, q: search}}, filesSchema),
		file,
		async removeFile(id, {isForever = false} = {}) {
			const query = isForever ? {forever: 'true'} : {};
			return (await callJson(http, {name: 'deleteFile', id, query}, deletedSchema)).purge_at;
		},
		trash: async query => callJson(http, {name: 'trash', query}, trashSchema),
		restoreFile: async id => (await callJson(http, {name: 'restoreFile', id}, fileAnswerSchema)).file,
		async purgeFile(id) {
			await callJson(http, {name: 'purgeFile', id}, okSchema);
		},
		async emptyTrash(signal) {
			const sum = {files: 0, bytes: 0};
			for (let before: string | undefined; ;) {
				signal?.throwIfAborted();
				const page = await callJson(http, {name: 'emptyTrash', query: {before}}, emptiedTrashSchema);
				sum.files += page.files;
				sum.bytes += page.bytes;
				if (page.next_before === null) return sum;
				before = page.next_before;
			}
		},
		repair: async () => (await callJson(http, {name: 'repair'}, repairAnswerSchema)).repair,
		async pauseRepair(isPaused) {
			return (await callJson(http, {name: isPaused ? 'pauseRepair' : 'resumeRepair'}, repairAnswerSchema)).repair;
		},
		repairFile: async id => (await callJson(http, {name: 'repairFile', id}, repairFileSchema)).chunks,
		logs: async ({search, ...page}) => callJson(http, {name: 'logs', query: {...page, q: search}}, logsSchema),
		replication: async (id, query = {}) => callJson(http, {name: 'replication', id, query}, replicationSchema),
		check: (id, signal) => readCheck(http, id, signal),
		events: options => readEvents(http, options),
		upload: async file => sendUpload(http, file),
		cancelUpload: async id => cancelResumable(http, id),
		async keyring() {
			const {blob, revision} = await callJson(http, {name: 'keyring'}, keyringSchema);
			return {blob, revision};
		},
		async putKeyring(keyring) {
			const call = {name: 'putKeyring', ...jsonBody(keyring)} as const;
			const {revision} = await callJson(http, call, keyringStoredSchema);
			return {revision};
		},
		download: async (id, options) =>
			receiveDownload(http, {call: {name: 'download', id}, about: async () => file(id)}, options),
		sharedFile,
		sharedDownload: async (link, {password, ...options}) => {
			const call = {name: 'sharedDownload', id: link, headers: passwordHeaders(password)} as const;
			return receiveDownload(http, {call, about: async () => sharedFile(link, password)}, options);
		},
	};
};
