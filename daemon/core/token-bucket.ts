/**
A token bucket: what may go now, in bytes. It fills at the rate that is in force, up to a burst, and may be overdrawn by one
piece; so on average no more goes than the rate, whatever the pieces are.
*/
export type Bucket = {bytes: number; atMs: number};

/** How much may go at once after a rest: short, so that a rate holds over any few seconds. */
const BURST_S = 0.1;
const SMALLEST_PIECE = 2 * 1024;
const LARGEST_PIECE = 64 * 1024;

/** Small beside the rate, so that many that share it all move. */
export const pieceBytesAt = (bytesPerSecond: number): number =>
	Math.min(LARGEST_PIECE, Math.max(SMALLEST_PIECE, Math.floor(bytesPerSecond / 16)));

export const emptyBucket = (nowMs: number): Bucket => ({bytes: 0, atMs: nowMs});

/** The bucket at a later time. */
export const filled = (bucket: Bucket, bytesPerSecond: number, nowMs: number): Bucket => ({
	bytes: Math.min(bytesPerSecond * BURST_S, bucket.bytes + ((nowMs - bucket.atMs) / 1000) * bytesPerSecond),
	atMs: nowMs,
});

/** How long until something may go; 0 where it may now. */
export const waitMsOf = ({bytes}: Bucket, bytesPerSecond: number): number =>
	bytes > 0 ? 0 : Math.max(1, (1000 * -bytes) / bytesPerSecond);
