import {createMemberApi} from '../../source/client/member.js';
import {memberTargetOf} from '../../source/member-socket.js';
import {limitFacts, memberFacts, stateText} from '../../source/member-words.js';
import {PjasError} from '../../source/protocol/errors.js';
import type {MemberStatus} from '../../source/protocol/member-api.js';
import {limitTitle} from '../../source/protocol/member-limits.js';
import type {Mode} from '../config-setting.js';
import type {SettingsOf} from '../config-settings.js';
import type {Clock} from '../ports/clock.js';

type Tools = {clock: Clock; say: (line: string) => void};

const LOOK_EVERY_MS = 2_000;

const rows = (facts: readonly (readonly [string, string])[]): string[] =>
	facts.map(([label, text]) => `${label.padEnd(13)} ${text}`);

const sayLimits = (status: MemberStatus, {say}: Tools): void => {
	for (const row of rows(limitFacts(status))) say(row);
};

const status = async ({storagePath, json}: SettingsOf<'status'>, tools: Tools): Promise<void> => {
	const found = await createMemberApi(memberTargetOf(storagePath)).status();
	if (json) {
		tools.say(JSON.stringify(found));
		return;
	}

	for (const row of rows(memberFacts(found, tools.clock.now()))) tools.say(row);
	tools.say('');
	sayLimits(found, tools);
};

const set = async ({limit, limitValue, limitStoragePath}: SettingsOf<'set'>, tools: Tools): Promise<void> => {
	const api = createMemberApi(memberTargetOf(limitStoragePath));
	if (limit === undefined) {
		sayLimits(await api.status(), tools);
		return;
	}

	const found = limitValue === undefined ? await api.status() : await api.set({[limit]: limitValue});
	const [, text = ''] = limitFacts(found).find(([name]) => name === limitTitle(limit)) ?? [];
	tools.say(`${limitTitle(limit)} is ${text}`);
};

const pause = async (storagePath: string, isPaused: boolean, {say}: Tools): Promise<void> => {
	const found = await createMemberApi(memberTargetOf(storagePath)).pause(isPaused);
	say(`${found.name}: ${stateText(found)}`);
};

/** Goes on until the node has left, telling how far it is. */
const leave = async ({storagePath, isCancelled}: SettingsOf<'leave'>, {clock, say}: Tools): Promise<void> => {
	const api = createMemberApi(memberTargetOf(storagePath));
	let found = await api.leave(!isCancelled);
	if (isCancelled) {
		say(`${found.name} stays in the network`);
		return;
	}

	say(`${found.name} leaves. This goes on also where you stop watching; pjas-daemon leave --cancel ends it`);
	for (let told = ''; ; found = await api.status()) {
		const text = stateText(found);
		if (text !== told) say(text);
		told = text;
		if (found.leaving === 'left') return;
		if (found.leaving === 'no') throw new PjasError('CONFLICT', 'Somebody has cancelled it: the node stays');
		await clock.sleep(LOOK_EVERY_MS);
	}
};

type MemberConfig = {[M in Mode]: {mode: M; settings: SettingsOf<M>}}['status' | 'set' | 'pause' | 'resume' | 'leave'];

/** Says something to the node that runs on this machine. */
export const runMemberCommand = async (config: MemberConfig, tools: Tools): Promise<void> => {
	switch (config.mode) {
		case 'status':
			return status(config.settings, tools);
		case 'set':
			return set(config.settings, tools);
		case 'leave':
			return leave(config.settings, tools);
		case 'pause':
		case 'resume':
			return pause(config.settings.storagePath, config.mode === 'pause', tools);
	}
};
