import type {NodeView} from '../../source/protocol/api.js';
import type {MovesView} from '../../source/protocol/healing-api.js';
import type {NodeState} from './fleet.js';
import type {Mover} from './mover.js';

/** What goes on with moves, as the API shows it. */
export const movesView = (mover: Mover): MovesView => {
	const {isPaused, waiting, blocked, obstacle = null, active, bytesPerSecond, done} = mover.status();
	return {
		paused: isPaused,
		waiting,
		blocked,
		reason: blocked > 0 ? obstacle : null,
		active: active.map(({chunk, from, to, reason, startedAt}) => ({
			file_id: chunk.file,
			index: chunk.index,
			size: chunk.sizeBytes,
			from,
			to,
			reason,
			started_at: startedAt,
		})),
		bytes_per_s: bytesPerSecond,
		done,
	};
};

/** How far a node's drain is, as the API shows it. */
export const drainView = (state: NodeState, mover: Pick<Mover, 'drainOf'>): NodeView['drain'] => {
	const {drain} = state.record;
	const progress = mover.drainOf(state);
	if (!drain || !progress) return undefined;
	return {
		started_at: drain.startedAt,
		by: drain.by,
		leaves: drain.leaves,
		shards_total: drain.shards,
		shards_left: progress.shards,
		bytes_left: progress.bytes,
		eta_s: progress.etaS ?? null,
		reason: progress.obstacle ?? null,
		...(progress.awaitedUntil !== undefined && {awaited_until: progress.awaitedUntil}),
	};
};
