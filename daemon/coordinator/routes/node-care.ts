import {drainNodeSchema, maintainNodeSchema, type RiskView} from '../../../source/protocol/healing-api.js';
import {PjasError} from '../../../source/protocol/errors.js';
import type {NodeId} from '../../../source/protocol/ids.js';
import {wishLimitsSchema} from '../../../source/protocol/node-care.js';
import {mayFile, maySetLimits, type Principal} from '../../core/access.js';
import {isInMaintenance} from '../../core/condition.js';
import {parseJson, readJson, readPlainBytes} from '../../http/body.js';
import type {NodeState} from '../fleet.js';
import {movesView} from '../moves-view.js';
import {createNodeLookup} from '../node-lookup.js';
import {type Risk, risksOf} from '../safe-to-stop.js';
import {findNode} from './find-node.js';
import type {Parts} from './parts.js';
import {sendSigned} from './send-signed.js';
import type {RouteContext, Serve} from './serve.js';
import {nameOf} from './session.js';

/** Calls with which whoever a node is of, or an operator, prepares it for being away or leaving. */
export const nodeCareRoutes = (serve: Serve, parts: Parts): void => {
	const {admission, care, catalog, clock, fleet, minReplicas, mover, viewNode} = parts;
	const find = findNode(parts);
	const lookUp = createNodeLookup({fleet, clock});

	const isLeaving = (id: NodeId) => {
		const state = fleet.get(id);
		return state !== undefined && isInMaintenance(state.record, clock.now());
	};

	const answer = (ctx: RouteContext, state: NodeState) => {
		ctx.body = {success: true, node: viewNode(state), shards: catalog.shardCounts(state.record._id)};
	};

	/** What nobody may know of has no name. */
	const riskView = async ({chunk, copies, wanted}: Risk, principal: Principal): Promise<RiskView> => {
		const file = await catalog.getFile(chunk.file);
		const filename = file && mayFile(principal, 'see', file) ? file.name : '';
		return {file_id: chunk.file, filename, index: chunk.index, copies, wanted};
	};

	serve('drainNode', async (ctx, principal) => {
		const {_id} = find(ctx, principal).record;
		const bytes = await readPlainBytes(ctx.req);
		const {leave} = bytes.length === 0 ? {leave: false} : parseJson(bytes, drainNodeSchema, 'body');
		answer(ctx, await care.drain(_id, leave, nameOf(principal)));
	});

	serve('cancelDrain', async (ctx, principal) => {
		answer(ctx, await care.cancelDrain(find(ctx, principal).record._id, nameOf(principal)));
	});

	serve('maintainNode', async (ctx, principal) => {
		const {_id} = find(ctx, principal).record;
		const {from = clock.now(), duration_s: seconds} = await readJson(ctx.req, maintainNodeSchema);
		const window = {from, until: from + seconds * 1000, by: nameOf(principal)};
		answer(ctx, await care.maintain(_id, window));
	});

	serve('endMaintenance', async (ctx, principal) => {
		answer(ctx, await care.endMaintenance(find(ctx, principal).record._id, nameOf(principal)));
	});

	/** What a node may take is its member's to say; an operator who is neither that nor an admin only looks after it. */
	const findOwn = (ctx: RouteContext, principal: Principal): NodeId => {
		const {_id, owner} = find(ctx, principal).record;
		if (maySetLimits(principal, owner)) return _id;
		throw new PjasError('FORBIDDEN', 'The limits of a node are for its owner and for admins to set');
	};

	serve('setNodeLimits', async (ctx, principal) => {
		const id = findOwn(ctx, principal);
		const texts = await readJson(ctx.req, wishLimitsSchema);
		answer(ctx, await care.wish(id, texts, nameOf(principal)));
	});

	serve('endNodeWishes', async (ctx, principal) => {
		answer(ctx, await care.endWishes(findOwn(ctx, principal), nameOf(principal)));
	});

	const risksAt = async (node: NodeId) => {
		const minCopies = Math.max(1, Math.min(minReplicas, fleet.all().length));
		const {shards, atRisk, worst} = await risksOf({catalog, lookUp, isLeaving}, node, minCopies);
		return {found: {safe: atRisk === 0, shards, min_copies: minCopies, at_risk: atRisk}, worst};
	};

	serve('safeToStop', async (ctx, principal) => {
		const {_id: node} = find(ctx, principal).record;
		const {found, worst} = await risksAt(node);
		const chunks: RiskView[] = [];
		for (const risk of worst) chunks.push(await riskView(risk, principal));
		ctx.body = {success: true, node_id: node, ...found, chunks};
	});

	/** The nodes that are being answered: that costs by what they hold. */
	const asking = new Set<NodeId>();

	serve('askSafeToStop', async ctx => {
		const admitted = await admission.safeToStop(ctx.req);
		if (admitted.refusal) {
			sendSigned(ctx, admitted.refusal);
			return;
		}

		const node = admitted.body.node_id as NodeId;
		if (asking.has(node)) throw new PjasError('TOO_MANY_REQUESTS', 'This is asked already: wait for the answer');
		asking.add(node);
		try {
			const {found, worst} = await risksAt(node);
			const fewest = worst[0]?.copies ?? null;
			sendSigned(ctx, await admitted.answer({success: true, ...found, fewest_copies: fewest}));
		} finally {
			asking.delete(node);
		}
	});

	serve('moves', ctx => {
		ctx.body = {success: true, moves: movesView(mover)};
	});
};
