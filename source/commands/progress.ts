import {formatSize} from '../format.js';
import {displayWidth, printable, truncate, truncateMiddle} from '../terminal/text.js';
import {createRate, type Rate} from '../transfers/rate.js';
import {type CommandContext, isOn} from './context.js';

/** How far a transfer is. Sizes are bytes, times milliseconds. */
export type ProgressFacts = {
	name: string;
	/** Which of how many files this is. */
	position: number;
	count: number;
	done: number;
	/** `undefined` where nobody knows it. */
	total: number | undefined;
	/** What `done` and `total` count. */
	unit: 'bytes' | 'chunks';
	/** How many of them go through a second; 0 until that can be said. */
	rate: number;
};

const MIN_NAME_WIDTH = 8;

/** A span of time for people: 42 s, 3:07 min, 2:05 h. */
export const formatSpan = (ms: number): string => {
	const seconds = Math.ceil(ms / 1000);
	const two = (value: number) => String(value).padStart(2, '0');
	if (seconds < 60) return `${seconds} s`;
	if (seconds < 3600) return `${Math.floor(seconds / 60)}:${two(seconds % 60)} min`;
	const minutes = Math.floor(seconds / 60);
	return `${Math.floor(minutes / 60)}:${two(minutes % 60)} h`;
};

const figuresOf = ({done, total, unit, rate}: ProgressFacts): string => {
	const amount = (value: number) => (unit === 'bytes' ? formatSize(value) : String(value));
	const percent = total === undefined ? [] : [`${total === 0 ? 100 : Math.floor((done / total) * 100)}%`];
	const sizes =
		total === undefined ? amount(done) : `${amount(done)} of ${amount(total)}${unit === 'chunks' ? ' chunks' : ''}`;
	const speed = rate > 0 && unit === 'bytes' ? [`${formatSize(rate)}/s`] : [];
	const isTimeKnown = rate > 0 && total !== undefined && done < total;
	const left = isTimeKnown ? [`${formatSpan(((total - done) / rate) * 1000)} left`] : [];
	return [...percent, sizes, ...speed, ...left].join('  ');
};

/** One line, narrower than the terminal: figures before the name, which gives way. */
export const progressLine = (facts: ProgressFacts, columns: number): string => {
	const place = facts.count > 1 ? `${facts.position}/${facts.count} ` : '';
	const figures = figuresOf(facts);
	const room = columns - 1 - place.length - figures.length - 2;
	const name = room >= MIN_NAME_WIDTH ? `  ${truncateMiddle(printable(facts.name), room)}` : '';
	return truncate(`${place}${figures}${name}`, Math.max(1, columns - 1));
};

/** The one line of progress on a terminal, written over at most five times a second. */
export type Progress = {
	start: (file: Pick<ProgressFacts, 'name' | 'position' | 'count' | 'unit'>) => void;
	update: (done: number, total: number | undefined) => void;
	/** Takes the line away, so that something else can be written there. */
	clear: () => void;
};

const EVERY_MS = 200;

const noProgress: Progress = {start: () => undefined, update: () => undefined, clear: () => undefined};

type Surroundings = Pick<CommandContext, 'stderr' | 'clock' | 'flags'>;

export const createProgress = (context: Surroundings): Progress => {
	const {stderr, clock} = context;
	if (!stderr.isTerminal || isOn(context, 'quiet')) return noProgress;
	let file: Pick<ProgressFacts, 'name' | 'position' | 'count' | 'unit'> | undefined;
	let rate: Rate = createRate();
	let shownWidth = 0;
	let shownAtMs = Number.NEGATIVE_INFINITY;

	const show = (line: string) => {
		const width = displayWidth(line);
		// Spaces instead of an escape sequence: every terminal knows them.
		void stderr.write(`\r${line}${' '.repeat(Math.max(0, shownWidth - width))}${line === '' ? '\r' : ''}`);
		shownWidth = width;
	};

	return {
		start(next) {
			file = next;
			rate = createRate();
			shownAtMs = Number.NEGATIVE_INFINITY;
		},
		update(done, total) {
			const atMs = clock.now();
			if (!file || (atMs - shownAtMs < EVERY_MS && done !== total)) return;
			shownAtMs = atMs;
			// The first report of a download that goes on is where it goes on from.
			rate.add(atMs, done);
			show(progressLine({...file, done, total, rate: rate.value()}, stderr.columns()));
		},
		clear() {
			if (shownWidth > 0) show('');
			file = undefined;
		},
	};
};
