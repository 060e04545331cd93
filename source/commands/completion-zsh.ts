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

/** Text between single quotes. */
const inQuotes = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

const inBrackets = (text: string): string => text.replace(/[[\]\\]/g, '\\$&');

const valueOf = ({placeholder, values, isPath}: Flag): string => {
	if (placeholder === undefined) return '';
	const action = values ? `(${values.join(' ')})` : isPath === true ? '_files' : ' ';
	return `:${placeholder}:${action}`;
};

/** One flag as `_arguments` takes it: `'(-o --output)'{-o+,--output=}'[help]:PATH:_files'`. */
const specOf = (flag: Flag): string => {
	const {name, short, placeholder, help} = flag;
	const hasValue = placeholder !== undefined;
	const rest = `[${inBrackets(help)}]${valueOf(flag)}`;
	const long = `--${name}${hasValue ? '=' : ''}`;
	if (short === undefined) return inQuotes(`${long}${rest}`);
	return `'(-${short} --${name})'{-${short}${hasValue ? '+' : ''},${long}}${inQuotes(rest)}`;
};

const argumentOf = (name: CommandName): string[] => {
	const {argument}: Command = commands[name];
	if (!argument) return [];
	const {completes, isMany, placeholder} = argument;
	const message = placeholder.replaceAll(':', ' ');
	const actions = {paths: '_files', stored: '_pjas_tui_stored', nothing: ' '};
	if (typeof completes === 'string') {
		return [inQuotes(`${isMany === true ? '*' : '1'}:${message}:${actions[completes]}`)];
	}

	const first = inQuotes(`1:${message}:(${completes.join(' ')})`);
	return isMany === true ? [first, inQuotes(`*:${message}: `)] : [first];
};

const commandCase = (name: CommandName): string =>
	`\t\t\t${name})
				_arguments \\
${[...flagsOf(name).map(specOf), ...argumentOf(name)].map(spec => `\t\t\t\t\t${spec}`).join(' \\\n')} ;;`;

export const zshCompletion = (): string => `#compdef pjas-tui
# Completes pjas-tui in zsh: source <(pjas-tui completion zsh), or save it as _pjas-tui in a folder of $fpath

_pjas_tui_stored() {
	local -a coordinator files
	local line
	if [[ $_pjas_tui_line =~ '--coordinator[= ]+([^ ]+)' ]]; then
		coordinator=(--coordinator $match[1])
	fi
	while IFS= read -r line; do
		files+=("$line")
	done < <(pjas-tui ${HIDDEN_COMMAND} files $coordinator -- "\${(Q)PREFIX}" 2>/dev/null </dev/null)
	compadd -a files
}

_pjas_tui() {
	local curcontext="$curcontext" state line _pjas_tui_line="$BUFFER"
	local -a known
	typeset -A opt_args
	_arguments -C \\
${flagsAlone.map(flag => `\t\t${specOf(flag)} \\`).join('\n')}
		'1:command:->command' \\
		'*::argument:->argument'
	known=(
${commandNames.map(name => `\t\t${inQuotes(`${name}:${commands[name].about}`)}`).join('\n')}
		'help:Say more about a command'
	)
	case $state in
		command) _describe command known ;;
		argument)
			case $words[1] in
${commandNames.map(commandCase).join('\n').replaceAll(/^/gm, '\t')}
				help) _describe command known ;;
			esac ;;
	esac
}

if [[ $funcstack[1] == _pjas_tui ]]; then
	_pjas_tui "$@"
else
	compdef _pjas_tui pjas-tui
fi
`;
