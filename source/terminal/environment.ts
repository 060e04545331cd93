export type Environment = Readonly<Record<string, string | undefined>>;

/** Whether colours are to be painted. `NO_COLOR` has the last word (https://no-color.org). */
export const colorSupport = (environment: Environment): boolean => {
	if (environment['NO_COLOR']) return false;
	const forced = environment['FORCE_COLOR'];
	if (forced !== undefined) return forced !== '0' && forced !== 'false';
	return environment['TERM'] !== 'dumb';
};

const LONGEST_ESCAPE_DELAY_MS = 10_000;

/**
How long ESC may still become a sequence: over SSH its packets may come apart. `ESCDELAY` says it for a line that needs longer,
in milliseconds, as for programs on ncurses (curs_variables(3X)); what is no number there is as if it were not there.
*/
export const escapeDelayMs = (environment: Environment): number => {
	const wanted = environment['ESCDELAY'] ?? '';
	if (/^\d+$/.test(wanted)) return Math.min(Number(wanted), LONGEST_ESCAPE_DELAY_MS);
	return environment['SSH_CONNECTION'] || environment['SSH_TTY'] ? 100 : 50;
};
