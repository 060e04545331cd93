import {EventEmitter} from 'node:events';
import {createCellReader, type Frame} from './cells.js';
import type {Clock} from './keys.js';
import {blankFrame, paintChanges} from './paint.js';

export type SurfaceOptions = {
	/** Where the bytes go: a terminal, or the channel of an SSH server. */
	output: NodeJS.WritableStream;
	columns: number;
	rows: number;
	/** Whether colours are painted. Bold, underlined and inverse are in any case. */
	colors: boolean;
	/** Whether each frame is wrapped in synchronized output (`CSI ? 2026 h`), so that no half frame is seen. */
	isSynchronized: boolean;
	/**
	Makes it ask the terminal, every few frames, whether it came that far (`CSI 5 n`), and paint nothing more until it says so: over a
	slow line the buffers between would else fill with frames that nobody wants to see any more. Whoever reads the terminal's answers
	calls `acknowledge`.
	*/
	clock?: Clock;
	/** Told once when the output died. */
	onError?: (error: Error) => void;
};

export type Surface = {
	/** For Ink, rendered with `debug: true`: takes each whole frame in one write. */
	stdout: NodeJS.WriteStream;
	/** The terminal has another size now: erases it and paints all, in the next turn, so that Ink and the application can lay out anew. */
	resize: (columns: number, rows: number) => void;
	/** Erases and paints all anew. */
	repaint: () => void;
	/** Keeps the newest frame but writes nothing, until `repaint`. */
	pause: () => void;
	/** The terminal answered `CSI 0 n`. */
	acknowledge: () => void;
	/** Resolves when all is written and the terminal came that far, or the output died, or nothing moves any more. Paints nothing more. */
	end: () => Promise<void>;
};

const ERASE = '\u001B[H\u001B[2J';
const QUESTION = '\u001B[5n';
/** Half a second on a line of 4 KB/s. */
const MAX_UNCONFIRMED = 2048;
/** How long an answer is waited for, from a terminal that ever gave one and from any other. */
const ANSWER_MS = 5000;
const FIRST_ANSWER_MS = 500;
const MAX_MISSES = 3;

/** How many bytes may be under way, as far as the terminal tells. One that never answers is asked no more. */
const createFlow = (clock: Clock | undefined, go: () => void) => {
	let unconfirmed = 0;
	let questions = 0;
	let misses = 0;
	let hasAnswered = false;
	let stopWaiting: (() => void) | undefined;

	const stop = () => {
		stopWaiting?.();
		stopWaiting = undefined;
		questions = 0;
	};

	const giveUp = () => {
		stopWaiting = undefined;
		misses++;
		// The first answers may only be late, and must not be taken for those to later questions.
		if (hasAnswered) questions = 0;
		go();
	};

	return {
		stop,
		isWaiting: () => stopWaiting !== undefined,
		/** What to write behind these bytes. */
		count(bytes: number): string {
			unconfirmed += bytes;
			if (!clock || unconfirmed < MAX_UNCONFIRMED || (!hasAnswered && misses >= MAX_MISSES)) return '';
			unconfirmed = 0;
			questions++;
			stopWaiting = clock.timer(hasAnswered ? ANSWER_MS : FIRST_ANSWER_MS, giveUp);
			return QUESTION;
		},
		acknowledge() {
			hasAnswered = true;
			questions = Math.max(0, questions - 1);
			if (!clock || !stopWaiting) return;
			stopWaiting();
			stopWaiting = questions > 0 ? clock.timer(ANSWER_MS, giveUp) : undefined;
			if (questions === 0) go();
		},
	};
};

/** Writes one thing at a time. What a dead terminal says is no crash. */
const createWriter = (output: NodeJS.WritableStream, go: () => void, onError: SurfaceOptions['onError']) => {
	let isBusy = false;
	let isDead = false;

	const die = (error?: Error | null) => {
		if (isDead) return;
		isDead = true;
		isBusy = false;
		onError?.(error ?? new Error('The terminal is gone'));
		go();
	};

	output.on('error', die);
	output.on('close', die);
	return {
		isBusy: () => isBusy,
		isDead: () => isDead,
		write(bytes: string) {
			isBusy = true;
			output.write(bytes, error => {
				isBusy = false;
				if (error) die(error);
				else go();
			});
		},
		/** Leaves the output alone; its errors stay caught, as they may come late. */
		release: () => void output.off('close', die),
	};
};

