import type {Tone} from '../console/theme.js';
import type {ChunkView, FileView} from '../protocol/api.js';

/** How safe chunks, files and shards are, in words, in one character, and in a tone. */

type Redundancy = FileView['redundancy'];
export type ShardState = ChunkView['shards'][number]['state'];

/** What is known of one chunk. `present` counts its sound shards on nodes that are online. */
export type ChunkState = {present: number; wanted: number; hasCorrupt: boolean; hasMissing: boolean};

const plural = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** In words that fit a column: full, 3 of 12 short, 1 LOST. Less is said where there is less room, the worst in any case. */
export const redundancyWords = ({full, partly, none}: Redundancy, width = Infinity): string => {
	const short = `${partly} short`;
	const wordings = none > 0 ? [`${none} LOST`] : partly > 0 ? [`${partly} of ${full + partly} short`, short] : ['full'];
	if (none > 0 && partly > 0) wordings.unshift(`${none} LOST, ${short}`);
	return wordings.find(words => words.length <= width) ?? wordings.at(-1) ?? '';
};

/** The same as a sentence. */
export const redundancySentence = ({full, partly, none}: Redundancy): string => {
	const total = full + partly + none;
	if (total === 0) return 'It has no chunk to keep';
	const short = partly > 0 ? [`${partly} of ${plural(total, 'chunk')} have fewer copies than wanted`] : [];
	const lost = none > 0 ? [`${none} of ${plural(total, 'chunk')} can't be read now`] : [];
	const problems = [...lost, ...short];
	return problems.length === 0 ? `All copies of ${plural(total, 'chunk')} are there` : problems.join('; ');
};

export const redundancyTone = ({partly, none}: Redundancy): Tone => {
	if (none > 0) return 'bad';
	return partly > 0 ? 'warn' : 'ok';
};

/** For sorting: the worse, the higher. What can't be read is worse than any number of chunks with fewer copies. */
export const redundancyRank = ({partly, none}: Redundancy): number => none * 1e9 + partly;

const shardWordsOf: Record<ShardState, string> = {
	online: 'online, sound',
	offline: 'node offline',
	suspended: 'node suspended',
	missing: 'MISSING on its node',
	corrupt: 'CORRUPT',
};
const shardTones: Record<ShardState, Tone> = {
	online: 'ok',
	offline: 'warn',
	suspended: 'warn',
	missing: 'bad',
	corrupt: 'bad',
};

export const shardWords = (state: ShardState): string => shardWordsOf[state];
export const shardTone = (state: ShardState): Tone => shardTones[state];

/** The rank of a chunk of which nothing is known: worse than a full one, better than any that is known to lack something. */
export const UNKNOWN_RANK = 1;
export const UNREADABLE_RANK = 60_000;

/** How bad a chunk is: 0 where all its shards are there; each copy that lacks weighs more than a corrupt one beside enough others. */
export const chunkRank = ({present, wanted, hasCorrupt}: ChunkState): number => {
	if (present === 0 && wanted > 0) return UNREADABLE_RANK;
	const weight = 2 * Math.max(0, wanted - present) + (hasCorrupt ? 1 : 0);
	return weight === 0 ? 0 : UNKNOWN_RANK + weight;
};

/** One ASCII character: the number of sound copies, `x` where one is corrupt, `!` where it can't be read now. */
export const chunkCode = (state: ChunkState): string => {
	const {present, wanted, hasCorrupt} = state;
	if (present === 0 && wanted > 0) return '!';
	if (hasCorrupt) return 'x';
	return present > 9 ? '+' : String(present);
};

export const chunkTone = (state: ChunkState): Tone => {
	const rank = chunkRank(state);
	if (rank === 0) return 'ok';
	return rank === UNREADABLE_RANK || state.hasCorrupt ? 'bad' : 'warn';
};

/** In words: full, 2 of 3 copies, none of 3 copies: NOT READABLE. */
export const chunkWords = ({present, wanted, hasCorrupt, hasMissing}: ChunkState): string => {
	const faults = [...(hasCorrupt ? ['CORRUPT copy'] : []), ...(hasMissing ? ['missing copy'] : [])];
	const because = faults.length === 0 ? '' : `, ${faults.join(', ')}`;
	if (present === 0 && wanted > 0) return `NOT READABLE, 0 of ${wanted}${because}`;
	if (present < wanted) return `short, ${present} of ${wanted}${because}`;
	return `full, ${present} of ${wanted}${because}`;
};

export const chunkStateOf = ({present, wanted, shards}: ChunkView): ChunkState => ({
	present,
	wanted,
	hasCorrupt: shards.some(({state}) => state === 'corrupt'),
	hasMissing: shards.some(({state}) => state === 'missing'),
});
