/**
Figures for monitoring, after Prometheus' conventions (https://prometheus.io/docs/practices/naming/). Whoever counts keeps
plain numbers; they become text only when somebody asks.
*/
export type Labels = Readonly<Record<string, string>>;

/** `suffix` is what a histogram's series add to its name. */
export type Sample = {labels: Labels; value: number; suffix?: '_bucket' | '_sum' | '_count'};

export type MetricFamily = {
	/** In base units, with the unit at its end; counters end in `_total`. */
	name: string;
	help: string;
	type: 'counter' | 'gauge' | 'histogram';
	samples: Sample[];
};

/** Counts by labels. Each must be one of few: what people choose (names, ids, paths) is no label. */
export type Tally<Name extends string> = {
	add: (labels: Readonly<Record<Name, string>>, by?: number) => void;
	/** All that were counted. */
	samples: () => Sample[];
};

const keyOf = (labels: Labels): string => Object.values(labels).join('\n');

/** @param known - Those that are told of before they were counted: what is not there yet can't be seen to grow. */
export const createTally = <Name extends string>(known: Readonly<Record<Name, string>>[] = []): Tally<Name> => {
	const counted = new Map<string, {labels: Labels; value: number}>(
		known.map(labels => [keyOf(labels), {labels, value: 0}]),
	);
	return {
		add(labels, by = 1) {
			const key = keyOf(labels);
			const sample = counted.get(key);
			if (sample) sample.value += by;
			else counted.set(key, {labels, value: by});
		},
		samples: () => [...counted.values()].map(sample => ({...sample})),
	};
};

/** A histogram of durations, by labels. */
export type Durations<Name extends string> = {
	/** @param seconds - How long it took. */
	add: (labels: Readonly<Record<Name, string>>, seconds: number) => void;
	samples: () => Sample[];
};

type Histogram = {labels: Labels; counts: number[]; sum: number};

/** @param bounds - The most seconds that each bucket takes, ascending. What takes longer is counted beside them. */
export const createDurations = <Name extends string>(bounds: readonly number[]): Durations<Name> => {
	const histograms = new Map<string, Histogram>();

	const samplesOf = ({labels, counts, sum}: Histogram): Sample[] => {
		let below = 0;
		const buckets = counts.map((count, at): Sample => {
			const le = at < bounds.length ? String(bounds[at]) : '+Inf';
			return {labels: {...labels, le}, value: (below += count), suffix: '_bucket'};
		});
		return [...buckets, {labels, value: sum, suffix: '_sum'}, {labels, value: below, suffix: '_count'}];
	};

	return {
		add(labels, seconds) {
			const key = keyOf(labels);
			const histogram = histograms.get(key) ?? {labels, counts: [...bounds, Infinity].map(() => 0), sum: 0};
			histograms.set(key, histogram);
			const found = bounds.findIndex(bound => seconds <= bound);
			const at = found < 0 ? bounds.length : found;
			histogram.counts[at] = (histogram.counts[at] ?? 0) + 1;
			histogram.sum += seconds;
		},
		samples: () => [...histograms.values()].flatMap(samplesOf),
	};
};

type Named = {name: string; help: string};

/** A figure that goes up and down. */
export const gauge = (name: string, help: string, value: number): MetricFamily => ({
	...{name, help},
	type: 'gauge',
	samples: [{labels: {}, value}],
});

/** A figure that only grows, from the start of the process. */
export const counter = (name: string, help: string, value: number): MetricFamily => ({
	...gauge(name, help, value),
	type: 'counter',
});

/** One gauge for each value of a label. */
export const gaugeBy = (
	label: string,
	{name, help}: Named,
	values: Readonly<Record<string, number>>,
): MetricFamily => ({
	...{name, help},
	type: 'gauge',
	samples: Object.entries(values).map(([key, value]) => ({labels: {[label]: key}, value})),
});
