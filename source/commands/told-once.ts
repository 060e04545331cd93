import type {Invited} from '../client/people-contract.js';
import {formatTime} from '../format.js';
import {escapeControls} from '../protocol/escape.js';
import {type CommandContext, isOn, jsonLine} from './context.js';

/**
Prints a link that is told this once. It goes to standard output alone, so that it can be piped on; the address is the one
under which the coordinator was asked, which is one that works.
*/
export const printLink = async (context: CommandContext, {invitation, code}: Invited): Promise<void> => {
	const link = `${context.api.url}/welcome#${code}`;
	if (isOn(context, 'json')) {
		await context.stdout.write(jsonLine({...invitation, code, link}));
		return;
	}

	const {purpose, name, role, expires_at: expiresAt} = invitation;
	const what = purpose === 'reset' ? `a new password for ${name ?? ''}` : `an account for ${name ?? 'a new'} ${role}`;
	await context.stdout.write(`${escapeControls(link)}\n`);
	await context.stderr.write(
		escapeControls(`Opens ${what} until ${formatTime(expiresAt)} UTC. It is not shown again`).concat('\n'),
	);
};
