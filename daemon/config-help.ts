import {
	commands,
	environmentNameOf,
	flagOf,
	isDerived,
	isRole,
	type Mode,
	plainDefaultOf,
	roles,
	type Setting,
} from './config-setting.js';
import {settings, settingsFor} from './config-settings.js';

const WIDTH = 80;
const INDENT = 25;

const about: Record<Mode, string> = {
	coordinator: 'takes files from people, keeps them on nodes and gives them back',
	node: "keeps shards on this machine's disk for a coordinator",
	local: 'a whole network in one process: a coordinator and its nodes',
	join: 'joins a network with a code: looks at this machine, keeps what it is told, and starts',
	backup: 'copies the catalogue, also of a coordinator that is running',
	'rotate-keys': 'gives the network a new key; nodes learn it by themselves',
	restore: 'brings a copy of the catalogue back into a data folder',
	doctor: 'looks for what can be wrong with a coordinator or node, and says what to do',
	status: 'says how the node is that runs on this machine',
	pause: 'has it take no new shards, and be read only where no other can be',
	resume: 'has it take part again',
	leave: 'has it leave the network: its shards are moved elsewhere first',
	set: 'changes its limits while it runs; they hold until something else is set or configured',
	audit: 'reads the whole audit log, and says where it is not as it was written',
};

const configurationNote = `A setting may also stand in the environment (--min-replicas: PJAS_MIN_REPLICAS)
or in pjas_config.json (as min_replicas). A flag goes before the environment,
that before the file, and that before the default. Sizes count in 1024s: 1 GB is
1024³ bytes.`;

/** Text in lines that fit beside a column, or below it where what stands in it is too wide. */
const row = (left: string, right: string): string => {
	const lines: string[] = [];
	let line = '';
	for (const word of right.split(' ')) {
		if (line && line.length + word.length + 1 > WIDTH - INDENT) {
			lines.push(line);
			line = word;
		} else {
			line = line ? `${line} ${word}` : word;
		}
	}

	lines.push(line);
	const gap = `\n${' '.repeat(INDENT)}`;
	const head = `  ${left}`;
	return (head.length + 2 > INDENT ? head + gap : head.padEnd(INDENT)) + lines.join(gap);
};

/** How a setting is written on the command line. */
const writtenAs = (setting: Setting): string => {
	const placeholder = setting.placeholder ?? '';
	return setting.position === undefined ? `--${flagOf(setting)} ${placeholder}`.trim() : placeholder;
};

/** What to say of a setting's default in a mode, if it has one worth saying. */
export const defaultTextOf = (setting: Setting, mode: Mode): string | undefined => {
	if (isDerived(setting.default)) return setting.default.text;
	const value = plainDefaultOf(setting, mode);
	return value === undefined || value === false ? undefined : String(value);
};

const settingRow = (setting: Setting, mode: Mode): string => {
	const text = defaultTextOf(setting, mode);
	const isUsual = setting.isFlagOnly ?? (setting.position === undefined && setting.short === undefined);
	const names = isUsual ? '' : ` (${environmentNameOf(setting)}, ${setting.name})`;
	return row(writtenAs(setting), `${setting.help}${text === undefined ? '' : `. Default: ${text}`}${names}`);
};

const wordsOf = (mode: Mode): string =>
	settingsFor(mode)
		.filter(([, {position, isRequired}]) => position !== undefined || (isRequired && !isRole(mode)))
		.map(([, setting]) => ` ${writtenAs(setting)}`)
		.join('');

const usageOf = (mode: Mode): string => `pjas-daemon ${isRole(mode) ? `--role ${mode}` : mode}${wordsOf(mode)}`;

const always = [row('--help', 'Say this, and no more'), row('--version', 'Say the version, and no more')];

/** What `--help` says, of all or of one role or command. */
export const helpText = (mode?: Mode): string => {
	if (mode) {
		const rows = settingsFor(mode).filter(([, setting]) => setting !== settings.role);
		return [
			`${usageOf(mode)} [settings]`,
			'',
			`  ${about[mode]}`,
			'',
			...rows.map(([, setting]) => settingRow(setting, mode)),
			...always,
			'',
			configurationNote,
			...(mode === 'doctor'
				? ['It takes all words and settings of the role too: say them as the daemon is started.']
				: []),
			...(mode === 'coordinator' ? ['PORT is obeyed as well, below PJAS_PORT, as hosting services set it.'] : []),
			'',
		].join('\n');
	}

	const list = (of: readonly Mode[]) => of.flatMap(each => [`  ${usageOf(each)}`, `      ${about[each]}`]);
	return [
		'The daemon of PJAS, a storage network that a community runs on its own machines',
		'',
		'Roles, which go on until they are stopped:',
		...list(roles),
		'',
		'Commands, which end:',
		...list(commands),
		'',
		'pjas-daemon --role ROLE --help and pjas-daemon COMMAND --help list the settings.',
		configurationNote,
		'',
	].join('\n');
};
