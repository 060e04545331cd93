import {PjasError} from '../../../source/protocol/errors.js';
import {parseNodeId} from '../../../source/protocol/ids.js';
import {mayOwned, type Principal} from '../../core/access.js';
import type {Fleet, NodeState} from '../fleet.js';
import type {RouteContext} from './serve.js';

export type FindNode = (ctx: RouteContext, principal: Principal) => NodeState;

/** Finds the node that a call is about. What somebody may not know of is not there. */
export const findNode =
	({fleet}: {fleet: Fleet}): FindNode =>
	(ctx, principal) => {
		const id = parseNodeId(ctx.params['id']);
		const state = id && fleet.get(id);
		if (state && mayOwned(principal, state.record.owner)) return state;
		throw new PjasError('NODE_NOT_FOUND', 'Node not found: it never joined this network, or has left it');
	};
