import type {Line} from '../components/lines.js';

/** A line of a screen as it is read out: without its bars, and without what only keeps things apart. */
export const spokenLine = ({pieces}: Line): string =>
	pieces
		.map(({text}) => text)
		.filter(text => !/^[█░#.]+$/.test(text))
		.join('')
		.replace(/\s+/g, ' ')
		.trim();
