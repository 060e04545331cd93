import type {SafeToStop} from './protocol/healing-api.js';

const plural = (count: number, noun: string, more = `${noun}s`) => `${count} ${count === 1 ? noun : more}`;

/** Why a node can be stopped, or can't: in a sentence. */
export const stopReason = ({
	safe,
	shards,
	min_copies: least,
	at_risk: risks,
}: Pick<SafeToStop, 'safe' | 'shards' | 'min_copies' | 'at_risk'>): string => {
	if (shards === 0) return 'It holds nothing.';
	const enough = plural(least, 'sound copy', 'sound copies');
	if (safe)
		return `${shards === 1 ? 'Its shard' : `Each of its ${shards} shards`} has at least ${enough} on other nodes that are online.`;
	const those = shards === 1 ? 'Its shard' : `${risks} of its ${shards} shards`;
	return `${those} would be left with fewer than ${enough} elsewhere.`;
};
