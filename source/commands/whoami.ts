import type {Whoami} from '../client/people-contract.js';
import {formatSize} from '../format.js';
import {escapeControls} from '../protocol/escape.js';
import {isOn, jsonLine, type RunCommand} from './context.js';
import {exitCodes} from './failures.js';
import {quotaText} from './people-words.js';

const howText: Record<Whoami['via'], string> = {token: 'a token', session: 'a session', none: 'nothing'};

const textOf = (who: Whoami, url: string): string => {
	if (who.open) return `${url} is OPEN: it runs without accounts, and everybody may do everything\n`;
	const used = formatSize(who.used_bytes);
	const rows: [string, string][] = [
		['Coordinator', url],
		['Name', who.name],
		['Role', who.role],
		['Scope', who.scope],
		['Signed in by', howText[who.via]],
		['Storage used', who.quota_bytes === null ? `${used}, no limit` : `${used} of ${quotaText(who.quota_bytes)}`],
	];
	return rows.map(([label, value]) => `${label.padEnd(13)} ${escapeControls(value)}\n`).join('');
};

export const whoami: RunCommand = async context => {
	const who = await context.api.whoami();
	const {url} = context.api;
	await context.stdout.write(isOn(context, 'json') ? jsonLine({url, ...who}) : textOf(who, url));
	return exitCodes.done;
};
