import {readFile, writeFile} from 'node:fs/promises';
import path from 'node:path';
import {buffer} from 'node:stream/consumers';
import {quoted} from '../command-line.js';
import {formatSize} from '../format.js';
import {isPjasError, PjasError} from '../protocol/errors.js';
import {MOST_KEYRING_LENGTH} from '../protocol/keyring-limit.js';
import {type Keyring, unlockKeyring} from '../protocol/keyring.js';
import type {keyringActions} from './commands.js';
import {type CommandContext, isOn, jsonLine, type RunCommand, valueOf} from './context.js';
import {CommandError, exitCodes} from './failures.js';
import {askPassphrase, createVaults, newPassphrase, type Vaults} from './passphrase.js';

type Action = (context: CommandContext, vaults: Vaults) => Promise<void>;

const say = async (context: CommandContext, result: Record<string, unknown>, text: string) =>
	context.stdout.write(isOn(context, 'json') ? jsonLine(result) : `${text}\n`);

const noKeyring = () =>
	new CommandError('NO_KEYRING', 'You have no keyring yet. The first upload with --e2e makes it, or keyring import');

const refuseReadOnly = (context: CommandContext) => {
	if (!isOn(context, 'read-only')) return;
	throw new PjasError('INVALID_CONFIGURATION', 'That changes the network, and --read-only refuses it');
};

const fileOf = (context: CommandContext): string => {
	const file = valueOf(context, 'file');
	if (file !== undefined) return file;
	throw new PjasError('INVALID_CONFIGURATION', 'Say which file: -f PATH, or -f - for standard output or input');
};

const status: Action = async (context, vaults) => {
	const {blob, revision} = await context.api.keyring();
	const vault = await vaults.given();
	const keys = vault ? {keys: vault.count()} : {};
	const counted = vault ? `, ${vault.count()} keys` : '';
	const text =
		blob === null
			? 'You have no keyring yet: the first upload with --e2e makes it'
			: `Keyring: changed ${revision} times, ${formatSize(blob.length)}${counted}`;
	await say(context, {exists: blob !== null, revision, size: blob?.length ?? 0, ...keys}, text);
};

const changePassphrase: Action = async (context, vaults) => {
	refuseReadOnly(context);
	const vault = await vaults.existing();
	if (!vault) throw noKeyring();
	await vault.changePassphrase(await newPassphrase(context));
	await say(
		context,
		{changed: true},
		'The keyring has a new passphrase. A file that was exported before keeps its own',
	);
};

const exportKeyring: Action = async context => {
	const file = fileOf(context);
	const {blob} = await context.api.keyring();
	if (blob === null) throw noKeyring();
	if (file === '-') {
		await context.stdout.write(`${blob}\n`);
		return;
	}

	try {
		await writeFile(path.resolve(context.folder, file), `${blob}\n`, {flag: 'wx', mode: 0o600, flush: true});
	} catch (error) {
		const isThere = (error as NodeJS.ErrnoException).code === 'EEXIST';
		const problem = isThere ? 'is there already. Say another path' : "can't be written";
		throw new CommandError(isThere ? 'TARGET_EXISTS' : 'DISK_FAILED', `${quoted(file)} ${problem}`);
	}

	await say(context, {path: file}, `Written to ${quoted(file)}. It opens with the passphrase that the keyring has now`);
};

const readRecovery = async (context: CommandContext, file: string): Promise<string> => {
	try {
		const bytes = file === '-' ? await buffer(context.stdin) : await readFile(path.resolve(context.folder, file));
		if (bytes.length <= MOST_KEYRING_LENGTH + 1) return bytes.toString('utf8').trim();
	} catch (error) {
		throw new CommandError(
			'FILE_MISSING',
			`${quoted(file)} can't be read (${(error as NodeJS.ErrnoException).code ?? ''})`,
		);
	}

	throw new CommandError('KEYRING_CORRUPT', `${quoted(file)} is no keyring: it is too large`);
};

/** Opens the file with the passphrase of the keyring, or with its own where it has another one. */
const unlockRecovery = async (context: CommandContext, blob: string, given: string | undefined): Promise<Keyring> => {
	if (given !== undefined) {
		try {
			return await unlockKeyring(blob, given);
		} catch (error) {
			if (!isPjasError(error, 'WRONG_PASSPHRASE') || !context.askSecret) throw error;
		}
	}

	return unlockKeyring(blob, await askPassphrase(context, 'Passphrase of the file: '));
};

const importKeyring: Action = async (context, vaults) => {
	refuseReadOnly(context);
	const blob = await readRecovery(context, fileOf(context));
	const {files} = await unlockRecovery(context, blob, await vaults.passphrase());
	const vault = await vaults.existing();
	if (vault) {
		const added = await vault.merge(files);
		await say(context, {added, keys: vault.count()}, `${added} of ${files.size} keys were new`);
		return;
	}

	await context.api.putKeyring({blob, revision: 0});
	const text = `The keyring is there, with ${files.size} keys. Its passphrase is that of the file`;
	await say(context, {added: files.size, keys: files.size}, text);
};

const actions: Record<(typeof keyringActions)[number], Action> = {
	status,
	'change-passphrase': changePassphrase,
	export: exportKeyring,
	import: importKeyring,
};

export const keyring: RunCommand = async context => {
	await actions[context.words[0] as keyof typeof actions](context, createVaults(context));
	return exitCodes.done;
};
