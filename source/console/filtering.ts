import {isNarrower, type Matcher, parseFilter} from './filter.js';

const LOOK_AHEAD = 16;

/**
What the filter looks at, a text for each row. Those of a list that is much like the one before are taken over from there:
side by side in arrays, since a map of 100,000 rows costs a keystroke by itself.
*/
const createTexts = <Row extends object>(textOf: (row: Row) => string) => {
	let of: readonly Row[] = [];
	let texts: readonly string[] = [];
	return (rows: readonly Row[]): readonly string[] => {
		if (rows === of) return texts;
		let at = 0;
		const next = rows.map(row => {
			const most = Math.min(of.length, at + LOOK_AHEAD);
			let found = at;
			while (found < most && of[found] !== row) found++;
			if (found >= most) return textOf(row);
			at = found + 1;
			return texts[found] ?? '';
		});
		of = rows;
		texts = next;
		return next;
	};
};

/**
Lets through of a list what a filter line means. It is done again only where the list or the line is another, and of a
line that was written on only with what passed before.

@param textOf - In lower case.
*/
export const createFiltering = <Row extends object>(textOf: (row: Row) => string) => {
	const textsOf = createTexts(textOf);
	let filteredBy = '';
	let filteredFrom: readonly Row[] | undefined;
	let filtered: readonly Row[] = [];
	/** The places in the list of what passed. */
	let passed: readonly number[] = [];

	const pass = (all: readonly Row[], matcher: Matcher, among: readonly number[] | undefined): readonly Row[] => {
		const texts = textsOf(all);
		const places: number[] = [];
		const rows: Row[] = [];
		const look = (place: number) => {
			const row = all[place];
			if (row === undefined || !matcher(texts[place] ?? '')) return;
			places.push(place);
			rows.push(row);
		};

		if (among) for (const place of among) look(place);
		else for (let place = 0; place < all.length; place++) look(place);
		passed = places;
		return rows;
	};

	return (all: readonly Row[], line: string): readonly Row[] => {
		if (all === filteredFrom && line === filteredBy) return filtered;
		const matcher = parseFilter(line);
		const among = all === filteredFrom && isNarrower(line, filteredBy) ? passed : undefined;
		filtered = matcher ? pass(all, matcher, among) : all;
		filteredFrom = all;
		filteredBy = line;
		return filtered;
	};
};
