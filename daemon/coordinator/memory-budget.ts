import {MAX_SHARD_BYTES} from '../core/limits.js';

/** A buffer that is lent. `release` gives it back, once; nothing may touch `bytes` after it. */
export type Lease = {bytes: Buffer<ArrayBuffer>; release: () => void};

type Waiter = {sizeBytes: number; grant: (lease: Lease) => void};

export type MemoryBudget = {
	/** Lends a buffer of `sizeBytes`, in the order of asking; waits while the budget is spent. */
	acquire: (sizeBytes: number, signal?: AbortSignal) => Promise<Lease>;
	/** Lends a buffer where that takes nothing from those who wait; for work that may as well not be done ahead. */
	tryAcquire: (sizeBytes: number) => Lease | undefined;
	usedBytes: () => number;
	/** How many wait for a buffer. */
	waiting: () => number;
	limitBytes: number;
};

/**
The one budget that all chunk buffers come out of, so that memory doesn't grow with files or people. Buffers of a full
shard's size are kept and lent again: fresh ones cost page faults.

@param limitBytes - At least one full shard.
@param reclaim - Asked to release leases of so many bytes in all, before somebody has to wait. While somebody waits, none may be
held that it could release.
*/
export const createMemoryBudget = (
	limitBytes: number,
	reclaim: (sizeBytes: number) => void = () => undefined,
): MemoryBudget => {
	if (limitBytes < MAX_SHARD_BYTES) {
		throw new RangeError(`A memory budget holds at least one shard of ${MAX_SHARD_BYTES} bytes`);
	}

	const waiters: Waiter[] = [];
	const pool: Buffer<ArrayBuffer>[] = [];
	let usedBytes = 0;

	const hasRoom = (sizeBytes: number) => usedBytes + sizeBytes <= limitBytes;

	/** Whether nobody is before who asks now, and what they ask for is there or is given back at once. */
	const isFree = (sizeBytes: number) => {
		if (waiters.length > 0) return false;
		if (!hasRoom(sizeBytes)) reclaim(usedBytes + sizeBytes - limitBytes);
		return hasRoom(sizeBytes);
	};

	/** What is pooled is in memory, lent or not: it has to go where buffers of other sizes need its room. */
	const makeRoom = (sizeBytes: number) => {
		while (pool.length > 0 && usedBytes + sizeBytes + pool.length * MAX_SHARD_BYTES > limitBytes) {
			pool.pop();
		}
	};

	const lend = (sizeBytes: number): Lease => {
		const isPooled = sizeBytes === MAX_SHARD_BYTES;
		const kept = isPooled ? pool.pop() : undefined;
		if (!kept) makeRoom(sizeBytes);
		const bytes = kept ?? Buffer.allocUnsafeSlow(sizeBytes);
		usedBytes += sizeBytes;
		let isOut = true;
		return {
			bytes,
			release() {
				if (!isOut) return;
				isOut = false;
				usedBytes -= sizeBytes;
				if (isPooled) pool.push(bytes);
				serve();
			},
		};
	};

	const serve = () => {
		for (let next = waiters[0]; next && hasRoom(next.sizeBytes); next = waiters[0]) {
			waiters.shift();
			next.grant(lend(next.sizeBytes));
		}
	};

	return {
		async acquire(sizeBytes, signal) {
			if (sizeBytes > limitBytes) throw new RangeError(`${sizeBytes} bytes never fit the budget of ${limitBytes}`);
			signal?.throwIfAborted();
			if (isFree(sizeBytes)) return lend(sizeBytes);

			return new Promise<Lease>((resolve, reject) => {
				const waiter: Waiter = {
					sizeBytes,
					grant(lease) {
						signal?.removeEventListener('abort', giveUp);
						resolve(lease);
					},
				};
				const giveUp = () => {
					waiters.splice(waiters.indexOf(waiter), 1);
					reject(signal?.reason as Error);
					serve();
				};

				waiters.push(waiter);
				signal?.addEventListener('abort', giveUp, {once: true});
			});
		},
		tryAcquire: sizeBytes => (isFree(sizeBytes) ? lend(sizeBytes) : undefined),
		usedBytes: () => usedBytes,
		waiting: () => waiters.length,
		limitBytes,
	};
};
