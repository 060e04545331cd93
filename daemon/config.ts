import {readFileSync} from 'node:fs';
import path from 'node:path';
import {parseCommandLine, quoted, suggest} from '../source/command-line.js';
import {PjasError} from '../source/protocol/errors.js';
import {helpText} from './config-help.js';
import {
	commands,
	environmentNameOf,
	flagOf,
	isDerived,
	isRole,
	type Mode,
	placeOf,
	plainDefaultOf,
	roles,
	type Setting,
} from './config-setting.js';
import {settings, type SettingsOf, settingsFor} from './config-settings.js';

/** A mode with all its settings. */
export type Config = {[M in Mode]: {mode: M; settings: SettingsOf<M>}}[Mode];

/** What the doctor can look at. */
export type Examined = Extract<Config, {mode: 'coordinator' | 'node'}>;

/** What a command line asks for. */
export type Request =
	| {kind: 'help'; text: string}
	| {kind: 'version'}
	| {
			kind: 'run';
			config: Config;
			examined?: Examined;
			/** What a node that joins is to be started with from then on, as a configuration file has it. */
			kept?: Record<string, unknown>;
			warnings: string[];
	  };

/** Where a configuration is read from, beside the command line. */
export type Surroundings = {
	environment: Record<string, string | undefined>;
	/** The working folder. */
	folder: string;
	/** The machine's name. */
	hostname: string;
};

type Given = {value: unknown; label: string};
type Sources = {
	flags: Map<string, string | boolean>;
	words: string[];
	environment: Surroundings['environment'];
	file: Map<string, Given>;
};

const all = Object.values<Setting>(settings);
const wrong = (problem: string, cause?: unknown) => new PjasError('INVALID_CONFIGURATION', problem, {cause});

/** `PJAS_` names that other parts read, so that they are no misspelt ones. */
const foreignNames = ['PJAS_MASTER_KEY'];

const saidOf = ({isSecret}: Setting, value: unknown) => (isSecret ? 'not one that is taken' : quoted(value));

const parse = (setting: Setting, {value, label}: Given): unknown => {
	const result = setting.schema.safeParse(value);
	if (!result.success) {
		throw wrong(`${label} is ${saidOf(setting, value)}. Allowed: ${setting.allowed}`);
	}

	return result.data;
};

const readText = (file: string, isOptional: boolean): string | undefined => {
	try {
		return readFileSync(file, 'utf8');
	} catch (error) {
		const {code} = error as NodeJS.ErrnoException;
		if (isOptional && (code === 'ENOENT' || code === 'ENOTDIR')) return undefined;
		const reason = code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : String(code);
		throw wrong(`The configuration ${file} can't be read: ${reason}`, error);
	}
};

/** The keys of the configuration file, by name. */
const readFile = (file: string, isOptional: boolean): Sources['file'] => {
	const text = readText(file, isOptional);
	if (text === undefined) return new Map();

	let content: unknown;
	try {
		content = JSON.parse(text.replace(/^\uFEFF/, ''));
	} catch (error) {
		throw wrong(`The configuration ${file} is not JSON: ${quoted((error as Error).message).slice(1, -1)}`, error);
	}

	if (typeof content !== 'object' || content === null || Array.isArray(content)) {
		throw wrong(`The configuration ${file} must hold an object, such as {"port": 3000}`);
	}

	const known = all.filter(setting => !setting.isFlagOnly && setting !== settings.config).map(({name}) => name);
	const given: Sources['file'] = new Map();
	for (const [key, value] of Object.entries(content as Record<string, unknown>)) {
		if (!known.includes(key)) {
			throw wrong(`${quoted(key)} in ${file} is no setting. ${suggest(key, known)}`);
		}

		given.set(key, {value, label: `"${key}" in ${file}`});
	}

	return given;
};

const fromFlag = (setting: Setting, mode: Mode, {flags, words}: Sources): Given | undefined => {
	const place = placeOf(setting, mode);
	if (place !== undefined) {
		const value = words[place];
		return value === undefined ? undefined : {value, label: setting.placeholder ?? setting.name};
	}

	const value = flags.get(flagOf(setting));
	return value === undefined ? undefined : {value, label: `--${flagOf(setting)}`};
};

/** An empty variable counts as none, as a shell's user means it. */
const fromEnvironment = (setting: Setting, {environment}: Pick<Sources, 'environment'>): Given | undefined => {
	if (setting.isFlagOnly) return undefined;
	const name = environmentNameOf(setting);
	const value = environment[name];
	return value ? {value, label: name} : undefined;
};

