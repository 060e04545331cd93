/** How long a node takes for a read, as RFC 6298 smooths round-trip times: a mean and a mean deviation. */
export type Latency = {meanMs: number; deviationMs: number; samples: number};

export const unknownLatency: Latency = {meanMs: 0, deviationMs: 0, samples: 0};

const MIB = 1024 * 1024;
const MEAN_GAIN = 1 / 8;
const DEVIATION_GAIN = 1 / 4;
const DEVIATIONS_THAT_ARE_SLOW = 4;
const FIRST_HEDGE_MS = 500;
const SHORTEST_HEDGE_MS = 100;

/** Reads below 1 MiB cost about the same, larger ones by their size. */
const unitsOf = (sizeBytes: number): number => Math.max(1, sizeBytes / MIB);

/** The estimate after one more read, of `sizeBytes` in `elapsedMs`. Kept for 1 MiB, so that sizes compare. */
export const withSample = (latency: Latency, sizeBytes: number, elapsedMs: number): Latency => {
	const sampleMs = elapsedMs / unitsOf(sizeBytes);
	if (latency.samples === 0) {
		return {meanMs: sampleMs, deviationMs: sampleMs / 2, samples: 1};
	}

	const errorMs = sampleMs - latency.meanMs;
	return {
		meanMs: latency.meanMs + MEAN_GAIN * errorMs,
		deviationMs: latency.deviationMs + DEVIATION_GAIN * (Math.abs(errorMs) - latency.deviationMs),
		samples: latency.samples + 1,
	};
};

export const expectedMs = (latency: Latency, sizeBytes: number): number => latency.meanMs * unitsOf(sizeBytes);

/** After how long a read of `sizeBytes` is slow for this node, so that another is asked as well. */
export const hedgeDelayMs = (latency: Latency, sizeBytes: number): number => {
	if (latency.samples === 0) return FIRST_HEDGE_MS;
	const slowMs = (latency.meanMs + DEVIATIONS_THAT_ARE_SLOW * latency.deviationMs) * unitsOf(sizeBytes);
	return Math.max(SHORTEST_HEDGE_MS, slowMs);
};
