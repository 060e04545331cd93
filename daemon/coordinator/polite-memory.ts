import type {Clock} from '../ports/clock.js';
import type {Lease, MemoryBudget} from './memory-budget.js';

/** Uploads and downloads have the memory first, but not for ever. */
const POLITE_FOR_MS = 15_000;
const POLITE_REST_MS = 100;

/** Memory for work that can wait: as soon as nobody else wants it, or has been given it for a while. */
export const borrowPolitely = async (
	{budget, clock}: {budget: MemoryBudget; clock: Pick<Clock, 'sleep'>},
	sizeBytes: number,
	signal: AbortSignal,
): Promise<Lease> => {
	for (let waitedMs = 0; waitedMs < POLITE_FOR_MS; waitedMs += POLITE_REST_MS) {
		const lease = budget.tryAcquire(sizeBytes);
		if (lease) return lease;
		await clock.sleep(POLITE_REST_MS, signal);
	}

	return budget.acquire(sizeBytes, signal);
};
