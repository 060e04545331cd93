const SLICE_MS = 50;

export type ThrottleOptions = {
	source: {pause: () => void; resume: () => void};
	bytesPerSecond: number | undefined;
	deliver: (chunk: Buffer) => void;
};

/** Hands bytes on as a slow line would: a slice at a time, and nothing is read meanwhile. */
export const createThrottle = ({source, bytesPerSecond, deliver}: ThrottleOptions) => {
	const sliceBytes =
		bytesPerSecond === undefined ? Infinity : Math.max(1, Math.round((bytesPerSecond * SLICE_MS) / 1000));
	let waiting: Buffer = Buffer.alloc(0);
	let timer: NodeJS.Timeout | undefined;

	const step = () => {
		timer = undefined;
		const slice = waiting.subarray(0, sliceBytes);
		waiting = waiting.subarray(slice.length);
		if (slice.length > 0) deliver(slice);
		if (slice.length > 0) timer = setTimeout(step, SLICE_MS);
		else source.resume();
	};

	return {
		take(chunk: Buffer) {
			if (bytesPerSecond === undefined) {
				deliver(chunk);
				return;
			}

			source.pause();
			waiting = Buffer.concat([waiting, chunk]);
			if (!timer) step();
		},
		/** The rest at once, when nobody waits for it any more. */
		flush() {
			clearTimeout(timer);
			timer = undefined;
			if (waiting.length > 0) deliver(waiting);
			waiting = Buffer.alloc(0);
		},
	};
};
