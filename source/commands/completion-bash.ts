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

const dashed = ({name, short}: Flag): string[] => (short === undefined ? [`--${name}`] : [`--${name}`, `-${short}`]);

const takesValue = ({placeholder}: Flag): boolean => placeholder !== undefined;

const offer = (words: readonly string[]) => `_pjas_tui_words '${words.join(' ')}'`;

const valueCase = (command: string, flag: Flag): string[] => {
	const action = flag.values ? offer(flag.values) : flag.isPath === true ? '_pjas_tui_paths' : ':';
	return [
		`\t\t${dashed(flag)
			.map(name => `${command}:${name}`)
			.join('|')}) ${action}; return ;;`,
	];
};

const valueCases = (): string[] => [
	...commandNames.flatMap(name =>
		flagsOf(name)
			.filter(takesValue)
			.flatMap(flag => valueCase(name, flag)),
	),
	...flagsAlone.filter(takesValue).flatMap(flag => valueCase('', flag)),
];

const flagCase = (name: string, flags: readonly Flag[]) => `\t\t\t${name}) ${offer(flags.flatMap(dashed))} ;;`;

const argumentCase = (name: CommandName): string[] => {
	const {argument}: Command = commands[name];
	if (!argument) return [];
	const {completes, isMany} = argument;
	const actions = {paths: '_pjas_tui_paths', stored: '_pjas_tui_stored', nothing: ':'};
	const first = isMany === true ? '((COMP_CWORD == index + 1)) && ' : '';
	return [`\t\t${name}) ${typeof completes === 'string' ? actions[completes] : first + offer(completes)} ;;`];
};

const valueFlags = () => {
	const flags = [...flagsAlone, ...commandNames.flatMap(name => flagsOf(name))].filter(takesValue);
	return [...new Set(flags.flatMap(dashed))].join('|');
};

/** For bash from 3.2 on. Its words end at `=` and `:`, so that a flag's value may be a word of its own. */
export const bashCompletion = (): string => `# Completes pjas-tui in bash: source <(pjas-tui completion bash)

_pjas_tui_words() {
	local line
	while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -W "$1" -- "$cur")
}

_pjas_tui_paths() {
	compopt -o default -o bashdefault 2>/dev/null && return
	local line
	while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$cur")
}

_pjas_tui_stored() {
	local line plain=$cur coordinator=()
	[[ $COMP_LINE =~ --coordinator[=\\ ]+([^\\ ]+) ]] && coordinator=(--coordinator "\${BASH_REMATCH[1]}")
	case $plain in
		[\\"\\']*) plain=\${plain:1} ;;
		*) plain=\${plain//\\\\/} ;;
	esac
	while IFS= read -r line; do
		[[ $cur == [\\"\\']* ]] || printf -v line %q "$line"
		COMPREPLY+=("$line")
	done < <(pjas-tui ${HIDDEN_COMMAND} files "\${coordinator[@]}" -- "$plain" 2>/dev/null </dev/null)
}

_pjas_tui() {
	local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} command='' index
	COMPREPLY=()
	if [[ $cur == '=' ]]; then cur=''
	elif [[ $prev == '=' ]]; then prev=\${COMP_WORDS[COMP_CWORD-2]}
	fi
	for ((index = 1; index < COMP_CWORD; index++)); do
		case \${COMP_WORDS[index]} in
			${valueFlags()})
				((index++))
				[[ \${COMP_WORDS[index]} == '=' ]] && ((index++)) ;;
			${[...commandNames, 'help'].join('|')}) command=\${COMP_WORDS[index]}; break ;;
		esac
	done
	case $command:$prev in
${valueCases().join('\n')}
	esac
	if [[ $cur == -* ]]; then
		case $command in
${[...commandNames.map(name => flagCase(name, flagsOf(name))), flagCase("''", flagsAlone)].join('\n')}
		esac
		return
	fi
	case $command in
${commandNames.flatMap(argumentCase).join('\n')}
		''|help) ${offer([...commandNames, 'help'])} ;;
	esac
}

complete -F _pjas_tui pjas-tui
`;
