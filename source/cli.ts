#!/usr/bin/env node
import {coordinatorAddress, DEFAULT_COORDINATOR_URL} from './client/address.js';
import {UnreachableError} from './client/errors.js';
import {parseCommandLine, quoted, suggest} from './command-line.js';
import {shows} from './commands/show.js';
import {escapeControls} from './protocol/escape.js';
import {isPjasError, PjasError} from './protocol/errors.js';
import {packageVersion} from './version.js';

const exitCodes = {failed: 1, wrongWords: 2, unreachable: 3};

const commandNames = Object.keys(shows) as (keyof typeof shows)[];

const helpText = `pjas-tui [--coordinator URL] COMMAND [--json]

  Looks into a PJAS network. (The console that this becomes is not there yet.)

Commands:
${commandNames.map(name => `  ${name.padEnd(20)} Show ${shows[name].about}`).join('\n')}

  --coordinator URL    Where the coordinator is. Else PJAS_COORDINATOR says it, or
                       "coordinator_url" in pjas_config.json in this folder.
                       Default: ${DEFAULT_COORDINATOR_URL}
  --json               Print JSON, for programs
  --help               Say this, and no more
  --version            Say the version, and no more

Exit codes: 0 done, 1 failed, 2 wrong words, 3 the coordinator can't be reached
`;

const write = (text: string) => void process.stdout.write(text);

const run = async (argv: readonly string[]): Promise<void> => {
	const {flags, words} = parseCommandLine('pjas-tui', argv, {
		coordinator: 'value',
		json: 'switch',
		help: 'switch',
		version: 'switch',
	});
	if (flags.get('version') === true || flags.get('help') === true) {
		write(flags.get('version') === true ? `${packageVersion()}\n` : helpText);
		return;
	}

	const [word, extra] = words;
	const command = commandNames.find(name => name === word);
	if (!command) {
		const problem =
			word === undefined
				? `Say what to show: ${commandNames.join(', ')}`
				: `There is no command ${quoted(word)}. ${suggest(word, commandNames)}`;
		throw new PjasError('INVALID_CONFIGURATION', problem);
	}

	if (extra !== undefined) {
		throw new PjasError('INVALID_CONFIGURATION', `${quoted(extra)} is one word too many for ${command}`);
	}

	const flag = flags.get('coordinator');
	const url = await coordinatorAddress({
		flag: typeof flag === 'string' ? flag : undefined,
		environment: process.env,
		folder: process.cwd(),
	});
	const {createApi} = await import('./client/api.js');
	await shows[command].show(createApi(url), {json: flags.get('json') === true, write});
};

const exitCodeOf = (error: unknown): number => {
	if (isPjasError(error, 'INVALID_CONFIGURATION')) return exitCodes.wrongWords;
	return error instanceof UnreachableError ? exitCodes.unreachable : exitCodes.failed;
};

// Whoever reads along may have read enough, as `head` has.
process.stdout.on('error', () => process.exit(0));

try {
	await run(process.argv.slice(2));
} catch (error) {
	process.stderr.write(`pjas-tui: ${escapeControls(error instanceof Error ? error.message : String(error))}\n`);
	process.exitCode = exitCodeOf(error);
}
