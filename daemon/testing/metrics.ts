/** A line of Prometheus' text format: a series' name and labels, and its value. */
export type Series = {name: string; labels: Record<string, string>; value: number};

export type Metrics = {
	/** The families by name, with their type as it is declared. */
	types: Map<string, string>;
	series: Series[];
	/** The value of the one series of that name that has these labels, among others. */
	value: (name: string, labels?: Record<string, string>) => number | undefined;
};

const seriesPattern = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (NaN|Nan|[+-]?Inf|[\d.e+-]+)$/;
const labelPattern = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\.)*)"/g;

/** Reads Prometheus' text format (version 0.0.4), strictly: throws at what it has not. */
export const parseMetrics = (text: string): Metrics => {
	const types = new Map<string, string>();
	const helped = new Set<string>();
	const series: Series[] = [];
	for (const line of text.split('\n').filter(Boolean)) {
		const [, help] = /^# HELP (\S+) \S/.exec(line) ?? [];
		const [, typed, type] = /^# TYPE (\S+) (counter|gauge|histogram|summary)$/.exec(line) ?? [];
		if (help !== undefined) {
			if (helped.has(help)) throw new Error(`${help} is there twice`);
			helped.add(help);
			continue;
		}

		if (typed !== undefined && type !== undefined) {
			if (!helped.has(typed)) throw new Error(`${typed} has no help`);
			types.set(typed, type);
			continue;
		}

		const [, name, labels = '', value] = seriesPattern.exec(line) ?? [];
		if (name === undefined) throw new Error(`no line of the format: ${line}`);
		const found = [...labels.matchAll(labelPattern)];
		if (found.map(([whole]) => whole).join(',') !== labels) throw new Error(`no labels: ${labels}`);
		const family = types.has(name) ? name : name.replace(/_(bucket|sum|count)$/, '');
		if (!types.has(family)) throw new Error(`${name} has no type`);
		const named = Object.fromEntries(found.map(([, key = '', text = '']) => [key, text]));
		series.push({name, labels: named, value: Number(value)});
	}

	return {
		types,
		series,
		value(name, labels = {}) {
			const isMeant = (each: Series) =>
				each.name === name && Object.entries(labels).every(([key, wanted]) => each.labels[key] === wanted);
			const meant = series.filter(isMeant);
			if (meant.length > 1) throw new Error(`${name} ${JSON.stringify(labels)} is several series`);
			return meant[0]?.value;
		},
	};
};
