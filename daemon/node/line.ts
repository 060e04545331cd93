import type {IncomingMessage, ServerResponse} from 'node:http';
import {PjasError} from '../../source/protocol/errors.js';
import type {Resting} from '../../source/protocol/node-care.js';
import type {TicketOperation} from '../trust/tickets.js';
import type {Member} from './member.js';
import type {Handler} from './handler.js';

/** A node's line, as what it serves uses it. */
export type Line = Pick<Member, 'up' | 'down' | 'count' | 'resting'>;

/** What a request and its answer carry about as their heads, tickets and proofs. */
const REQUEST_HEAD_BYTES = 900;
const ANSWER_HEAD_BYTES = 400;

const reasons: Record<Resting, string> = {
	paused: 'its member has paused it',
	'off-hours': 'it is outside the hours in which it takes part',
	'near-cap': 'its line has nearly carried what it may in this month',
	'over-cap': 'its line has carried what it may in this month',
};

/** Refuses what a node that takes no part for now does not do: take shards in, and beyond a month's cap, give them out. */
export const refuseWhereResting = (line: Line | undefined, operation: TicketOperation | undefined): void => {
	const isTaking = operation === 'put' || operation === 'put-batch';
	const isGiving = operation === 'get' || operation === 'get-batch';
	if (!line || (!isTaking && !isGiving)) return;
	const resting = line.resting();
	if (!resting || (!isTaking && resting !== 'over-cap')) return;
	throw new PjasError(
		'NODE_RESTING',
		`This node ${isTaking ? 'takes' : 'gives'} no shards for now: ${reasons[resting]}`,
	);
};

/** Gives a handler that does the same, and counts what goes over the line around the bodies. */
export const countingHeads =
	(line: Line, serve: Handler): Handler =>
	(request: IncomingMessage, response: ServerResponse) => {
		line.count({up: ANSWER_HEAD_BYTES, down: REQUEST_HEAD_BYTES});
		return serve(request, response);
	};
