import type {SafeToStop} from '../protocol/healing-api.js';

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
	if (safe) return `Each of its ${plural(shards, 'shard')} has at least ${enough} on other nodes that are online.`;
	return `${risks} of its ${plural(shards, 'shard')} would be left with fewer than ${enough} elsewhere.`;
};
