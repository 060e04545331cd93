import type {RepairView, Stats} from '../../source/protocol/api.js';
import {parseFileId} from '../../source/protocol/ids.js';
import type {Repairer} from './repairer.js';

const MOST_SHOWN = 100;

/** A chunk's id in its two parts, as the API tells of chunks. */
const placeOf = (id: string) => {
	const [file = '', index] = id.split(':');
	return {file_id: parseFileId(file) ?? file, index: Number(index)};
};

/** What goes on with repairs, as the API shows it. */
export const repairView = (repairer: Repairer): RepairView => {
	const {isPaused, settings, counts, active, sample, totals, bytesPerSecond} = repairer.status(MOST_SHOWN);
	return {
		paused: isPaused,
		grace_ms: settings.graceMs,
		at_once: settings.atOnce,
		rate: settings.bytesPerSecond,
		bytes_per_s: bytesPerSecond,
		...counts,
		active: active.map(({chunk, copies, from, to, startedAt}) => ({
			...placeOf(chunk._id),
			size: chunk.sizeBytes,
			copies,
			from: from ?? null,
			to: [...to],
			started_at: startedAt,
		})),
		short: sample.map(({id, copies, obstacle, dueAt}) => ({
			...placeOf(id),
			copies,
			reason: obstacle ?? null,
			due_at: dueAt,
		})),
		done: {chunks: totals.chunks, shards: totals.copies, bytes: totals.bytes, forgotten: totals.trimmed},
	};
};

export const repairFigures = (repairer: Repairer): Stats['repair'] => {
	const {isPaused, counts, active, obstacle = null} = repairer.status(0);
	const {waiting, blocked} = counts;
	return {waiting, active: active.length, blocked, paused: isPaused, reason: blocked > 0 ? obstacle : null};
};
