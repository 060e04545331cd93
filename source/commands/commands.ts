import {themeNames} from '../console/theme.js';
import {roles, scopes, visibilities} from '../protocol/people.js';

/** What pjas-tui can do, as data: its help, its command line, its completion and the README's table are made of this. */

export type Flag = {
	name: string;
	short?: string;
	/** What stands for its value in the help. A flag without one is a switch. */
	placeholder?: string;
	/** All the values that it can have. */
	values?: readonly string[];
	/** Whether its value is a path on this machine. */
	isPath?: boolean;
	/** Whether the line that says how the command is written leaves it out. */
	isRare?: boolean;
	help: string;
};

/** What completes a word: paths on this machine, files in the network, nothing, or one of these words, which comes first. */
export type Completes = 'paths' | 'stored' | 'nothing' | readonly string[];

export type Argument = {placeholder: string; isMany?: boolean; isOptional?: boolean; completes: Completes};

export type Command = {
	about: string;
	argument?: Argument;
	flags: readonly Flag[];
	/** Lines that the help has below the flags. */
	notes?: readonly string[];
	examples: readonly string[];
	/** Whether it asks the coordinator, and so takes the flags that say how. */
	isRemote: boolean;
	/** Whether it changes what the network keeps, which `--read-only` refuses. */
	isChange?: boolean;
};

export const logLevels = ['INFO', 'WARN', 'ERROR'] as const;
export const userActions = ['list', 'set', 'reset'] as const;
export const nodeActions = [
	...(['list', 'drain', 'cancel-drain', 'leave', 'maintenance', 'safe-to-stop', 'limits'] as const),
	...(['audit', 'ban', 'unban'] as const),
] as const;
export const inviteActions = ['list', 'revoke', 'node', 'nodes'] as const;
export const linkActions = ['list', 'create', 'revoke'] as const;
export const trashActions = ['list', 'restore', 'purge', 'empty'] as const;
export const alertActions = ['list', 'test'] as const;
export const tokenActions = ['list', 'create', 'revoke'] as const;
export const keyringActions = ['status', 'change-passphrase', 'export', 'import'] as const;
export const shells = ['bash', 'zsh', 'fish'] as const;

export const helpFlag: Flag = {name: 'help', short: 'h', help: 'Say this, and no more'};
export const versionFlag: Flag = {name: 'version', help: 'Say the version, and no more'};

/** What every command takes that asks the coordinator; the console does too. */
export const remoteFlags: readonly Flag[] = [
	{name: 'coordinator', placeholder: 'URL', help: 'Where the coordinator is'},
	{name: 'read-only', help: 'Refuse whatever changes the network'},
];

export const jsonFlag: Flag = {name: 'json', help: 'Print JSON, for programs'};

export const consoleFlags: readonly Flag[] = [
	{
		name: 'node',
		placeholder: 'PATH|URL',
		isPath: true,
		help: "The console of your own node, by its folder, its socket, or a forwarded socket's URL",
	},
	{name: 'screen-reader', help: 'Only append lines, and announce what is selected'},
	{name: 'theme', placeholder: 'NAME', values: themeNames, help: 'The colours and characters of the console'},
];

const yesFlag: Flag = {name: 'yes', short: 'y', help: "Don't ask. Needed where there is no terminal to ask on"};
const quietFlag: Flag = {name: 'quiet', short: 'q', help: 'Show no progress'};

const passphraseFlag: Flag = {
	name: 'passphrase-file',
	placeholder: 'PATH',
	isPath: true,
	isRare: true,
	help: 'A file whose first line is the passphrase of the keyring',
};
const passphraseNote =
	'The passphrase of the keyring is that of --passphrase-file, or else of PJAS_PASSPHRASE; or it is asked for on the terminal.';

const storedFile: Argument = {placeholder: 'FILE', completes: 'stored'};
const fileNote = 'FILE is an id, the beginning of one (at least 4 digits), or a name, where only one file has it.';

