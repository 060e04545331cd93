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

/** Smaller ones cost little, and would take a page each. */
const KEPT_FROM_BYTES = 32 * 1024;

/** How large a buffer is that is kept for so many bytes: an eighth more than them at most, so that few sizes serve all. */
const keptSizeOf = (sizeBytes: number): number | undefined => {
	if (sizeBytes < KEPT_FROM_BYTES || sizeBytes > MAX_SHARD_BYTES) return undefined;
	const stepBytes = 2 ** (Math.floor(Math.log2(sizeBytes)) - 3);
	return Math.min(MAX_SHARD_BYTES, Math.ceil(sizeBytes / stepBytes) * stepBytes);
};

/** Buffers that nobody has, by their size: the size that was given back last stands last. */
const createPool = () => {
	const buffers = new Map<number, Buffer<ArrayBuffer>[]>();
	let bytes = 0;
	return {
		take(sizeBytes: number): Buffer<ArrayBuffer> | undefined {
			const buffer = buffers.get(sizeBytes)?.pop();
			if (buffer) bytes -= sizeBytes;
			return buffer;
		},
		give(buffer: Buffer<ArrayBuffer>): void {
			const others = buffers.get(buffer.length) ?? [];
			others.push(buffer);
			buffers.delete(buffer.length);
			buffers.set(buffer.length, others);
			bytes += buffer.length;
		},
		/** Lets go of buffers until they take no more than so many bytes. */
		shrink(mostBytes: number): void {
			for (const [sizeBytes, others] of buffers) {
				while (bytes > mostBytes && others.pop()) bytes -= sizeBytes;
				if (bytes <= mostBytes) return;
				buffers.delete(sizeBytes);
			}
		},
	};
};

/**
The one budget that all chunk buffers come out of, so that memory doesn't grow with files or people. Buffers are kept and lent
again: fresh ones cost page faults, and V8 goes through its whole heap after each 64 MiB of them.

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
	const pool = createPool();
	let usedBytes = 0;

	const hasRoom = (sizeBytes: number) => usedBytes + sizeBytes <= limitBytes;

	/** Whether nobody is before who asks now, and what they ask for is there or is given back at once. */
	const isFree = (sizeBytes: number) => {
		if (waiters.length > 0) return false;
		if (!hasRoom(sizeBytes)) reclaim(usedBytes + sizeBytes - limitBytes);
		return hasRoom(sizeBytes);
	};

	/** What is kept is in memory, lent or not: it has to go where buffers of other sizes need its room. */
	const allocate = (sizeBytes: number): Buffer<ArrayBuffer> => {
		pool.shrink(Math.max(0, limitBytes - usedBytes - sizeBytes));
		return Buffer.allocUnsafeSlow(sizeBytes);
	};

	const lend = (sizeBytes: number): Lease => {
		const keptSize = keptSizeOf(sizeBytes);
		const kept = keptSize === undefined ? undefined : pool.take(keptSize);
		const whole = kept ?? allocate(keptSize ?? sizeBytes);
		usedBytes += sizeBytes;
		let isOut = true;
		return {
			bytes: whole.length === sizeBytes ? whole : whole.subarray(0, sizeBytes),
			release() {
				if (!isOut) return;
				isOut = false;
				usedBytes -= sizeBytes;
				if (keptSize !== undefined) pool.give(whole);
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
