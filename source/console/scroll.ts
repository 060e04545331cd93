import type {Action} from './view.js';

/** Which part of many lines is seen. */
export type Scroll = {
	/** The first line that is seen of so many, where so many fit. */
	top: (total: number, height: number) => number;
	/** `3 to 12 of 40`, or nothing where all is seen. */
	note: () => string;
	actions: () => readonly Action[];
};

export const createScroll = (changed: () => void): Scroll => {
	let [top, total, height] = [0, 0, 10];
	const clamp = () => (top = Math.max(0, Math.min(total - height, top)));
	const scroll = (by: number) => {
		top += by;
		clamp();
		changed();
	};

	return {
		top(lines, rows) {
			[total, height] = [lines, rows];
			return clamp();
		},
		note: () => (total > height ? `${top + 1} to ${Math.min(total, top + height)} of ${total}` : ''),
		actions: () => [
			{id: 'list.up', run: () => scroll(-1)},
			{id: 'list.down', run: () => scroll(1)},
			{id: 'list.page-up', run: () => scroll(-height)},
			{id: 'list.page-down', run: () => scroll(height)},
			{id: 'list.first', run: () => scroll(-total)},
			{id: 'list.last', run: () => scroll(total)},
		],
	};
};
