import meow from 'meow';
import {escapeControls} from './protocol/escape.js';
import {PjasError} from './protocol/errors.js';

/** The flags that a program takes, by name without the dashes: those with a value, and those that only stand there. */
export type FlagKinds = Record<string, 'value' | 'switch'>;

/** The long names of flags, by the letter that stands for each. */
export type ShortFlags = Readonly<Record<string, string>>;

export type CommandLine = {
	/** What was given, by the flag's name. */
	flags: Map<string, string | boolean>;
	/** The words that are no flags, in order. */
	words: string[];
};

const camelCase = (flag: string) => flag.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());

/** The name under which meow gives a flag back: there a letter after a digit is a capital too. */
const givenName = (flag: string) => camelCase(flag).replace(/\d[a-z]/g, pair => pair.toUpperCase());

const usage = (problem: string) => new PjasError('INVALID_CONFIGURATION', problem);

/** What somebody typed, in quotes, fit for a message. */
export const quoted = (given: unknown): string => {
	const text = escapeControls(typeof given === 'string' ? `"${given}"` : JSON.stringify(given));
	return text.length > 120 ? `${text.slice(0, 119)}…` : text;
};

/** How many letters must be put in, taken out, replaced or swapped with a neighbour to get from one word to the other. */
const distanceBetween = (from: string, to: string): number => {
	let beforeLast: number[] = [];
	let last = Array.from({length: to.length + 1}, (_, index) => index);
	for (let row = 1; row <= from.length; row++) {
		const current = [row];
		for (let column = 1; column <= to.length; column++) {
			const isSame = from[row - 1] === to[column - 1];
			const isSwapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
			current[column] = Math.min(
				(last[column] ?? 0) + 1,
				(current[column - 1] ?? 0) + 1,
				(last[column - 1] ?? 0) + (isSame ? 0 : 1),
				isSwapped ? (beforeLast[column - 2] ?? Number.POSITIVE_INFINITY) + 1 : Number.POSITIVE_INFINITY,
			);
		}

		beforeLast = last;
		last = current;
	}

	return last[to.length] ?? 0;
};

const MAX_WORD_LENGTH = 40;

/** The candidate that a misspelt word probably means, if any. */
export const nearest = (word: string, candidates: readonly string[]): string | undefined => {
	const plain = (text: string) => text.toLowerCase().replace(/[^a-z\d]/g, '');
	const typed = plain(word).slice(0, MAX_WORD_LENGTH);
	const ranked = candidates
		.map(candidate => {
			const known = plain(candidate);
			const isBeginning = typed.length >= 3 && (known.startsWith(typed) || typed.startsWith(known));
			return {candidate, distance: isBeginning ? 0.5 : distanceBetween(typed, known), length: known.length};
		})
		.filter(({distance, length}) => distance <= Math.max(1, Math.floor(Math.min(length, typed.length) / 3)))
		.sort((a, b) => a.distance - b.distance);
	return ranked[0]?.candidate;
};

/** Says what is known where a word is not: the one that is probably meant, or all of them. */
export const suggest = (word: string, candidates: readonly string[]): string => {
	const candidate = nearest(word, candidates);
	return candidate === undefined ? `Known are: ${candidates.join(', ')}` : `Did you mean ${candidate}?`;
};

/**
Writes short flags out, and gives `-` to the flag before it, which meow takes for a word: `-o -` is `--output=-`. Several
switches may share a dash, and a value may follow its letter. What is more like a long flag with a dash too few stays as
it is, so that it is refused with what was meant.
*/
const writeOut = (argv: readonly string[], kinds: FlagKinds, shortFlags: ShortFlags): string[] => {
	const longOf = (token: string): string[] => {
		const [, letter = '', rest = ''] = /^-([a-z])(.*)$/is.exec(token) ?? [];
		const long = shortFlags[letter];
		if (long === undefined || (rest.length > 2 && nearest(token, Object.keys(kinds)) !== undefined)) return [token];
		if (rest === '' || rest.startsWith('=')) return [`--${long}${rest}`];
		if (kinds[long] === 'value') return [`--${long}=${rest}`];
		const others = longOf(`-${rest}`);
		return others[0]?.startsWith('--') === true ? [`--${long}`, ...others] : [token];
	};

	const end = argv.includes('--') ? argv.indexOf('--') : argv.length;
	const tokens = argv.slice(0, end).flatMap(longOf);
	const joined: string[] = [];
	for (const token of tokens) {
		const last = joined.at(-1);
		const isAwaited = token === '-' && last?.startsWith('--') === true && kinds[last.slice(2)] === 'value';
		if (isAwaited) joined[joined.length - 1] = `${last}=-`;
		else joined.push(token);
	}

	return [...joined, ...argv.slice(end)];
};

/**
Refuses what meow lets pass: unknown and repeated flags, flags without their value, switches with one.

@returns The names of the flags that are there.
*/
const checkFlags = (argv: readonly string[], kinds: FlagKinds): Set<string> => {
	const seen = new Set<string>();
	const end = argv.indexOf('--');
	for (const token of end === -1 ? argv : argv.slice(0, end)) {
		if (!/^-[^\d.]/.test(token)) continue;
		const [, typed = '', value] = /^([^=]*)(?:=(.*))?$/s.exec(token) ?? [];
		const negated = typed.startsWith('--no-') ? typed.slice('--no-'.length) : undefined;
		const name = negated !== undefined && kinds[negated] === 'switch' ? negated : typed.slice(2);
		if (!typed.startsWith('--') || !Object.hasOwn(kinds, name)) {
			const known = Object.keys(kinds).map(flag => `--${flag}`);
			throw usage(`There is no flag ${escapeControls(typed)}. ${suggest(typed, known)}`);
		}

		if (seen.has(name)) {
			throw usage(`--${name} is given more than once`);
		}

		if (kinds[name] === 'switch' && value !== undefined && (name === negated || !/^(true|false)$/.test(value))) {
			throw usage(`--${name} is ${quoted(value)}. Allowed: --${name} alone, --${name}=true, --${name}=false`);
		}

		seen.add(name);
	}

	return seen;
};

/**
Takes a command line apart.

@param given - Without the program itself.
@throws {PjasError} `INVALID_CONFIGURATION`, with what is known or allowed.
*/
export const parseCommandLine = (
	program: string,
	given: readonly string[],
	kinds: FlagKinds,
	shortFlags: ShortFlags = {},
): CommandLine => {
	const argv = writeOut(given, kinds, shortFlags);
	const names = checkFlags(argv, kinds);
	const {flags: parsed, input} = meow({
		importMeta: import.meta,
		pkg: {name: program},
		argv,
		autoHelp: false,
		autoVersion: false,
		booleanDefault: undefined,
		flags: Object.fromEntries(
			Object.entries(kinds).map(([name, kind]) => [
				camelCase(name),
				kind === 'switch' ? {type: 'boolean'} : {type: 'string'},
			]),
		),
	});

	const flags: CommandLine['flags'] = new Map();
	for (const name of names) {
		const value: unknown = parsed[givenName(name)];
		if (typeof value === 'boolean' ? kinds[name] === 'value' : typeof value !== 'string' || value === '') {
			throw usage(`--${name} needs a value: --${name} VALUE`);
		}

		flags.set(name, value as string | boolean);
	}

	return {flags, words: input};
};
