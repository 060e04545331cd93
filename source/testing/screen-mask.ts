/** A value that no two runs have in common, and where the blank or the line is that takes up what its width differs. */
type Rule = {pattern: string; to: string; fillIs: 'before' | 'after'};

const SIZE = String.raw`\d+(?:\.\d+)? (?:[KMGT]i)?B`;
const MS = String.raw`\b\d+(?:\.\d+)? ms`;
const SPAN = String.raw`\d+ (?:s|min|h)`;

/** Values that have always one width. */
const maskFixed = (line: string): string =>
	line
		.replace(/127\.0\.0\.1:\d+/g, address => address.slice(0, 10) + '9'.repeat(address.length - 10))
		.replace(
			/\b(pjas-)?[0-9a-f]{12,}/g,
			(id, prefix: string = '') => `${prefix}${'f'.repeat(id.length - prefix.length)}`,
		)
		.replace(/(?<=│ +)[0-9a-f]{6,}(?= +│)/g, rest => 'f'.repeat(rest.length))
		.replace(/\bpjas-daemon-\w{6}/g, 'pjas-daemon-xxxxxx')
		.replace(/\b\d{4}-\d{2}-\d{2}\b/g, '2026-01-01')
		.replace(/\b\d{2}:\d{2}:\d{2}\b/g, '00:00:00')
		.replace(/(2026-01-01 )\d{2}:\d{2}\b/g, '$100:00')
		// How far nodes are with reading their shards again, which they tell when they tell it.
		.replace(/(│ scrub +)(\S[^│]*)(?= │)/g, (_, label: string, text: string) => label + '(told)'.padEnd(text.length))
		// A time of which a narrow screen shows the beginning alone.
		.replace(/(2026-01-01 )(\d[\d:]{0,4})(?=…)/g, (_, day: string, time: string) => day + time.replace(/\d/g, '0'));

const rules: readonly Rule[] = [
	{pattern: `STALE ${SPAN}, next try in ${SPAN}`, to: 'STALE 9 s, next try in 9 s', fillIs: 'before'},
	{pattern: `${MS}(?= to read)`, to: '9.9 ms', fillIs: 'after'},
	{pattern: `highest ${MS}`, to: 'highest 9.9 ms', fillIs: 'after'},
	{pattern: `(?<!highest |[\\d.])${MS}(?! to read)`, to: '9.9 ms', fillIs: 'before'},
	{pattern: `${SIZE} (?:is|are) free there`, to: '99.9 GiB are free there', fillIs: 'after'},
];

const maskSized = (line: string, {pattern, to, fillIs}: Rule): string => {
	const fill = (run: string, text: string) =>
		(run[0] ?? ' ').repeat(Math.max(run === '' ? 0 : 1, run.length + text.length - to.length));
	return fillIs === 'before'
		? line.replace(
				new RegExp(`( *|─*|-*)( ?)(${pattern})`, 'g'),
				(_, run: string, gap: string, text: string) => fill(run, text) + gap + to,
			)
		: line.replace(
				new RegExp(`(${pattern})([^│|]*?)( *)(?=[│|]|$)`, 'g'),
				(_, text: string, rest: string, run: string) => to + rest + fill(run, text),
			);
};

/** The graphs are other ones each time, and the rates beside their title come and go. */
const maskThroughput = (screen: readonly string[]): string[] => {
	const top = screen.findIndex(line => line.includes('─ Throughput '));
	if (top === -1) return [...screen];
	const left = (screen[top] ?? '').indexOf('╭─ Throughput ');
	const height = screen.slice(top).findIndex(line => line.charAt(left) === '╰');
	const hasGraphs = screen.slice(top, top + height).some(line => /highest|│ (up|down)/.test(line.slice(left)));
	return screen.map((line, row) => {
		const part = line.slice(left);
		if (row === top) return line.slice(0, left) + '╭─ Throughput '.padEnd(part.length - 1, '─') + '╮';
		if (!hasGraphs || row <= top || row >= top + height) return line;
		const said = row === top + 1 ? '│ (graphs)' : '│';
		return `${line.slice(0, left)}${said.padEnd(part.length - 1)}│`;
	});
};

/** What a screen shows, with placeholders as wide as what they stand for in place of what no two runs have in common. */
export const maskScreen = (screen: readonly string[]): string[] =>
	maskThroughput(screen).map(line => rules.reduce(maskSized, maskFixed(line)).trimEnd());

/** The rows in which two screens differ, one below the other. */
export const screenDifference = (wanted: readonly string[], shown: readonly string[]): string =>
	Array.from({length: Math.max(wanted.length, shown.length)}, (_, row) => row)
		.filter(row => wanted[row] !== shown[row])
		.map(row => `row ${row + 1}\n  wanted ${wanted[row] ?? '(nothing)'}\n  shown  ${shown[row] ?? '(nothing)'}`)
		.join('\n');
