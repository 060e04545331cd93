import type {RemovalRecord} from './model.js';

/**
A catalogue that came out of a backup is older than the network: nodes hold shards of files that were uploaded, and copies
that were made, after the backup. Until people had the time to notice and to choose a newer one, nothing is removed for being
unknown.
*/
export const KEPT_AFTER_RESTORE_MS = 7 * 86_400_000;
/** What a repair was about to make when the backup was taken has a removal that was due within this time. */
const UNFINISHED_MS = 3_600_000;

/** Until when what the catalogue does not know is kept on nodes; `undefined` where it is not kept, or no longer. */
export const strangersKeptUntil = (restoredAt: number | undefined, now: number): number | undefined => {
	if (restoredAt === undefined) return undefined;
	const until = restoredAt + KEPT_AFTER_RESTORE_MS;
	return now < until ? until : undefined;
};

/**
Whether a removal has to wait: of an orphan; or of a copy that a repair was making when the backup was taken, which may be the
one that counts by now. What was deleted before the backup stays deleted.
*/
export const isKeptBack = (
	{reason, notBefore}: Pick<RemovalRecord, 'reason' | 'notBefore'>,
	restoredAt: number | undefined,
	now: number,
): boolean => {
	if (restoredAt === undefined || strangersKeptUntil(restoredAt, now) === undefined) return false;
	return reason === 'orphan' || (reason === 'surplus' && notBefore < restoredAt + UNFINISHED_MS);
};
