export type Environment = Readonly<Record<string, string | undefined>>;

/** Whether colours are to be painted. `NO_COLOR` has the last word (https://no-color.org). */
export const colorSupport = (environment: Environment): boolean => {
	if (environment['NO_COLOR']) return false;
	const forced = environment['FORCE_COLOR'];
	if (forced !== undefined) return forced !== '0' && forced !== 'false';
	return environment['TERM'] !== 'dumb';
};

/** How long ESC may still become a sequence: over SSH its packets may come apart. */
export const escapeDelayMs = (environment: Environment): number =>
	environment['SSH_CONNECTION'] || environment['SSH_TTY'] ? 100 : 50;
