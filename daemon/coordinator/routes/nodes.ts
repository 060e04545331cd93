import type {Router} from '@koa/router';
import {heartbeatSchema, nodeShardsQuerySchema, registerSchema} from '../../../source/protocol/api.js';
import {PjasError} from '../../../source/protocol/errors.js';
import {type ChunkId, type FileId, type NodeId, parseNodeId} from '../../../source/protocol/ids.js';
import {routes} from '../../../source/protocol/routes.js';
import type {ChunkRecord, FileRecord} from '../../core/model.js';
import type {AppContext, AppState} from '../../http/app.js';
import {readJson, validate} from '../../http/body.js';
import type {Catalog} from '../../ports/catalog.js';
import type {NodeState} from '../fleet.js';
import {nodeShardViews, nodeView} from '../views.js';
import type {Parts} from './parts.js';
import {koaPath} from './paths.js';

type NodeContext = AppContext & {params: Record<string, string>};

/** A page of a node's chunks, and the last of them where more come after it. */
const chunksPage = async (catalog: Catalog, node: NodeId, limit: number, after: ChunkId | undefined) => {
	const chunks: ChunkRecord[] = [];
	for await (const chunk of catalog.chunksOn(node, after)) {
		if (chunks.length === limit) return {chunks, last: chunks.at(-1)?._id};
		chunks.push(chunk);
	}

	return {chunks, last: undefined};
};

const filesOf = async (catalog: Catalog, chunks: readonly ChunkRecord[]): Promise<Map<FileId, FileRecord>> => {
	const files = new Map<FileId, FileRecord>();
	for (const id of new Set(chunks.map(chunk => chunk.file))) {
		const file = await catalog.getFile(id);
		if (file) files.set(id, file);
	}

	return files;
};

/** The shards of files that are gone are left out, so a page may be shorter than asked for and yet not the last. */
const listShards =
	({catalog, fleet}: Parts, find: (ctx: NodeContext) => NodeState) =>
	async (ctx: NodeContext) => {
		const {_id: node} = find(ctx).record;
		const {limit, after} = validate(nodeShardsQuerySchema, ctx.query, 'query');
		const {chunks, last} = await chunksPage(catalog, node, limit, after as ChunkId | undefined);
		const files = await filesOf(catalog, chunks);
		const shards = chunks.flatMap(chunk => {
			const file = files.get(chunk.file);
			return file ? nodeShardViews(chunk, file, node, fleet) : [];
		});
		ctx.body = {success: true, shards, next_after: last ?? null};
	};

export const nodeRoutes = (router: Router<AppState>, parts: Parts): void => {
	const {catalog, fleet, membership} = parts;
	const find = (ctx: NodeContext): NodeState => {
		const id = parseNodeId(ctx.params['id']);
		const state = id && fleet.get(id);
		if (!state) throw new PjasError('NODE_NOT_FOUND', 'Node not found: it never joined this network');
		return state;
	};

	router.post(routes.register.path, async ctx => {
		const body = await readJson(ctx.req, registerSchema);
		await membership.register(body);
		ctx.body = {success: true, message: 'Node registered', node_id: body.node_id};
	});

	router.post(routes.heartbeat.path, async ctx => {
		await membership.heartbeat(await readJson(ctx.req, heartbeatSchema));
		ctx.body = {success: true};
	});

	router.get(routes.nodes.path, ctx => {
		const nodes = fleet.all().map(nodeView);
		ctx.body = {success: true, nodes, count: nodes.length};
	});

	router.get(koaPath(routes.node), ctx => {
		const state = find(ctx);
		ctx.body = {success: true, node: nodeView(state), shards: catalog.shardCounts(state.record._id)};
	});

	router.get(koaPath(routes.nodeShards), listShards(parts, find));
};
