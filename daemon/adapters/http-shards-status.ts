import {z} from 'zod';
import {type StorageStats, storageStatsSchema} from '../../source/protocol/api.js';
import {type Caller} from './http-shards-call.js';
import {MAX_SMALL_ANSWER_BYTES, nodeFailed, refusal} from './http-shards-errors.js';
import {json, then} from './http-shards-sinks.js';

const statusSchema = z.object({storage: storageStatsSchema});

/** A node's figures: `GET /status`. */
export const askStatus = async (caller: Caller, signal: AbortSignal): Promise<StorageStats> =>
	caller({
		method: 'GET',
		path: '/status',
		asked: {operation: 'status'},
		signal,
		receive: answer =>
			answer.statusCode === 200
				? then(json(MAX_SMALL_ANSWER_BYTES), body => {
						const {success, data} = statusSchema.safeParse(body);
						if (success) return data.storage;
						throw nodeFailed("The node's answer is not what was agreed");
					})
				: refusal(answer, []),
	});