/** What Ink takes for a terminal. It asks for no more than this. */
const createStdout = (
	size: () => {columns: number; rows: number},
	take: (frame: string) => void,
): NodeJS.WriteStream => {
	const stdout = Object.assign(new EventEmitter(), {
		isTTY: false,
		write(frame: string, callback?: unknown) {
			// Ink writes nothing where it would erase lines of its own, and at its end, to be called back when all is written.
			if (frame !== '') take(frame);
			if (typeof callback === 'function') queueMicrotask(callback as () => void);
			return true;
		},
	});
	Object.defineProperty(stdout, 'columns', {get: () => size().columns});
	Object.defineProperty(stdout, 'rows', {get: () => size().rows});
	return stdout as unknown as NodeJS.WriteStream;
};

/** Whoever waits until there is nothing left to do. */
const createWaiters = () => {
	const waiters: (() => void)[] = [];
	return {
		wait: async () => new Promise<void>(resolve => waiters.push(resolve)),
		release() {
			for (const resolve of waiters.splice(0)) resolve();
		},
	};
};

const synchronized = (bytes: string) => `\u001B[?2026h${bytes}\u001B[?2026l`;

/**
Paints frames on a terminal, and writes only what differs from the last, in one write. While that is on its way only the newest
frame is kept. It expects the alternate screen without cursor and wrapping, and leaves switching them to `openTerminal`.
*/
export const createSurface = (options: SurfaceOptions): Surface => {
	const {output, clock} = options;
	let {columns, rows} = options;
	const readCells = createCellReader({hasColors: options.colors});
	const waiters = createWaiters();
	let newest: string | undefined;
	/** What stands on the screen; `undefined` where that isn't known. */
	let shown: Frame | undefined;
	let isDirty = false;
	let isPaused = false;
	let isEnding = false;
	let isSettling = false;

	const isHeld = () => writer.isBusy() || flow.isWaiting();
	const go = () => {
		if (!isHeld()) paint();
		if (writer.isDead()) flow.stop();
		if (writer.isDead() || !isHeld()) waiters.release();
	};
	const flow = createFlow(clock, () => go());
	const writer = createWriter(output, go, options.onError);

	const bytesFor = (frame: Frame): string => {
		const erased = shown ? '' : ERASE;
		return erased + paintChanges(shown ?? blankFrame(columns, rows), frame, columns);
	};

	const paint = () => {
		if (!isDirty || isPaused || isSettling || newest === undefined || isHeld() || writer.isDead()) return;
		isDirty = false;
		const frame = readCells(newest, columns, rows);
		const changes = bytesFor(frame);
		shown = frame;
		if (changes === '') return;
		const bytes = options.isSynchronized ? synchronized(changes) : changes;
		writer.write(bytes + flow.count(Buffer.byteLength(bytes)));
	};

	const paintAll = () => {
		shown = undefined;
		isDirty = true;
		paint();
	};

	const stdout = createStdout(
		() => ({columns, rows}),
		frame => {
			if (frame === newest || isEnding) return;
			newest = frame;
			isDirty = true;
			paint();
		},
	);

	return {
		stdout,
		resize(newColumns, newRows) {
			if (newColumns === columns && newRows === rows) return;
			columns = newColumns;
			rows = newRows;
			shown = undefined;
			isDirty = true;
			isSettling = true;
			stdout.emit('resize');
			setImmediate(() => {
				isSettling = false;
				paint();
			});
		},
		repaint() {
			isPaused = false;
			flow.stop();
			paintAll();
		},
		pause() {
			isPaused = true;
			// The answer may go to the shell.
			flow.stop();
		},
		acknowledge: () => flow.acknowledge(),
		async end() {
			isEnding = true;
			if (!writer.isDead() && isHeld() && !isPaused) {
				const stop = clock?.timer(FIRST_ANSWER_MS, () => waiters.release());
				await waiters.wait();
				stop?.();
			}

			flow.stop();
			isPaused = true;
			writer.release();
		},
	};
};
