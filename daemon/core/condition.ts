import type {NodeRecord} from './model.js';

/** Whether a node may be away now without anybody minding. */
export const isInMaintenance = ({maintenance}: Pick<NodeRecord, 'maintenance'>, now: number): boolean =>
	maintenance !== undefined && maintenance.from <= now && now < maintenance.until;

/** Whether a node that is there may be given shards: not while it is kept out, not trusted, being emptied, or about to go. */
export const mayTakeShards = (record: NodeRecord, now: number): boolean =>
	record.bannedAt === undefined &&
	record.suspension === undefined &&
	record.drain === undefined &&
	!isInMaintenance(record, now);