const fromHost = (setting: Setting, mode: Mode, {environment}: Sources): Given | undefined => {
	const value = mode === 'coordinator' && setting.hostedName ? environment[setting.hostedName] : undefined;
	return value ? {value, label: setting.hostedName ?? ''} : undefined;
};

const kinds = Object.fromEntries([
	...all
		.filter(({position}) => position === undefined)
		.map(setting => [flagOf(setting), setting.placeholder === undefined ? 'switch' : 'value'] as const),
	['help', 'switch'] as const,
	['version', 'switch'] as const,
]);

const isCommand = (word: string | undefined): word is (typeof commands)[number] =>
	(commands as readonly (string | undefined)[]).includes(word);

const modeOf = (sources: Sources): Mode | undefined => {
	const {role} = settings;
	const given = fromFlag(role, 'node', sources) ?? fromEnvironment(role, sources) ?? sources.file.get(role.name);
	return given && (parse(role, given) as Mode);
};

const nameOf = (mode: Mode): string => (isRole(mode) ? `--role ${mode}` : mode);

/** Refuses settings that another role takes; nothing that somebody set is passed over in silence. */
const refuseForeign = (mode: Mode, sources: Sources) => {
	for (const setting of all.filter(each => !each.modes.includes(mode))) {
		// A command runs beside a coordinator and shares its surroundings; so does the console.
		const isTolerated = setting.isShared ?? !isRole(mode);
		const given =
			(setting.position === undefined ? fromFlag(setting, mode, sources) : undefined) ??
			(isTolerated ? undefined : (fromEnvironment(setting, sources) ?? sources.file.get(setting.name)));
		if (given) {
			const takers = setting.modes.map(each => nameOf(each)).join(' and ');
			const hint = `It is a setting of ${takers}; pjas-daemon ${nameOf(mode)} --help lists what this one takes`;
			throw wrong(`${given.label} does not go with ${nameOf(mode)}. ${hint}`);
		}
	}
};

const refuseWords = (mode: Mode, words: readonly string[]) => {
	const places = settingsFor(mode).filter(([, {position}]) => position !== undefined).length;
	const word = words[places];
	if (word !== undefined) {
		const hint = `pjas-daemon ${nameOf(mode)} --help lists what it takes`;
		throw wrong(`${quoted(word)} is one word too many for ${nameOf(mode)}. ${hint}`);
	}
};

/** The `PJAS_` names that nothing reads: said, not refused, since other programs may have some of their own. */
const strayNames = (environment: Surroundings['environment']): string[] => {
	const known = [...all.filter(({isFlagOnly}) => !isFlagOnly).map(each => environmentNameOf(each)), ...foreignNames];
	return Object.keys(environment)
		.filter(name => name.startsWith('PJAS_') && !known.includes(name))
		.map(name => `${name} in the environment is no setting. ${suggest(name, known)}`);
};

/** A mode's configuration, and which of it somebody told, by the names of the file. */
const resolve = (
	mode: Mode,
	sources: Sources,
	{folder, hostname}: Surroundings,
): {config: Config; told: Record<string, unknown>} => {
	const values: Record<string, unknown> = {};
	const told: Record<string, unknown> = {};
	for (const [key, setting] of settingsFor(mode)) {
		const implied = setting.implied?.(values);
		const given =
			fromFlag(setting, mode, sources) ??
			(implied === undefined ? undefined : {value: implied, label: `What the code says of ${setting.name}`}) ??
			fromEnvironment(setting, sources) ??
			fromHost(setting, mode, sources) ??
			sources.file.get(setting.name);
		const value = isDerived(setting.default) ? setting.default.from(values, hostname) : plainDefaultOf(setting, mode);
		const taken = given ?? (value === undefined ? undefined : {value, label: `The default of ${setting.name}`});
		if (taken) {
			values[key] = parse(setting, taken);
			const conflict = setting.conflict?.(values[key], values);
			if (conflict) throw wrong(`${taken.label} is ${saidOf(setting, taken.value)}. Allowed: ${conflict}`);
			if (given) told[setting.name] = given.value;
		} else if (setting.isRequired) {
			const missing = setting.position === undefined ? `--${flagOf(setting)}` : setting.placeholder;
			throw wrong(`${missing ?? setting.name} is missing: ${setting.help.toLowerCase()}. Allowed: ${setting.allowed}`);
		}

		if (setting.isPath && values[key] !== undefined) {
			values[key] = path.resolve(folder, values[key] as string);
			if (given) told[setting.name] = values[key];
		}
	}

	// The table says which settings a mode has; that all of them are there was seen to above.
	return {config: {mode, settings: values} as Config, told};
};

