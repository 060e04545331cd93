import {z} from 'zod';
import {type StorageStats, storageStatsSchema} from '../../source/protocol/api.js';

const statusSchema = z.object({storage: storageStatsSchema});

/** Asks a node of any kind for its figures: `GET /status`. Rejects where it is not there, or answers something else. */
export const probeNode = async (address: string, signal: AbortSignal): Promise<StorageStats> => {
	const {got} = await import('got');
	const answer: unknown = await got(`${address}/status`, {signal, retry: {limit: 0}, followRedirect: false}).json();
	return statusSchema.parse(answer).storage;
};
