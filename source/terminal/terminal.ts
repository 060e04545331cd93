import {clipboardSequence} from './clipboard.js';
import {type Host, watchEndings} from './ending.js';
import {colorSupport, type Environment, escapeDelayMs} from './environment.js';
import type {KeyEvent} from './key.js';
import {type Clock, createKeyParser} from './keys.js';
import {enterSequence, leaveSequence, setBlocking, writeNow} from './modes.js';
import {createSurface, type Surface} from './surface.js';

export {colorSupport} from './environment.js';

export type TerminalInput = NodeJS.ReadableStream & {setRawMode?: (isRaw: boolean) => unknown};
export type TerminalOutput = NodeJS.WritableStream & {columns?: number; rows?: number; fd?: number};
export type TerminalSize = {columns: number; rows: number};

export type TerminalOptions = {
	input: TerminalInput;
	output: TerminalOutput;
	environment: Environment;
	clock: Clock;
	/** The process, whose signals and errors then restore the terminal and end it. Left out for a session inside a server. */
	host?: Host;
	/** Shown by the terminal while it is open. */
	title?: string;
	/** Called once when the terminal itself is gone. Without it, a host exits as on SIGHUP. */
	onGone?: () => void;
};

export type Terminal = {
	/** Give `stdout` to Ink, rendered with `debug: true`, `patchConsole: false` and `exitOnCtrlC: false`. */
	surface: Surface;
	size: () => TerminalSize;
	onKey: (listener: (key: KeyEvent) => void) => () => void;
	/** Called before anything of the new size is painted. */
	onResize: (listener: (size: TerminalSize) => void) => () => void;
	/** Goes to the shell; `fg` comes back, and paints all anew. */
	suspend: () => void;
	/** Puts a text on the clipboard. Says whether it was short enough; whether the terminal takes it can't be known. */
	copy: (text: string) => boolean;
	/** Erases and paints all anew. */
	redraw: () => void;
	/** Waits until all is painted, then closes: the good way to end. */
	end: () => Promise<void>;
	/** Restores the terminal at once; again, it does nothing. */
	close: () => void;
};

const MAX_COLUMNS = 1000;
const MAX_ROWS = 500;
/** A process that may not be stopped (it has no shell that could continue it) comes back by itself. */
const COME_BACK_MS = 200;

const sizeOf = ({columns, rows}: TerminalOutput): TerminalSize => ({
	columns: Math.min(MAX_COLUMNS, columns || 80),
	rows: Math.min(MAX_ROWS, rows || 24),
});

const createListeners = <T>() => {
	const listeners = new Set<(value: T) => void>();
	return {
		add: (listener: (value: T) => void) => {
			listeners.add(listener);
			return () => void listeners.delete(listener);
		},
		tell: (value: T) => {
			for (const listener of listeners) listener(value);
		},
	};
};

/** The terminal's own state: entered or left, each only once. */
const createModes = ({input, output, environment, title}: TerminalOptions) => {
	const shownTitle = environment['TERM'] === 'linux' ? undefined : title;
	let isEntered = false;

	const enter = () => {
		if (isEntered) return;
		isEntered = true;
		input.setRawMode?.(true);
		setBlocking(output, false);
		writeNow(output, enterSequence(shownTitle));
	};

	const leave = () => {
		if (!isEntered) return;
		isEntered = false;
		writeNow(output, leaveSequence(shownTitle));
		setBlocking(output, true);
		try {
			input.setRawMode?.(false);
		} catch {
			// A terminal that hung up has no modes any more.
		}
	};

	return {enter, leave, isEntered: () => isEntered};
};

/** Keys in, and the terminal's answer to the surface's question kept apart from them. */
const readKeys = (options: TerminalOptions, surface: Surface, emit: (key: KeyEvent) => void, gone: () => void) => {
	const {input, environment, clock} = options;
	const parser = createKeyParser({
		clock,
		escapeDelayMs: escapeDelayMs(environment),
		emit,
		onReply(sequence) {
			if (sequence === '\u001B[0n') surface.acknowledge();
		},
	});
	const feed = (chunk: Buffer | string) => parser.feed(chunk);
	input.on('data', feed);
	input.on('end', gone);
	input.on('error', gone);
	input.resume();
	return () => {
		input.off('data', feed);
		input.off('end', gone);
		input.pause();
		parser.close();
	};
};

const createSuspension = ({host, clock}: TerminalOptions, modes: ReturnType<typeof createModes>, surface: Surface) => {
	let isSuspended = false;
	let stopWaiting: (() => void) | undefined;

	/** Also after a stop that could not be seen coming: then the shell has changed the modes. */
	const resume = () => {
		stopWaiting?.();
		if (!isSuspended) modes.leave();
		isSuspended = false;
		modes.enter();
		// The window may have changed meanwhile, and only those in front are told.
		host?.kill(host.pid, 'SIGWINCH');
		surface.repaint();
	};

	return {
		resume,
		suspend(raise: () => void) {
			if (!host || isSuspended || !modes.isEntered()) return;
			isSuspended = true;
			surface.pause();
			modes.leave();
			raise();
			stopWaiting = clock.timer(COME_BACK_MS, resume);
		},
		stop: () => stopWaiting?.(),
	};
};

/** Takes the terminal over: raw keys, the alternate screen, and a surface on it. */
export const openTerminal = (options: TerminalOptions): Terminal => {
	const {output, environment, clock, host} = options;
	const keys = createListeners<KeyEvent>();
	const resizes = createListeners<TerminalSize>();
	const modes = createModes(options);
	let isClosed = false;

	const gone = () => {
		if (isClosed) return;
		close();
		if (options.onGone) options.onGone();
		else host?.exit(129);
	};

	const surface = createSurface({
		output,
		...sizeOf(output),
		colors: colorSupport(environment),
		// A private mode that a terminal does not know it ignores, tmux and screen too, so nobody needs to be asked.
		isSynchronized: true,
		clock,
		onError: gone,
	});
	const suspension = createSuspension(options, modes, surface);

	const resize = () => {
		const size = sizeOf(output);
		resizes.tell(size);
		surface.resize(size.columns, size.rows);
	};

	/** The whole job is stopped, as by the terminal itself: npm waits above, and its children beside. */
	const suspend = () =>
		suspension.suspend(() => {
			host?.off('SIGTSTP', suspend);
			host?.kill(0, 'SIGTSTP');
			host?.on('SIGTSTP', suspend);
		});

	const close = () => {
		if (isClosed) return;
		isClosed = true;
		surface.pause();
		suspension.stop();
		modes.leave();
		output.off('resize', resize);
		stopReading();
		stopWatching?.();
	};

	const stopWatching = host && watchEndings(host, {restore: () => close(), suspend, resume: suspension.resume});
	modes.enter();
	output.on('resize', resize);
	const stopReading = readKeys(options, surface, keys.tell, gone);

	return {
		surface,
		size: () => sizeOf(output),
		onKey: keys.add,
		onResize: resizes.add,
		suspend,
		copy(text) {
			const sequence = clipboardSequence(text, environment);
			if (sequence !== undefined && !isClosed) output.write(sequence);
			return sequence !== undefined;
		},
		redraw: () => surface.repaint(),
		async end() {
			await surface.end();
			close();
		},
		close,
	};
};
