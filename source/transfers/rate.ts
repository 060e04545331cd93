/** How fast something goes. */
export type Rate = {
	/** Says that by now so many bytes are through. The first time only sets the start. */
	add: (nowMs: number, doneBytes: number) => void;
	/** Bytes a second, smoothed over some seconds; 0 below one. */
	value: () => number;
};

/** After so long a change counts for 63%. */
const SMOOTHING_MS = 3000;

/** An exponentially weighted mean, by time: samples may come at any distance. */
export const createRate = (): Rate => {
	let last: {ms: number; bytes: number} | undefined;
	let mean: number | undefined;

	return {
		add(nowMs, doneBytes) {
			if (!last || nowMs < last.ms || doneBytes < last.bytes) {
				last = {ms: nowMs, bytes: doneBytes};
				return;
			}

			const elapsedMs = nowMs - last.ms;
			if (elapsedMs === 0) return;
			const current = ((doneBytes - last.bytes) * 1000) / elapsedMs;
			mean = mean === undefined ? current : current + (mean - current) * Math.exp(-elapsedMs / SMOOTHING_MS);
			last = {ms: nowMs, bytes: doneBytes};
		},
		value: () => (mean === undefined || mean < 1 ? 0 : Math.round(mean)),
	};
};
