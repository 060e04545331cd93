import {lineTestQuerySchema, nodeShardsQuerySchema} from '../../../source/protocol/api.js';
import {PjasError} from '../../../source/protocol/errors.js';
import type {ChunkId, FileId, NodeId} from '../../../source/protocol/ids.js';
import {MEMBER} from '../../../source/protocol/node-care.js';
import {mayKnow, mayOwned, type Principal} from '../../core/access.js';
import type {ChunkRecord, FileRecord, NodeRecord} from '../../core/model.js';
import {wishesFor} from '../../core/wishes.js';
import type {AppContext} from '../../http/app.js';
import {validate} from '../../http/body.js';
import type {Catalog} from '../../ports/catalog.js';
import type {NodeState} from '../fleet.js';
import {takeIn} from '../line-tests.js';
import {nodeShardViews} from '../views.js';
import {findNode, type FindNode} from './find-node.js';
import type {Parts} from './parts.js';
import {sendSigned} from './send-signed.js';
import {noteDeed, type RouteContext, type Serve} from './serve.js';

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
	({catalog, fleet}: Parts, find: FindNode) =>
	async (ctx: RouteContext, principal: Principal) => {
		const {_id: node} = find(ctx, principal).record;
		const {limit, after} = validate(nodeShardsQuerySchema, ctx.query, 'query');
		const {chunks, last} = await chunksPage(catalog, node, limit, after as ChunkId | undefined);
		const files = await filesOf(catalog, chunks);
		const shards = chunks.flatMap(chunk => {
			const file = files.get(chunk.file);
			if (!file) return [];
			const views = nodeShardViews(chunk, file, node, fleet);
			// Its owner may know what a node should hold, but not what other people call their files.
			return mayKnow(principal, file) ? views : views.map(view => ({...view, filename: ''}));
		});
		ctx.body = {success: true, shards, next_after: last ?? null};
	};

const LONGEST_LINE_TEST_MS = 40_000;

/** Tells a node with keys whether it is to open links. */
const reachOf = ({kind, publicKeys}: NodeRecord) => (publicKeys ? {reach: kind} : {});

export const nodeRoutes = (serve: Serve, parts: Parts): void => {
	const {admission, catalog, fleet, lineTests, membership, viewNode} = parts;
	const find = findNode(parts);

	const answerNode = (ctx: AppContext, state: NodeState) => {
		ctx.body = {success: true, node: viewNode(state), shards: catalog.shardCounts(state.record._id)};
	};

	/** A node's own member wants it to leave, or to stay after all. What somebody else has begun is not for it to end. */
	const takeLeave = async ({record: {_id, drain, publicKeys}}: NodeState, wantsToLeave: boolean) => {
		if (!publicKeys) return;
		if (wantsToLeave && !drain?.leaves) await parts.care.drain(_id, true, MEMBER);
		if (!wantsToLeave && drain?.by === MEMBER) await parts.care.cancelDrain(_id, MEMBER);
	};

	serve('register', async ctx => {
		const admitted = await admission.registration(ctx.req);
		if (admitted.refusal) {
			sendSigned(ctx, admitted.refusal);
			return;
		}

		const {body, terms, answer} = admitted;
		const known = fleet.all().length;
		const {record} = await membership.register(body, terms);
		noteDeed(ctx, `${record._id} ${JSON.stringify(record.name)}`);
		if (fleet.all().length === known) ctx.state.deed = {isIdle: true};
		const reach = terms.isReady ? reachOf(record) : {};
		sendSigned(ctx, await answer({success: true, message: 'Node registered', node_id: body.node_id, ...reach}));
	});

	serve('heartbeat', async ctx => {
		const admitted = await admission.heartbeat(ctx.req);
		if (admitted.refusal) {
			sendSigned(ctx, admitted.refusal);
			return;
		}

		const {body, terms, answer} = admitted;
		const state = await membership.heartbeat(body, terms);
		if (body.scrub) await parts.scrubReports.takeIn(state, body.scrub);
		if (body.leave !== undefined) await takeLeave(state, body.leave);
		const selfCheck = state.record.suspension?.since;
		const {standing, suspended, drain, maintenance} = viewNode(state);
		const wished = wishesFor(state.record);
		sendSigned(
			ctx,
			await answer({
				success: true,
				...(standing && {standing}),
				...(suspended && {suspended}),
				...(drain && {drain}),
				...(maintenance && {maintenance}),
				...(wished && {wished: {now: parts.clock.now(), limits: wished}}),
				version: parts.version,
				...(terms.isReady && reachOf(state.record)),
				...(selfCheck !== undefined && {self_check: selfCheck}),
			}),
		);
	});

	// One that asks as it should does not come here: see `node-link-upgrade.ts`.
	serve('linkNode', ctx => {
		ctx.set({Upgrade: 'websocket', Connection: 'Upgrade'});
		throw new PjasError('UPGRADE_REQUIRED', 'A link is a WebSocket: ask for it with "Upgrade: websocket"');
	});

	serve('testLine', async ctx => {
		const {down} = validate(lineTestQuerySchema, ctx.query, 'query');
		const admitted = await admission.bodiless(ctx.req, 'line-test');
		if (admitted.refusal) {
			sendSigned(ctx, admitted.refusal);
			return;
		}

		const {release} = lineTests.begin(admitted.node);
		// Whoever is too slow to be measured is cut off.
		const cancel = parts.clock.timer(LONGEST_LINE_TEST_MS, () => ctx.req.socket.destroy());
		ctx.res.once('close', () => {
			cancel();
			release();
		});
		await takeIn(ctx.req);
		ctx.set(admitted.headers);
		ctx.type = 'application/octet-stream';
		ctx.length = down;
		ctx.body = lineTests.bytes(down);
	});

	serve('nodes', (ctx, principal) => {
		const states = fleet
			.all()
			.filter(({record}) => principal.kind === 'anonymous' || mayOwned(principal, record.owner));
		ctx.body = {success: true, nodes: states.map(viewNode), count: states.length};
	});

	serve('node', (ctx, principal) => {
		answerNode(ctx, find(ctx, principal));
	});

	serve('banNode', async (ctx, principal) => {
		answerNode(ctx, await membership.setBanned(find(ctx, principal).record._id, true));
	});

	serve('unbanNode', async (ctx, principal) => {
		answerNode(ctx, await membership.setBanned(find(ctx, principal).record._id, false));
	});

	serve('auditNode', async (ctx, principal) => {
		const {_id} = find(ctx, principal).record;
		const {outcome, chunk, isRead} = await parts.nodeAuditor.audit(_id, parts.closing);
		const about = {file_id: chunk?.file ?? null, index: chunk?.index ?? null};
		ctx.body = {success: true, outcome, ...about, read: isRead, node: viewNode(find(ctx, principal))};
	});

	serve('nodeShards', listShards(parts, find));
};
