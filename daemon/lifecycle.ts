import type {Clock} from './ports/clock.js';
import type {Log} from './ports/log.js';

/** What goes on until it is stopped. `close` lets what is in flight end, for as long as it sees fit. */
export type Running = {close: () => Promise<void>};

type Environment = {
	log: Log;
	clock: Pick<Clock, 'monotonicMs'>;
	/** What closing may take before it counts as hanging. */
	longestCloseMs?: number;
};

/** Closing may take what is in flight 10 s, and then some moments for files; what takes longer hangs. */
const LONGEST_CLOSE_MS = 15_000;

/**
npm passes a signal on that the terminal sent to its child as well, so one press of Ctrl-C can come twice: what follows
this soon is the same.
*/
const SAME_PRESS_MS = 400;

const signalCodes = {SIGINT: 130, SIGTERM: 1} as const;
type Signal = keyof typeof signalCodes;

/**
Runs something until a signal asks it to stop, then closes it and ends the process: 0 where it closed well. A second
signal ends the process at once. An error that nobody caught is logged, and ends it with 1 after it was closed.

@param start - Starts it. The signal is aborted when it should stop starting.
*/
export const runUntilStopped = async (
	start: (signal: AbortSignal) => Promise<Running>,
	{log, clock, longestCloseMs = LONGEST_CLOSE_MS}: Environment,
): Promise<void> => {
	const stopping = new AbortController();
	let running: Running | undefined;
	let closing: Promise<void> | undefined;
	let firstSignalMs: number | undefined;
	let code = 0;
	// While it starts or waits, nothing else may be there that keeps the process going.
	const keepAlive = setInterval(() => undefined, 2 ** 30);

	const close = async () => {
		try {
			await running?.close();
			if (code === 0) log.info('stopped');
		} catch (error) {
			log.error('closing failed', {error});
			code = 1;
		}

		process.exit(code);
	};

	const end = (reason: Error) => {
		if (stopping.signal.aborted) return;
		stopping.abort(reason);
		setTimeout(() => {
			log.error('closing takes too long: ending without waiting for the rest', {ms: longestCloseMs});
			process.exit(1);
		}, longestCloseMs).unref();
		// What is still starting is closed once it is there, or fails by the abort.
		if (running) closing ??= close();
	};

	const stop = (signal: Signal) => {
		if (firstSignalMs === undefined) {
			firstSignalMs = clock.monotonicMs();
			log.info('stopping: what is in flight may end', {signal});
			end(new Error(`stopped by ${signal}`));
		} else if (clock.monotonicMs() - firstSignalMs > SAME_PRESS_MS) {
			log.warn('stopped at once by a second signal', {signal});
			process.exit(signalCodes[signal]);
		}
	};

	const crash = (kind: string) => (error: unknown) => {
		log.error(kind, {error});
		code = 1;
		end(new Error(kind));
	};

	for (const signal of Object.keys(signalCodes) as Signal[]) process.on(signal, stop);
	process.on('uncaughtException', crash('an error was not caught'));
	process.on('unhandledRejection', crash('a rejection was not handled'));

	try {
		running = await start(stopping.signal);
		if (stopping.signal.aborted) closing ??= close();
	} catch (error) {
		clearInterval(keepAlive);
		if (!stopping.signal.aborted) throw error;
		// What the end broke off is no failure of its own.
		log.info('stopped while starting', {error});
		process.exit(code);
	}
};
