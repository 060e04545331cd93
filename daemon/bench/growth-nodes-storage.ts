import type {StorageStats} from '../../source/protocol/api.js';

const KIB = 1024;

/**
What a node that is only stood in for says of its disk: so little of so little that no shard fits in, and that nobody finds it
too full beside others.
*/
export const standInStorage: StorageStats = {
	used_bytes: 2 * KIB,
	allocated_bytes: 64 * KIB,
	free_bytes: 32 * KIB,
	chunk_count: 0,
	usage_percent: 3,
};
