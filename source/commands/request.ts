import {type CommandLine, type FlagKinds, nearest, parseCommandLine, quoted, suggest} from '../command-line.js';
import {PjasError} from '../protocol/errors.js';
import {
	type Command,
	commandNames,
	commands,
	type CommandName,
	type Flag,
	flagsAlone,
	flagsOf,
	HIDDEN_COMMAND,
	isCommandName,
} from './commands.js';

/** What a command line asks for. */
export type Request =
	| {kind: 'help'; command: CommandName | undefined}
	| {kind: 'version'}
	| {kind: 'console'; flags: CommandLine['flags']}
	| {kind: 'complete'; flags: CommandLine['flags']; words: readonly string[]}
	| {kind: 'command'; name: CommandName; flags: CommandLine['flags']; words: readonly string[]};

const wrong = (problem: string) => new PjasError('INVALID_CONFIGURATION', problem);

const kindsOf = (flags: readonly Flag[]): FlagKinds =>
	Object.fromEntries(flags.map(({name, placeholder}) => [name, placeholder === undefined ? 'switch' : 'value']));

const shortsOf = (flags: readonly Flag[]): Record<string, string> =>
	Object.fromEntries(flags.flatMap(({name, short}) => (short === undefined ? [] : [[short, name] as const])));

const allFlags = [...flagsAlone, ...commandNames.flatMap(name => flagsOf(name))];

/** The first word that is neither a flag nor a flag's value: the command. */
const commandWord = (argv: readonly string[]): string | undefined => {
	const kinds = kindsOf(allFlags);
	const shorts = shortsOf(allFlags);
	let isValue = false;
	for (const [index, token] of argv.entries()) {
		if (token === '--') return argv[index + 1];
		if (token.startsWith('-') && token !== '-') {
			const name = token.startsWith('--') ? token.slice(2) : (shorts[token.slice(1)] ?? '');
			isValue = Object.hasOwn(kinds, name) && kinds[name] === 'value';
		} else if (isValue) isValue = false;
		else return token;
	}

	return undefined;
};

/** A flag that only other commands take deserves to be told so; any other unknown one is left to the parser. */
const refuseForeign = (argv: readonly string[], command: CommandName | undefined, known: readonly Flag[]) => {
	const end = argv.includes('--') ? argv.indexOf('--') : argv.length;
	for (const token of argv.slice(0, end)) {
		const [, name = ''] = /^--([^=]+)/.exec(token) ?? [];
		if (name === '' || known.some(flag => flag.name === name)) continue;
		const takers = commandNames.filter(other => flagsOf(other).some(flag => flag.name === name));
		const isOfConsole = flagsAlone.some(flag => flag.name === name);
		if (takers.length === 0 && !isOfConsole) continue;
		const who = command ?? 'The console';
		const where = isOfConsole ? 'It stands without a command' : `It is for ${takers.join(', ')}`;
		throw wrong(
			`${who} takes no --${name}. ${where}; pjas-tui ${command === undefined ? '' : `${command} `}--help lists what it takes`,
		);
	}
};

/** A value that stands in a list may be typed in whatever case. */
const checkValues = (flags: CommandLine['flags'], known: readonly Flag[]) => {
	for (const {name, values} of known) {
		const given = flags.get(name);
		if (!values || given === undefined) continue;
		const meant = values.find(value => value.toLowerCase() === String(given).toLowerCase());
		if (meant === undefined) throw wrong(`--${name} is ${quoted(given)}. Allowed: ${values.join(', ')}`);
		flags.set(name, meant);
	}
};

const checkWords = (name: CommandName, words: readonly string[]) => {
	const {argument}: Command = commands[name];
	const extra = words[argument ? 1 : 0];
	const isLacking = words[0] === undefined && argument?.isOptional !== true;
	if (argument && (isLacking || words.includes(''))) {
		const what = argument.completes === 'paths' || argument.completes === 'stored' ? 'file' : 'one';
		throw wrong(`Say which ${what}: pjas-tui ${name} ${argument.placeholder}`);
	}

	if (extra !== undefined && argument?.isMany !== true) {
		throw wrong(`${quoted(extra)} is one word too many for ${name}`);
	}

	const choices = typeof argument?.completes === 'object' ? argument.completes : undefined;
	const [word] = words;
	if (choices && word !== undefined && !choices.includes(word))
		throw wrong(`There is no ${name} for ${quoted(word)}. ${suggest(word, choices)}`);
};

const unknownCommand = (word: string) => {
	const meant = nearest(word, commandNames);
	const hint = meant === undefined ? `Known are: ${commandNames.join(', ')}` : `Did you mean ${meant}?`;
	return wrong(`There is no command ${quoted(word)}. ${hint}`);
};

const readHelp = (words: readonly string[]): Request => {
	const [word, extra] = words;
	if (extra !== undefined) throw wrong(`${quoted(extra)} is one word too many for help`);
	if (word === undefined) return {kind: 'help', command: undefined};
	if (!isCommandName(word)) throw unknownCommand(word);
	return {kind: 'help', command: word};
};

/**
Takes pjas-tui's command line apart.

@param argv - Without the program itself.
@throws {PjasError} `INVALID_CONFIGURATION`, with what is known or allowed.
*/
export const readRequest = (argv: readonly string[]): Request => {
	const word = commandWord(argv);
	const command = isCommandName(word) ? word : undefined;
	const isHidden = word === HIDDEN_COMMAND;
	if (word !== undefined && !command && !isHidden && word !== 'help') throw unknownCommand(word);

	const known = command ? flagsOf(command) : flagsAlone;
	refuseForeign(argv, command, known);
	const {flags, words} = parseCommandLine('pjas-tui', argv, kindsOf(known), shortsOf(known));
	if (flags.get('version') === true) return {kind: 'version'};
	if (flags.get('help') === true) return {kind: 'help', command};
	checkValues(flags, known);
	if (isHidden) return {kind: 'complete', flags, words: words.slice(1)};
	if (word === 'help') return readHelp(words.slice(1));
	if (!command) {
		if (words[0] !== undefined) throw unknownCommand(words[0]);
		return {kind: 'console', flags};
	}

	checkWords(command, words.slice(1));
	return {kind: 'command', name: command, flags, words: words.slice(1)};
};
