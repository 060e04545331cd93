import {z} from 'zod';
import {nodeIdSchema, storageStatsSchema} from '../../source/protocol/api.js';
import type {NodeStatus} from '../core/model.js';
import {type Caller} from './http-shards-call.js';
import {MAX_SMALL_ANSWER_BYTES, nodeFailed, refusal} from './http-shards-errors.js';
import {json, then} from './http-shards-sinks.js';

const statusSchema = z.object({node_id: nodeIdSchema.optional(), storage: storageStatsSchema});

/** How a node is: `GET /status`. */
export const askStatus = async (caller: Caller, signal: AbortSignal): Promise<NodeStatus> =>
	caller({
		method: 'GET',
		path: '/status',
		asked: {operation: 'status'},
		signal,
		receive: answer =>
			answer.statusCode === 200
				? then(json(MAX_SMALL_ANSWER_BYTES), body => {
						const {success, data} = statusSchema.safeParse(body);
						if (success) return {storage: data.storage, ...(data.node_id !== undefined && {claimedId: data.node_id})};
						throw nodeFailed("The node's answer is not what was agreed");
					})
				: refusal(answer, []),
	});
