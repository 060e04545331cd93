import type {z} from 'zod';
import {
	checkLineSchema,
	deletedSchema,
	errorSchema,
	fileAnswerSchema,
	filesQuerySchema,
	filesSchema,
	healthSchema,
	heartbeatSchema,
	logsQuerySchema,
	logsSchema,
	nodeAnswerSchema,
	nodeShardsQuerySchema,
	nodeShardsSchema,
	nodesSchema,
	okSchema,
	registerSchema,
	registeredSchema,
	replicationQuerySchema,
	replicationSchema,
	rootSchema,
	statsSchema,
	uploadedSchema,
} from './api.js';

type Answer = {description: string; type: string; schema?: z.ZodType};

export type Route = {
	method: 'GET' | 'HEAD' | 'POST' | 'DELETE';
	/** With `{id}` for what varies, as OpenAPI writes it. */
	path: string;
	summary: string;
	query?: z.ZodObject;
	body?: {type: string; schema?: z.ZodType};
	answers: Record<number, Answer>;
};

const json = (description: string, schema: z.ZodType): Answer => ({description, type: 'application/json', schema});
const bytesAnswer = (description: string): Answer => ({description, type: 'application/octet-stream'});
const failure = (description: string): Answer => json(description, errorSchema);
const noFile = {404: failure('`FILE_NOT_FOUND`')};
const noNode = {404: failure('`NODE_NOT_FOUND`')};

/** Every call of the coordinator's API. The router, the OpenAPI description and the clients are made from it. */
export const routes = {
	root: {
		method: 'GET',
		path: '/',
		summary: 'Whether the coordinator is there, in one line',
		answers: {200: json('It is', rootSchema)},
	},
	health: {
		method: 'GET',
		path: '/health',
		summary: 'Health check',
		answers: {200: json('Healthy', healthSchema)},
	},
	register: {
		method: 'POST',
		path: '/api/nodes/register',
		summary: 'Register a storage node',
		body: {type: 'application/json', schema: registerSchema},
		answers: {200: json('Registered', registeredSchema), 400: failure('`INVALID_REQUEST`')},
	},
	heartbeat: {
		method: 'POST',
		path: '/api/nodes/heartbeat',
		summary: 'Say that a node is there',
		body: {type: 'application/json', schema: heartbeatSchema},
		answers: {
			200: json('Noted', okSchema),
			400: failure('`INVALID_REQUEST`'),
			404: failure('`NODE_NOT_FOUND`: register first'),
		},
	},
	nodes: {
		method: 'GET',
		path: '/api/nodes',
		summary: 'List the nodes',
		answers: {200: json('All that ever joined', nodesSchema)},
	},
	node: {
		method: 'GET',
		path: '/api/nodes/{id}',
		summary: 'Describe a node, and count its shards by state',
		answers: {200: json('Its record', nodeAnswerSchema), ...noNode},
	},
	nodeShards: {
		method: 'GET',
		path: '/api/nodes/{id}/shards',
		summary: 'List the shards that a node should hold',
		query: nodeShardsQuerySchema,
		answers: {200: json('A page of shards', nodeShardsSchema), ...noNode},
	},
	stats: {
		method: 'GET',
		path: '/api/stats',
		summary: 'Network statistics',
		answers: {200: json('Figures', statsSchema)},
	},
	logs: {
		method: 'GET',
		path: '/api/logs',
		summary: 'Activity log',
		query: logsQuerySchema,
		answers: {200: json('The newest entries, or the newest before one', logsSchema)},
	},
	files: {
		method: 'GET',
		path: '/api/files',
		summary: 'List and search files',
		query: filesQuerySchema,
		answers: {200: json('A page', filesSchema)},
	},
	upload: {
		method: 'POST',
		path: '/api/files/upload',
		summary: 'Upload a file',
		body: {type: 'multipart/form-data'},
		answers: {
			200: json('Stored on enough nodes, durably', uploadedSchema),
			400: failure('`NO_FILE_UPLOADED`, `INVALID_REQUEST`, `UPLOAD_INCOMPLETE`'),
			415: failure('`UNSUPPORTED_MEDIA_TYPE`'),
			503: failure('`NO_NODES_AVAILABLE`, `NOT_ENOUGH_NODES`, `CATALOG_UNAVAILABLE`'),
			507: failure('`INSUFFICIENT_STORAGE`'),
		},
	},
	file: {
		method: 'GET',
		path: '/api/files/{id}',
		summary: 'Describe a file',
		answers: {200: json('Its record', fileAnswerSchema), ...noFile},
	},
	deleteFile: {
		method: 'DELETE',
		path: '/api/files/{id}',
		summary: 'Delete a file, and its shards from their nodes',
		answers: {200: json('Deleted', deletedSchema), ...noFile},
	},
	download: {
		method: 'GET',
		path: '/api/files/download/{id}',
		summary: 'Download a file, or ranges of it',
		answers: {
			200: bytesAnswer('The file'),
			206: bytesAnswer('The ranges asked for'),
			...noFile,
			416: failure('`RANGE_NOT_SATISFIABLE`'),
			500: failure('`FILE_UNAVAILABLE`'),
		},
	},
	replication: {
		method: 'GET',
		path: '/api/files/{id}/replication',
		summary: 'Where the shards of each chunk are, and when each was last verified',
		query: replicationQuerySchema,
		answers: {200: json('A page of chunks', replicationSchema), ...noFile},
	},
	check: {
		method: 'POST',
		path: '/api/files/{id}/check',
		summary: 'Have every node re-hash its shards of a file',
		answers: {
			200: {
				description: 'One JSON line a chunk, then one at the end',
				type: 'application/x-ndjson',
				schema: checkLineSchema,
			},
			...noFile,
		},
	},
	events: {
		method: 'GET',
		path: '/api/events',
		summary: 'Server-sent events of all that changes; resumable by `Last-Event-ID`',
		answers: {200: {description: 'Events', type: 'text/event-stream'}},
	},
	openapi: {
		method: 'GET',
		path: '/api/openapi.json',
		summary: 'This description',
		answers: {200: {description: 'OpenAPI 3.1', type: 'application/json'}},
	},
} as const satisfies Record<string, Route>;
export type RouteName = keyof typeof routes;

/** A route's path with its id filled in, for clients. */
export const pathOf = (name: RouteName, id = ''): string => routes[name].path.replace('{id}', encodeURIComponent(id));
