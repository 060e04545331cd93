import {readFile} from 'node:fs/promises';
import path from 'node:path';
import {openVault, type Vault} from '../client/vault.js';
import {quoted} from '../command-line.js';
import {PjasError} from '../protocol/errors.js';
import {SHORTEST_PASSPHRASE} from '../protocol/keyring-limit.js';
import {type CommandContext, valueOf} from './context.js';
import {CommandError} from './failures.js';

/** The first line of the file that a flag names. */
const fromFile = async (context: CommandContext, flag: string): Promise<string | undefined> => {
	const file = valueOf(context, flag);
	if (file === undefined) return undefined;
	try {
		const [line = ''] = (await readFile(path.resolve(context.folder, file), 'utf8')).split(/\r?\n/);
		if (line !== '') return line;
	} catch (error) {
		throw new PjasError('INVALID_CONFIGURATION', `--${flag}: ${quoted(file)} can't be read`, {cause: error});
	}

	throw new PjasError('INVALID_CONFIGURATION', `--${flag}: the first line of ${quoted(file)} is empty`);
};

/** The passphrase that was given without a question: by a file, or by the environment. */
const givenPassphrase = async (context: CommandContext): Promise<string | undefined> => {
	const {PJAS_PASSPHRASE: variable = ''} = context.environment;
	return (await fromFile(context, 'passphrase-file')) ?? (variable === '' ? undefined : variable);
};

const checkNew = (passphrase: string): string => {
	if (Array.from(passphrase).length >= SHORTEST_PASSPHRASE) return passphrase;
	throw new PjasError('INVALID_CONFIGURATION', `A passphrase has at least ${SHORTEST_PASSPHRASE} characters`);
};

const needsTerminal = (what: string) => new PjasError('PASSPHRASE_NEEDED', `There is no terminal to ask on. ${what}`);

const givePassphrase = 'Give the passphrase in PJAS_PASSPHRASE, or a file with it: --passphrase-file PATH';

const askTwice = async (ask: (question: string) => Promise<string>, question: string): Promise<string> => {
	const passphrase = checkNew(await ask(question));
	if ((await ask('The same once more: ')) === passphrase) return passphrase;
	throw new CommandError('PASSPHRASES_DIFFER', 'These are two passphrases. Start again');
};

/** A passphrase to come: the file's that a flag names, or asked for twice. */
export const newPassphrase = async (context: CommandContext): Promise<string> => {
	const given = await fromFile(context, 'new-passphrase-file');
	if (given !== undefined) return checkNew(given);
	if (!context.askSecret) throw needsTerminal('Say --new-passphrase-file PATH');
	return askTwice(context.askSecret, 'New passphrase: ');
};

/** Asks for a passphrase of something that is there. */
export const askPassphrase = async (context: CommandContext, question = 'Passphrase: '): Promise<string> => {
	if (!context.askSecret) throw needsTerminal(givePassphrase);
	return context.askSecret(question);
};

const askForNew = async ({askSecret, stderr}: CommandContext): Promise<string> => {
	if (!askSecret) throw needsTerminal(givePassphrase);
	await stderr.write(
		'This makes your keyring. Its passphrase opens what you seal, on every machine. Nobody can set another one.\n',
	);
	return askTwice(askSecret, 'New passphrase: ');
};

export type Vaults = {
	/** The passphrase, where it was given without a question. */
	passphrase: () => Promise<string | undefined>;
	/** The keyring, where there is one and its passphrase was given without a question. */
	given: () => Promise<Vault | undefined>;
	/** The keyring, where there is one; asks where it must. */
	existing: (question?: string) => Promise<Vault | undefined>;
	/** The keyring; asks where it must, and makes one where there is none. */
	needed: () => Promise<Vault>;
};

/** Opens the keyring for one command, once. */
export const createVaults = (context: CommandContext): Vaults => {
	const {api, randomBytes, clock} = context;
	let vault: Promise<Vault> | undefined;
	const open = async (passphrase: (isNew: boolean) => Promise<string>) =>
		(vault ??= openVault({api, passphrase, random: randomBytes, now: clock.now}));
	const isThere = async () => (await api.keyring()).blob !== null;

	return {
		passphrase: async () => givenPassphrase(context),
		async given() {
			if (vault) return vault;
			const passphrase = await givenPassphrase(context);
			if (passphrase === undefined || !(await isThere())) return undefined;
			return open(async () => Promise.resolve(passphrase));
		},
		async existing(question) {
			if (vault) return vault;
			if (!(await isThere())) return undefined;
			const passphrase = (await givenPassphrase(context)) ?? (await askPassphrase(context, question));
			return open(async () => Promise.resolve(passphrase));
		},
		async needed() {
			return open(async isNew => {
				const passphrase = await givenPassphrase(context);
				if (!isNew) return passphrase ?? askPassphrase(context);
				return passphrase === undefined ? askForNew(context) : checkNew(passphrase);
			});
		},
	};
};
