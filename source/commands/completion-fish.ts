import {
	type Command,
	commandNames,
	commands,
	type CommandName,
	type Flag,
	flagsAlone,
	flagsOf,
	HIDDEN_COMMAND,
} from './commands.js';

const inQuotes = (text: string): string => `'${text.replace(/['\\]/g, '\\$&')}'`;

const valueOf = ({placeholder, values, isPath}: Flag): string => {
	if (placeholder === undefined) return '';
	if (isPath === true) return ' -r -F';
	return values ? ` -x -a ${inQuotes(values.join(' '))}` : ' -x';
};

const flagLine = (condition: string, flag: Flag): string =>
	`complete -c pjas-tui -n ${inQuotes(condition)} -l ${flag.name}${flag.short === undefined ? '' : ` -s ${flag.short}`}${valueOf(flag)} -d ${inQuotes(flag.help)}`;

const seen = (name: string) => `__fish_seen_subcommand_from ${name}`;

const argumentLine = (name: CommandName): string[] => {
	const {argument}: Command = commands[name];
	if (!argument) return [];
	const {completes, isMany} = argument;
	const actions = {paths: '-F', stored: "-a '(__pjas_tui_stored)'", nothing: '-f'};
	if (typeof completes === 'string') return [`complete -c pjas-tui -n ${inQuotes(seen(name))} ${actions[completes]}`];
	const words = completes.join(' ');
	const condition = isMany === true ? `${seen(name)}; and not ${seen(words)}` : seen(name);
	return [`complete -c pjas-tui -n ${inQuotes(condition)} -a ${inQuotes(words)}`];
};

export const fishCompletion =
	(): string => `# Completes pjas-tui in fish: pjas-tui completion fish > ~/.config/fish/completions/pjas-tui.fish

function __pjas_tui_stored
	set -l coordinator (string match -r -- '--coordinator[= ]+[^ ]+' (commandline -pc))[1]
	pjas-tui ${HIDDEN_COMMAND} files (string split -m 1 ' ' -- $coordinator) -- (commandline -ct) 2>/dev/null </dev/null
end

complete -c pjas-tui -f
${commandNames.map(name => `complete -c pjas-tui -n __fish_use_subcommand -a ${name} -d ${inQuotes(commands[name].about)}`).join('\n')}
complete -c pjas-tui -n __fish_use_subcommand -a help -d 'Say more about a command'
complete -c pjas-tui -n ${inQuotes(seen('help'))} -a ${inQuotes(commandNames.join(' '))}
${flagsAlone.map(flag => flagLine('__fish_use_subcommand', flag)).join('\n')}
${commandNames.flatMap(name => [...flagsOf(name).map(flag => flagLine(seen(name), flag)), ...argumentLine(name)]).join('\n')}
`;
