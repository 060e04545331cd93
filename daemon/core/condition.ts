import {beganAt, isWithin} from '../../source/protocol/week.js';
import type {NodeRecord} from './model.js';

type Declared = Pick<NodeRecord, 'maintenance' | 'line'>;

/** Nobody is given shards who is about to be away. */
const LEAD_MS = 600_000;

/** Whether a node may be away now without anybody minding: it was said that it would be. */
export const isInMaintenance = ({maintenance}: Pick<NodeRecord, 'maintenance'>, now: number): boolean =>
	maintenance !== undefined && maintenance.from <= now && now < maintenance.until;

/** Whether a moment is outside the hours in which a node takes part. */
export const isOffHours = ({line}: Pick<NodeRecord, 'line'>, now: number): boolean =>
	line?.hours !== undefined && !isWithin(line.hours.spans, now, line.hours.timeZone);

/** Whether a node may be away now without anybody minding. */
export const isExcused = (record: Declared, now: number): boolean =>
	isInMaintenance(record, now) || isOffHours(record, now);

/**
Since when a node that is away is missed: for one that takes part in some hours only, at the earliest since the present ones
began.
*/
export const missedSince = (
	{awaySince, line}: Pick<NodeRecord, 'awaySince' | 'line'>,
	now: number,
): number | undefined => {
	if (awaySince === undefined || !line?.hours) return awaySince;
	return Math.max(awaySince, beganAt(line.hours.spans, now, line.hours.timeZone) ?? awaySince);
};

/**
Whether a node that is there may be given shards: not while it is kept out, not trusted, being emptied, about to go, or takes
no part.
*/
export const mayTakeShards = (record: NodeRecord, now: number): boolean =>
	record.bannedAt === undefined &&
	record.suspension === undefined &&
	record.drain === undefined &&
	record.line?.resting === undefined &&
	!isExcused(record, now) &&
	!isOffHours(record, now + LEAD_MS);

/** Whether a node that is there is read only where no other can be: as its member wants, or since it may be gone any moment. */
export const isLastResort = (record: NodeRecord, now: number): boolean =>
	record.line?.resting !== undefined || isOffHours(record, now);