/** Where a node that joined keeps what it is started with. */
export const configFileIn = (storagePath: string): string => path.join(storagePath, settings.config.default);

/** A node's own folder may say how it is started, as `join` writes it: below all else that says so. */
const withFolder = (mode: Mode, sources: Sources, {folder}: Surroundings): Sources => {
	if (mode !== 'node' && mode !== 'join') return sources;
	const {storagePath} = settings;
	const value = plainDefaultOf(storagePath, mode);
	const given =
		fromFlag(storagePath, mode, sources) ??
		fromEnvironment(storagePath, sources) ??
		sources.file.get(storagePath.name) ??
		(value === undefined ? undefined : {value, label: ''});
	if (!given) return sources;
	const file = configFileIn(path.resolve(folder, parse(storagePath, given) as string));
	return {...sources, file: new Map([...readFile(file, true), ...sources.file])};
};

/** The settings of a node among those that were told. Its folder is said when it is started. */
const keptOf = (told: Record<string, unknown>): Record<string, unknown> => {
	const names = Object.values<Setting>(settings)
		.filter(({modes}) => modes.includes('node') && modes.includes('join'))
		.map(({name}) => name);
	const isKept = (name: string) => names.includes(name) && name !== 'storage_path' && name !== 'config';
	return {role: 'node', ...Object.fromEntries(Object.entries(told).filter(([name]) => isKept(name)))};
};

/** What the doctor looks at: a role, with all the settings that it runs with. */
const examinedIn = (sources: Sources, surroundings: Surroundings): Examined => {
	const mode = modeOf(sources);
	if (mode !== 'coordinator' && mode !== 'node') {
		throw wrong('doctor looks at a coordinator or a node: say --role coordinator or --role node, and its settings');
	}

	const flags = new Map(sources.flags);
	flags.delete(flagOf(settings.json));
	const ofRole = {...sources, flags};
	refuseForeign(mode, ofRole);
	refuseWords(mode, sources.words);
	return resolve(mode, withFolder(mode, ofRole, surroundings), surroundings).config as Examined;
};

/**
Makes the configuration out of flags, environment, file and defaults.

@param argv - Without the program itself.
@throws {PjasError} `INVALID_CONFIGURATION`: which setting, what was given, what is allowed.
*/
export const loadConfig = (argv: readonly string[], surroundings: Surroundings): Request => {
	const {environment, folder} = surroundings;
	const {flags, words} = parseCommandLine('pjas-daemon', argv, kinds);
	// The doctor is told a role as well. A folder of that name stands behind the role, or is written ./doctor.
	const isDoctor = argv[0] === 'doctor';
	const command = (isDoctor || !flags.has('role')) && isCommand(words[0]) ? words[0] : undefined;
	if (flags.get('version') === true) return {kind: 'version'};
	if (flags.get('help') === true) {
		const mode = command ?? modeOf({flags, words, environment: {}, file: new Map()});
		return {kind: 'help', text: helpText(mode)};
	}

	const {config} = settings;
	const named =
		fromFlag(config, 'node', {flags, words, environment, file: new Map()}) ?? fromEnvironment(config, {environment});
	const file = path.resolve(folder, parse(config, named ?? {value: config.default, label: ''}) as string);
	const sources: Sources = {
		flags,
		words: command ? words.slice(1) : words,
		environment,
		file: readFile(file, named === undefined),
	};

	const mode = command ?? modeOf(sources);
	if (!mode) {
		const problem = words[0] === undefined ? '--role is missing' : `${quoted(words[0])} is no command`;
		throw wrong(`${problem}. Say --role ${roles.join('|')}, or one of ${commands.join(', ')}`);
	}

	const warnings = strayNames(environment);
	if (mode === 'doctor') {
		const examined = examinedIn(sources, surroundings);
		return {kind: 'run', config: resolve(mode, sources, surroundings).config, examined, warnings};
	}

	const found = withFolder(mode, sources, surroundings);
	refuseForeign(mode, found);
	refuseWords(mode, found.words);
	const {config: made, told} = resolve(mode, found, surroundings);
	return {kind: 'run', config: made, warnings, ...(mode === 'join' && {kept: keptOf(told)})};
};
