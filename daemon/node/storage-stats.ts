import type {StorageStats} from '../../source/protocol/api.js';
import type {NodeStore} from './folder.js';

/** A node's figures as they go over the wire. */
export const storageStatsOf = async (shards: NodeStore): Promise<StorageStats> => {
	const {usedBytes, allocatedBytes, freeBytes, count} = await shards.figures();
	return {
		used_bytes: usedBytes,
		allocated_bytes: allocatedBytes,
		free_bytes: freeBytes,
		chunk_count: count,
		usage_percent: allocatedBytes === 0 ? 100 : Math.round((usedBytes / allocatedBytes) * 10_000) / 100,
	};
};
