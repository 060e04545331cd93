import type {Stats} from '../protocol/api.js';
import type {Clock} from './clock.js';
import type {Throughput} from './live-state.js';

export type ThroughputMeter = {
	get: () => readonly Throughput[];
	/** Takes in the coordinator's counters. */
	note: (stats: Pick<Stats, 'bytesIn' | 'bytesOut'>) => void;
	/** What is noted next has gathered since the last note, however long ago that was. */
	noteBreak: () => void;
	stop: () => void;
};

const SECOND_MS = 1000;
const KEPT_SECONDS = 300;
/** The coordinator tells its figures every two seconds while they change: older traffic it has told already. */
const TELLING_SECONDS = 2;
/** Events that were missed come in one burst: what is told within this time is one sample. */
const GATHER_MS = 250;

const difference = (now: number, before: number) => (now < before ? now : now - before);

/** Makes rates out of counters. A counter that went back is a coordinator that started anew. */
export const createThroughputMeter = (clock: Clock, onChange: () => void): ThroughputMeter => {
	let samples: readonly Throughput[] = [];
	let sampled: {bytesIn: number; bytesOut: number; atMs: number} | undefined;
	let newest = {bytesIn: 0, bytesOut: 0};
	let isBroken = false;
	let cancel: (() => void) | undefined;

	/** Spreads what went through evenly over the seconds up to now. */
	const add = (inBytes: number, outBytes: number, seconds: number, lastMs: number) => {
		const bySecond = new Map(samples.map(sample => [sample.atMs, sample]));
		for (let back = 0; back < seconds; back++) {
			const atMs = lastMs - back * SECOND_MS;
			const {inRate, outRate} = bySecond.get(atMs) ?? {inRate: 0, outRate: 0};
			bySecond.set(atMs, {atMs, inRate: inRate + inBytes / seconds, outRate: outRate + outBytes / seconds});
		}

		samples = [...bySecond.values()]
			.filter(({atMs}) => atMs > lastMs - KEPT_SECONDS * SECOND_MS)
			.sort((one, other) => one.atMs - other.atMs);
	};

	const sample = () => {
		cancel = undefined;
		const nowMs = clock.now();
		const before = sampled;
		sampled = {...newest, atMs: nowMs};
		const wasBroken = isBroken;
		isBroken = false;
		if (!before) return;

		const inBytes = difference(newest.bytesIn, before.bytesIn);
		const outBytes = difference(newest.bytesOut, before.bytesOut);
		if (inBytes + outBytes === 0) return;
		const passed = Math.round((nowMs - before.atMs) / SECOND_MS);
		const seconds = Math.min(Math.max(passed, 1), wasBroken ? KEPT_SECONDS : TELLING_SECONDS);
		add(inBytes, outBytes, seconds, Math.floor(nowMs / SECOND_MS) * SECOND_MS);
		onChange();
	};

	return {
		get: () => samples,
		note({bytesIn, bytesOut}) {
			newest = {bytesIn, bytesOut};
			const isNews = sampled && (bytesIn !== sampled.bytesIn || bytesOut !== sampled.bytesOut);
			if (isNews) {
				cancel ??= clock.timer(GATHER_MS, sample);
			} else if (!cancel) {
				// There was no traffic up to now.
				sampled = {...newest, atMs: clock.now()};
				isBroken = false;
			}
		},
		noteBreak() {
			isBroken = true;
		},
		stop() {
			cancel?.();
			cancel = undefined;
		},
	};
};
