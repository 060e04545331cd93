import {dateText, exactDate, isoDate} from './words.js';

/** A time, short; where somebody rests on it, exact. */
export const When = ({ms, text = dateText(ms)}: {ms: number; text?: string | undefined}) => (
	<time dateTime={isoDate(ms)} title={exactDate(ms)}>
		{text}
	</time>
);
