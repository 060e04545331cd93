import type {AccountChange} from '../client/people-contract.js';
import {formatTable} from '../format.js';
import {PjasError} from '../protocol/errors.js';
import type {roles} from '../protocol/people.js';
import type {userActions} from './commands.js';
import {type CommandContext, isOn, jsonLine, refuseReadOnly, type RunCommand, valueOf} from './context.js';
import {exitCodes} from './failures.js';
import {accountRow, accountsHead, quotaOf, refuseFlags, wordAfter} from './people-words.js';
import {jsonList} from './show.js';
import {printLink} from './told-once.js';

const changeFlags = ['role', 'quota', 'disable', 'enable'];

const list = async (context: CommandContext) => {
	refuseFlags(context, changeFlags, 'users list');
	const accounts = await context.api.accounts();
	const text = isOn(context, 'json') ? jsonList(accounts) : `${formatTable(accountsHead, accounts.map(accountRow))}\n`;
	await context.stdout.write(text);
};

const changeOf = (context: CommandContext): AccountChange => {
	const role = valueOf(context, 'role') as (typeof roles)[number] | undefined;
	const quota = quotaOf(context);
	const [isDisabled, isEnabled] = [isOn(context, 'disable'), isOn(context, 'enable')];
	if (isDisabled && isEnabled) {
		throw new PjasError('INVALID_CONFIGURATION', '--disable and --enable exclude each other');
	}

	const change = {
		...(role && {role}),
		...(quota !== undefined && {quota_bytes: quota}),
		...((isDisabled || isEnabled) && {disabled: isDisabled}),
	};
	if (Object.keys(change).length > 0) return change;
	throw new PjasError('INVALID_CONFIGURATION', `Say what to set: ${changeFlags.map(flag => `--${flag}`).join(', ')}`);
};

const set = async (context: CommandContext) => {
	const name = wordAfter(context, 'users set NAME');
	const change = changeOf(context);
	refuseReadOnly(context, 'users set');
	const account = await context.api.changeAccount(name, change);
	const text = isOn(context, 'json') ? jsonLine(account) : `${formatTable(accountsHead, [accountRow(account)])}\n`;
	await context.stdout.write(text);
};

const reset = async (context: CommandContext) => {
	const name = wordAfter(context, 'users reset NAME');
	refuseFlags(context, changeFlags, 'users reset');
	refuseReadOnly(context, 'users reset');
	await printLink(context, await context.api.resetPassword(name));
};

const actions: Record<(typeof userActions)[number], (context: CommandContext) => Promise<void>> = {list, set, reset};

export const users: RunCommand = async context => {
	await actions[(context.words[0] ?? 'list') as keyof typeof actions](context);
	return exitCodes.done;
};
