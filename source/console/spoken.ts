import {createKeyParser} from '../terminal/keys.js';
import type {KeyEvent} from '../terminal/key.js';
import {printable} from '../terminal/text.js';
import type {Controller} from './controller.js';
import {createReader, type Reader} from './reader.js';
import type {Area, Clock} from './view.js';

type Input = NodeJS.ReadableStream & {isTTY?: boolean; setRawMode?: (isRaw: boolean) => unknown};
type Output = NodeJS.WritableStream & {columns?: number; rows?: number};

export type SpokenFront = {
	size: () => Area;
	onKey: (listener: (event: KeyEvent) => void) => () => void;
	show: (controller: Controller) => void;
	/** Says everything about the place again. */
	redraw: () => void;
	suspend: () => void;
	copy: (text: string) => boolean;
	end: () => Promise<void>;
};

const ESCAPE_DELAY_MS = 100;
const DEFAULT_SIZE: Area = {columns: 80, rows: 24};

/** The console as lines that are only appended: keys in as ever, no picture. */
export const createSpokenFront = ({
	input,
	output,
	clock,
}: {
	input: Input;
	output: Output;
	clock: Clock;
}): SpokenFront => {
	const listeners = new Set<(event: KeyEvent) => void>();
	const parser = createKeyParser({
		clock,
		escapeDelayMs: ESCAPE_DELAY_MS,
		emit(event) {
			for (const listener of listeners) listener(event);
		},
	});
	let reader: Reader | undefined;
	const feed = (chunk: Buffer | string) => parser.feed(chunk);
	const say = (lines: readonly string[]) => {
		if (lines.length > 0) output.write(lines.map(line => `${printable(line)}\n`).join(''));
	};

	const setRaw = (isRaw: boolean) => {
		if (input.isTTY === true) input.setRawMode?.(isRaw);
	};

	return {
		size: () => ({columns: output.columns ?? DEFAULT_SIZE.columns, rows: output.rows ?? DEFAULT_SIZE.rows}),
		onKey(listener) {
			listeners.add(listener);
			return () => void listeners.delete(listener);
		},
		show(controller) {
			const own = createReader(controller);
			reader = own;
			setRaw(true);
			input.on('data', feed);
			// Who closes the keyboard has left.
			input.once('end', () => controller.key({name: 'q', text: 'q', ctrl: false, alt: false, shift: false}));
			input.resume();
			say(['PJAS, for a screen reader. ? says what the keys do, Ctrl-l repeats, q quits.', ...own.next()]);
			controller.subscribe(() => say(own.next()));
		},
		redraw: () => say(reader?.repeat() ?? []),
		suspend() {
			setRaw(false);
			process.once('SIGCONT', () => setRaw(true));
			process.kill(0, 'SIGTSTP');
		},
		copy: () => false,
		async end() {
			input.off('data', feed);
			input.pause();
			parser.close();
			setRaw(false);
			return Promise.resolve();
		},
	};
};
