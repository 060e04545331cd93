import {StringDecoder} from 'node:string_decoder';
import type {KeyEvent} from './key.js';
import {readToken} from './key-sequences.js';

/** Calls back once after that time, unless what is returned is called before. */
export type Clock = {timer: (afterMs: number, run: () => void) => () => void};

export type KeyParserOptions = {
	clock: Clock;
	/** How long a lone ESC may still become a sequence. */
	escapeDelayMs: number;
	emit: (key: KeyEvent) => void;
	/** Told each answer of the terminal and each unknown sequence, whole. */
	onReply?: (sequence: string) => void;
};

export type KeyParser = {
	/** Takes a packet: any part of any number of keys. */
	feed: (chunk: Buffer | string) => void;
	/** Forgets what waits for its rest. */
	close: () => void;
};

const PASTE_END = '\u001B[201~';
const MAX_PASTE = 1_048_576;
const SILENCE_MS = 1000;

/** A pasted text as a field may take it: lines end with a newline, and nothing in it can be obeyed. */
const cleanPaste = (text: string): string =>
	text.replace(/\r\n?/g, '\n').replace(/\p{Cc}/gu, control => (control === '\n' || control === '\t' ? control : ''));

/** Collects a paste until it ends. Of one that is too long, the beginning. */
const createPaste = () => {
	let text = '';
	return {
		/** Takes its part of the input and returns the rest; `isEnded` where the paste ended. */
		take(input: string): {rest: string; isEnded: boolean} {
			const end = input.indexOf(PASTE_END);
			const length = end < 0 ? Math.max(0, input.length - PASTE_END.length + 1) : end;
			text += input.slice(0, Math.min(length, MAX_PASTE - text.length));
			return {rest: input.slice(end < 0 ? length : end + PASTE_END.length), isEnded: end >= 0};
		},
		key: (): KeyEvent => ({name: 'paste', text: cleanPaste(text), ctrl: false, alt: false, shift: false}),
	};
};

/** How long what waits may wait: what no finger types has time to arrive over a bad line. */
const patienceMs = (pending: string, isPasting: boolean, escapeDelayMs: number): number =>
	isPasting || (pending.startsWith('\u001B') && pending.length > 2) ? SILENCE_MS : escapeDelayMs;

/**
Makes keys of a terminal's bytes. The same bytes give the same keys however they were cut into packets; only a mark that comes
in another packet than the plain letter before it is a key of its own.
*/
export const createKeyParser = ({clock, escapeDelayMs, emit, onReply}: KeyParserOptions): KeyParser => {
	const decoder = new StringDecoder('utf8');
	let pending = '';
	let paste: ReturnType<typeof createPaste> | undefined;
	let isClosed = false;
	let stopWaiting = () => {};

	/** Says whether there is more to read. */
	const readPaste = (collected: ReturnType<typeof createPaste>): boolean => {
		const {rest, isEnded} = collected.take(pending);
		pending = rest;
		if (!isEnded) return false;
		paste = undefined;
		emit(collected.key());
		return true;
	};

	const readKeys = (isFinal: boolean): boolean => {
		const token = readToken(pending, isFinal);
		if (!token) return false;
		pending = pending.slice(token.length);
		if (token.isPaste === true) paste = createPaste();
		for (const key of token.keys) emit(key);
		if (token.reply !== undefined) onReply?.(token.reply);
		return true;
	};

	const read = (isFinal: boolean) => {
		let isMore = true;
		while (isMore && !isClosed && pending !== '') isMore = paste ? readPaste(paste) : readKeys(isFinal);
		if (isClosed || (pending === '' && !paste)) return;
		stopWaiting = clock.timer(patienceMs(pending, paste !== undefined, escapeDelayMs), giveUp);
	};

	const giveUp = () => {
		const unended = paste;
		if (unended) {
			paste = undefined;
			unended.take(`${pending}${PASTE_END}`);
			pending = '';
			emit(unended.key());
		} else read(true);
	};

	return {
		feed(chunk) {
			if (isClosed) return;
			stopWaiting();
			pending += typeof chunk === 'string' ? chunk : decoder.write(chunk);
			read(false);
		},
		close() {
			isClosed = true;
			stopWaiting();
			pending = '';
			paste = undefined;
		},
	};
};
