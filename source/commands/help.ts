import {
	type Command,
	commandNames,
	commands,
	type CommandName,
	consoleFlags,
	type Flag,
	flagsOf,
	helpFlag,
	jsonFlag,
	remoteFlags,
	usageOf,
	versionFlag,
} from './commands.js';

const WIDTH = 80;
const DEFAULT_COORDINATOR_URL = 'http://127.0.0.1:3000';

/** Words in lines that fit, each but the first as far from the margin as it says. */
const wrap = (text: string, margin: number): string => {
	const lines: string[] = [];
	let line = '';
	for (const word of text.split(' ')) {
		if (line !== '' && margin + line.length + 1 + word.length > WIDTH) {
			lines.push(line);
			line = word;
		} else line = line === '' ? word : `${line} ${word}`;
	}

	return [...lines, line].join(`\n${' '.repeat(margin)}`);
};

const rowsOf = (rows: readonly (readonly [string, string])[]): string => {
	const width = rows.reduce((widest, [label]) => Math.max(widest, label.length), 0);
	return rows.map(([label, text]) => `  ${label.padEnd(width)}  ${wrap(text, width + 4)}\n`).join('');
};

/** How a flag is written in a list: `-o, --output PATH`. */
export const flagLabel = ({name, short, placeholder}: Flag): string =>
	`${short === undefined ? '' : `-${short}, `}--${name}${placeholder === undefined ? '' : ` ${placeholder}`}`;

const flagRow = (flag: Flag): [string, string] => [
	flagLabel(flag),
	flag.values ? `${flag.help}: ${flag.values.join(', ')}` : flag.help,
];

const exitCodesText = `Exit codes: 0 done, 1 failed, 2 wrong words, 3 not reached, 4 not found
`;

const generalHelp = (): string => `pjas-tui [--coordinator URL] [--read-only] [--screen-reader]
         [--theme ${consoleFlags.find(({name}) => name === 'theme')?.values?.join('|') ?? ''}]
pjas-tui --node PATH|URL [--read-only] [--screen-reader] [--theme NAME]
pjas-tui COMMAND …

  Opens the console of a PJAS network, or that of your own node, or carries one
  command out. For scripts, a node says the same by pjas-daemon status --json.

Commands:
${rowsOf(commandNames.map(name => [usageOf(name), commands[name].about]))}
Flags:
${rowsOf([...remoteFlags, ...consoleFlags, {...jsonFlag, help: `${jsonFlag.help} (commands only; problems too)`}, helpFlag, versionFlag].map(flagRow))}
  The coordinator's address comes from --coordinator, PJAS_COORDINATOR, the last
  login, or "coordinator_url" in pjas_config.json in this folder.
  Default: ${DEFAULT_COORDINATOR_URL}
  Who calls is known by PJAS_TOKEN, or by the login that was kept.

  pjas-tui COMMAND --help says more about each.

${exitCodesText}`;

const commandHelp = (name: CommandName): string => {
	const command: Command = commands[name];
	const notes = command.notes?.map(note => `  ${wrap(note, 2)}\n`).join('') ?? '';
	return `pjas-tui ${usageOf(name)}

  ${command.about}

${notes === '' ? '' : `${notes}\n`}Flags:
${rowsOf(flagsOf(name).map(flagRow))}
Examples:
${command.examples.map(example => `  ${example}\n`).join('')}
${exitCodesText}`;
};

export const helpText = (command: CommandName | undefined): string =>
	command === undefined ? generalHelp() : commandHelp(command);
