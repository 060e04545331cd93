import type {Piece} from '../console/table.js';
import type {Theme, Tone} from '../console/theme.js';

const share = (fraction: number) => Math.max(0, Math.min(1, Number.isFinite(fraction) ? fraction : 0));

/** A bar of that width, filled from the left. Anything above nothing shows, and only all of it fills the bar. */
export const bar = (fraction: number, width: number, theme: Theme, tone: Tone = 'accent'): Piece[] => {
	const part = share(fraction);
	const most = part === 1 ? width : Math.max(0, width - 1);
	const full = Math.min(most, Math.max(part > 0 ? 1 : 0, Math.round(part * width)));
	return [
		{text: theme.glyphs.barFull.repeat(full), tone},
		{text: theme.glyphs.barEmpty.repeat(Math.max(0, width - full)), tone: 'muted'},
	];
};

/**
A graph of values as columns of characters: one text a line, the uppermost first, each as wide as there are values. The
highest value, or `top`, fills it.
*/
export const graph = (
	values: readonly number[],
	rows: number,
	theme: Theme,
	top = Math.max(...values, 0),
): string[] => {
	const steps = theme.glyphs.columns;
	const heights = values.map(value => {
		if (value <= 0 || top <= 0) return 0;
		return Math.max(1, Math.round(share(value / top) * rows * steps.length));
	});
	return Array.from({length: rows}, (_, line) => {
		const below = (rows - 1 - line) * steps.length;
		return heights
			.map(height => {
				if (height <= below) return ' ';
				return steps[Math.min(steps.length, height - below) - 1] ?? ' ';
			})
			.join('');
	});
};