export const commands = {
	upload: {
		about: 'Store files, and whole folders',
		argument: {placeholder: 'FILE', isMany: true, completes: 'paths'},
		flags: [
			{name: 'name', placeholder: 'NAME', help: 'What the one file is to be called; needed for -'},
			{name: 'all', help: 'Of a folder, send also what is stored already as it is'},
			{name: 'e2e', help: 'Seal content and name end to end: only who has your passphrase reads them'},
			passphraseFlag,
			quietFlag,
		],
		notes: [
			'- stands for standard input. A folder stands for all files in it, each called by its path from there.',
			'Prints the id and the name of each file once the network keeps it. --json prints an object a line.',
			'What breaks off goes on with the same command. Of a folder only what changed is sent: by name, size and sum.',
			passphraseNote,
			'Whoever loses it loses what is sealed: nobody can set another one.',
		],
		examples: [
			'pjas-tui upload report.pdf photos/',
			'tar c photos | pjas-tui upload - --name photos.tar',
			'pjas-tui upload --e2e diary.txt',
		],
		isRemote: true,
		isChange: true,
	},
	download: {
		about: 'Fetch a file',
		argument: storedFile,
		flags: [
			{
				name: 'output',
				short: 'o',
				placeholder: 'PATH',
				isPath: true,
				help: 'Where to: a file, a folder, or - for standard output. Else its own name, in this folder',
			},
			{name: 'force', help: 'Overwrite what is there'},
			passphraseFlag,
			quietFlag,
		],
		notes: [
			fileNote,
			'A download that broke goes on where it stopped when it is started again.',
			'FILE may also be a link (…/s/…). Its password is that of PJAS_LINK_PASSWORD, or is asked for.',
			'What is sealed end to end is opened on the way.',
			passphraseNote,
		],
		examples: ['pjas-tui download report.pdf', 'pjas-tui download 019b3c5a7f20 -o - | tar x'],
		isRemote: true,
	},
	files: {
		about: 'List the files, the newest first',
		flags: [
			{name: 'search', placeholder: 'TEXT', help: 'Only names that contain this, whatever its case'},
			{name: 'open', help: 'Ask for the passphrase, and list what is sealed end to end by its names'},
			passphraseFlag,
		],
		notes: ['Names that are sealed are also shown where --passphrase-file or PJAS_PASSPHRASE gives the passphrase.'],
		examples: ['pjas-tui files --search .pdf', 'pjas-tui files --json'],
		isRemote: true,
	},
	nodes: {
		about: 'List the nodes; let one be away, leave, have limits or prove what it holds',
		argument: {placeholder: 'ACTION NODE', isMany: true, isOptional: true, completes: nodeActions},
		flags: [
			{name: 'leave', isRare: true, help: 'drain: forget the node once it is empty'},
			{name: 'for', placeholder: 'TIME', isRare: true, help: 'maintenance: how long, as 2h. Default: 1h'},
			{name: 'end', isRare: true, help: 'maintenance: it is over, or does not take place'},
			{name: 'space', placeholder: 'SIZE', isRare: true, help: 'limits: what its folder may take, as 200GB'},
			{name: 'up', placeholder: 'RATE', isRare: true, help: 'limits: what it sends in a second, as 2MB; 0 is any'},
			{name: 'down', placeholder: 'RATE', isRare: true, help: 'limits: what it takes in in a second; 0 is any'},
			{name: 'schedule', placeholder: 'TEXT', isRare: true, help: 'limits: "sat,sun up=5MB", or none'},
			{name: 'monthly-cap', placeholder: 'SIZE', isRare: true, help: 'limits: what its line carries in a month'},
			{name: 'hours', placeholder: 'TEXT', isRare: true, help: 'limits: "mon-fri 18:00-23:00", or always'},
			{name: 'take-back', isRare: true, help: 'limits: what was asked for is not wanted any more'},
		],
		notes: [
			`ACTION is one of ${nodeActions.join(', ')}.`,
			'NODE is an id, or a name where only one node has it.',
			'drain moves its shards elsewhere; leave forgets it then: to come back it needs a new join code. In its maintenance a node may be away: nothing is repaired for it.',
			'safe-to-stop ends with 0 where each of its chunks has enough copies elsewhere, else with 1, and lists those at risk.',
			'limits tells what a node may take, and asks for other limits: it takes them over where its member allows it (pjas-daemon set remote-limits on, on its machine).',
			'audit has it prove that it holds a shard chosen by chance: exit code 0 where it does. Who fails is suspended.',
			'ban keeps a node out: its copies do not count.',
		],
		examples: [
			'pjas-tui nodes',
			'pjas-tui nodes drain attic',
			'pjas-tui nodes maintenance attic --for 2h',
			'pjas-tui nodes limits attic --up 2MB --hours "mon-fri 18:00-23:00"',
			'pjas-tui nodes safe-to-stop attic && ssh attic sudo poweroff',
		],
		isRemote: true,
	},
	stats: {
		about: 'Show the figures of the network',
		flags: [],
		examples: ['pjas-tui stats --json'],
		isRemote: true,
	},
	logs: {
		about: 'Show the newest entries of the activity log, the oldest of them first',
		flags: [
			{name: 'follow', short: 'f', help: 'Go on with what comes, until it is stopped'},
			{name: 'level', placeholder: 'LEVEL', values: logLevels, help: 'Only entries of this level'},
			{name: 'limit', placeholder: 'COUNT', help: 'How many entries, at most 10000. Default: 50'},
		],
		notes: ['With --follow, --json prints an object a line, and a lost connection is made again.'],
		examples: ['pjas-tui logs -f', 'pjas-tui logs --level ERROR --limit 500'],
		isRemote: true,
	},
	check: {
		about: 'Have every node re-hash what it keeps of a file',
		argument: storedFile,
		flags: [quietFlag],
		notes: [
			fileNote,
			'The exit code is 1 where a shard is missing or wrong or its node does not answer.',
			'--json prints an object a line: one a chunk, and one with the sums.',
		],
		examples: ['pjas-tui check report.pdf'],
		isRemote: true,
	},
	repair: {
		about: 'Show what is being repaired; pause it, go on with it, or repair a file now',
		argument: {placeholder: 'status|pause|resume|FILE', isOptional: true, completes: 'stored'},
		flags: [],
		notes: ['A FILE is repaired at once: it does not wait for nodes that may come back.', fileNote],
		examples: ['pjas-tui repair', 'pjas-tui repair pause', 'pjas-tui repair report.pdf'],
		isRemote: true,
	},
	alerts: {
		about: 'List what an operator must know now, or send the webhooks a test',
		argument: {placeholder: alertActions.join('|'), isOptional: true, completes: alertActions},
		flags: [],
		notes: ['test ends with 1 where a webhook does not take it, and says why.'],
		examples: ['pjas-tui alerts', 'pjas-tui alerts --json', 'pjas-tui alerts test'],
		isRemote: true,
	},
	rm: {
		about: 'Delete files',
		argument: {...storedFile, isMany: true},
		flags: [yesFlag, {name: 'forever', help: 'Past the trash: nobody can bring them back'}],
		notes: [
			'What is deleted is in the trash for some days, from which trash restore brings it back.',
			fileNote,
			'--json prints an object a line.',
		],
		examples: ['pjas-tui rm report.pdf', 'pjas-tui rm --yes 019b3c5a7f20'],
		isRemote: true,
		isChange: true,
	},
	trash: {
		about: 'List what was deleted, bring it back, or delete it for good',
		argument: {placeholder: 'restore|purge FILE…|empty', isMany: true, isOptional: true, completes: trashActions},
		flags: [yesFlag, passphraseFlag],
		notes: [
			'Each file can be brought back until the time that the list says. It counts in its owner’s quota until then.',
			'FILE is an id, the beginning of one (at least 4 digits), or a name, where only one file in the trash has it.',
			'empty deletes all of your own files in the trash for good. --json prints an object a line for each FILE.',
		],
		examples: ['pjas-tui trash', 'pjas-tui trash restore report.pdf', 'pjas-tui trash empty --yes'],
		isRemote: true,
	},
	share: {
		about: 'Say who may read a file',
		argument: storedFile,
		flags: [
			{name: 'with', placeholder: 'NAMES', help: 'Accounts that may read it, with commas between; - is nobody'},
			{
				name: 'visibility',
				placeholder: 'WHO',
				values: visibilities,
				help: 'Who else may: nobody, whoever is signed in, or everybody',
			},
		],
		notes: [fileNote],
		examples: ['pjas-tui share report.pdf --with ann,bob', 'pjas-tui share report.pdf --visibility public'],
		isRemote: true,
		isChange: true,
	},
	links: {
		about: 'List your links to files, make one for anybody, or take one back',
		argument: {placeholder: 'create FILE|revoke ID', isMany: true, isOptional: true, completes: linkActions},
		flags: [
			{
				name: 'expires',
				placeholder: 'TIME',
				isRare: true,
				help: 'create: how long it is good, as 12h or 30d. Default: 7d',
			},
			{
				name: 'downloads',
				placeholder: 'COUNT',
				isRare: true,
				help: 'create: for how many downloads. Default: any number',
			},
			{name: 'password', isRare: true, help: 'create: ask for a password that whoever follows it must know'},
			passphraseFlag,
		],
		notes: [
			'create prints the link, once. Whoever has it gets the file; PJAS_PASSWORD gives its password to scripts.',
			'The link to a file that is sealed end to end has its key behind the #, which the coordinator never sees.',
			'Without a browser: curl -OJ URL/api/shared/SECRET/download, with the password in the header X-PJAS-Link-Password.',
		],
		examples: ['pjas-tui links create report.pdf --expires 30d --downloads 5', 'pjas-tui links revoke 0123456789ab'],
		isRemote: true,
	},
	login: {
		about: 'Sign in, and stay so on this machine',
		argument: {placeholder: 'URL', isOptional: true, completes: 'nothing'},
		flags: [
			{name: 'name', placeholder: 'NAME', help: 'The account; else it is asked for'},
			{name: 'token', placeholder: 'TOKEN', help: 'Keep this API token instead; - reads it from standard input'},
		],
		notes: [
			'Asks for the password on the terminal; PJAS_PASSWORD gives it to scripts. What is kept is a token for this machine alone, readable by you only.',
		],
		examples: ['pjas-tui login https://pjas.example.org', 'pjas-tui login --token - < token'],
		isRemote: true,
	},
	logout: {
		about: 'End the token of this machine, and forget it',
		flags: [],
		examples: ['pjas-tui logout'],
		isRemote: true,
	},
	whoami: {
		about: 'Say who is signed in, and what that account may do',
		flags: [],
		examples: ['pjas-tui whoami --json'],
		isRemote: true,
	},
	accept: {
		about: 'Take an invitation, or set a new password by a link',
		argument: {placeholder: 'LINK', completes: 'nothing'},
		flags: [{name: 'name', placeholder: 'NAME', help: 'What to be called, where the link leaves that open'}],
		notes: [
			'LINK is URL/welcome#pjas-invite_…, in quotes. Asks for the password twice; PJAS_PASSWORD gives it to scripts. Signs in.',
		],
		examples: ["pjas-tui accept 'https://pjas.example.org/welcome#pjas-invite_…'"],
		isRemote: true,
		isChange: true,
	},
	users: {
		about: 'List the accounts, change one, or let somebody set a new password',
		argument: {placeholder: 'set|reset NAME', isMany: true, isOptional: true, completes: userActions},
		flags: [
			{name: 'role', placeholder: 'ROLE', values: roles, isRare: true, help: 'set: what it may do'},
			{name: 'quota', placeholder: 'SIZE', isRare: true, help: 'set: how much it may keep, as 10GB; none for no limit'},
			{name: 'disable', isRare: true, help: 'set: it may not sign in any more'},
			{name: 'enable', isRare: true, help: 'set: it may again'},
		],
		notes: ['reset prints a link, once: with it the account gets a new password.'],
		examples: ['pjas-tui users', 'pjas-tui users set ann --role operator --quota 10GB', 'pjas-tui users reset ann'],
		isRemote: true,
	},
	invite: {
		about: 'Invite a person or a node, list what is open, or take one back',
		argument: {placeholder: 'list|node|nodes|revoke ID', isMany: true, isOptional: true, completes: inviteActions},
		flags: [
			{name: 'role', placeholder: 'ROLE', values: roles, help: 'What the account may do. Default: member'},
			{name: 'name', placeholder: 'NAME', isRare: true, help: 'What the account is called; else the person chooses'},
			{name: 'quota', placeholder: 'SIZE', isRare: true, help: 'How much it may keep, as 10GB. Default: no limit'},
			{name: 'expires', placeholder: 'TIME', isRare: true, help: 'How long it stays open, as 12h or 30d. Default: 7d'},
			{name: 'owner', placeholder: 'NAME', isRare: true, help: 'node: whose node it is. Default: yours'},
			{name: 'zone', placeholder: 'TEXT', isRare: true, help: 'node: the house or line that it shares with others'},
			{name: 'uses', placeholder: 'COUNT', isRare: true, help: 'node: how many nodes may join with it. Default: 1'},
		],
		notes: [
			'Prints the link, once. Who has it first has the account.',
			'node prints a code, once, with which a node joins: pjas-daemon join CODE. nodes lists those that are open.',
		],
		examples: [
			'pjas-tui invite --name ann --quota 10GB',
			'pjas-tui invite node --owner ann --zone "ann, Main Street 1"',
			'pjas-tui invite revoke 0123456789ab',
		],
		isRemote: true,
	},
	tokens: {
		about: 'List your API tokens, create one for a program, or end one',
		argument: {placeholder: 'create NAME|revoke ID', isMany: true, isOptional: true, completes: tokenActions},
		flags: [
			{
				name: 'scope',
				placeholder: 'SCOPE',
				values: scopes,
				isRare: true,
				help: 'create: what it may do. Default: full',
			},
			{
				name: 'expires',
				placeholder: 'TIME',
				isRare: true,
				help: 'create: how long it works, as 30d. Default: for ever',
			},
			{name: 'of', placeholder: 'NAME', isRare: true, help: 'Those of another account, for admins'},
		],
		notes: ['create prints the token, once. Programs send it as "Authorization: Bearer TOKEN".'],
		examples: ['pjas-tui tokens create backup --scope upload --expires 30d', 'pjas-tui tokens revoke 0123456789ab'],
		isRemote: true,
	},
	keyring: {
		about: 'Look after the keys of what you sealed end to end',
		argument: {placeholder: 'ACTION', completes: keyringActions},
		flags: [
			{
				name: 'file',
				short: 'f',
				placeholder: 'PATH',
				isPath: true,
				help: 'Where export writes to, and import reads from; - is standard output or input',
			},
			passphraseFlag,
			{
				name: 'new-passphrase-file',
				placeholder: 'PATH',
				isPath: true,
				isRare: true,
				help: 'A file whose first line is the new passphrase',
			},
		],
		notes: [
			`ACTION is one of ${keyringActions.join(', ')}.`,
			passphraseNote,
			'The coordinator keeps the keyring and cannot open it. export writes it to a file, which opens with the passphrase that it has now: keep it where the coordinator is not. import adds the keys of such a file.',
		],
		examples: ['pjas-tui keyring export -f keyring.json', 'pjas-tui keyring change-passphrase'],
		isRemote: true,
	},
	completion: {
		about: 'Print a script that completes what is typed in a shell',
		argument: {placeholder: shells.join('|'), completes: shells},
		flags: [],
		notes: ['fish: pjas-tui completion fish > ~/.config/fish/completions/pjas-tui.fish'],
		examples: ['source <(pjas-tui completion bash)', 'source <(pjas-tui completion zsh)'],
		isRemote: false,
	},
} as const satisfies Record<string, Command>;

export type CommandName = keyof typeof commands;

export const commandNames = Object.keys(commands) as CommandName[];

export const isCommandName = (word: string | undefined): word is CommandName =>
	word !== undefined && Object.hasOwn(commands, word);

/** What completion asks for; not for people, so the help is silent about it. */
export const HIDDEN_COMMAND = '__complete';

/** Every flag that a command takes. */
export const flagsOf = (name: CommandName): readonly Flag[] => {
	const {flags, isRemote}: Command = commands[name];
	return [...flags, ...(isRemote ? [jsonFlag, ...remoteFlags] : []), helpFlag];
};

/** Every flag that stands without a command. */
export const flagsAlone: readonly Flag[] = [...remoteFlags, ...consoleFlags, helpFlag, versionFlag];

/** How a command is written: `download FILE [-o PATH]`. */
export const usageOf = (name: CommandName): string => {
	const {argument, flags}: Command = commands[name];
	const isManyFiles = argument?.isMany === true && typeof argument.completes === 'string';
	const word = argument && `${argument.placeholder}${isManyFiles ? '…' : ''}`;
	const words = word === undefined ? [] : [argument?.isOptional === true ? `[${word}]` : word];
	const usual = flags.filter(({isRare}) => isRare !== true);
	const written = usual.map(({name: flag, short, placeholder}) => {
		const dashed = short === undefined ? `--${flag}` : `-${short}`;
		return `[${dashed}${placeholder === undefined ? '' : ` ${placeholder}`}]`;
	});
	return [name, ...words, ...written].join(' ');
};
