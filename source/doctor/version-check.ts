import {z} from 'zod';
import {isOlder, OLDEST_PROTOCOL, PROTOCOL, UNTOLD_PROTOCOL} from '../protocol/version.js';
import {type Finding, findingsOf} from './finding.js';
import type {FoundCoordinator} from './reach-checks.js';

const toldSchema = z.object({version: z.string().optional(), protocol: z.int().default(UNTOLD_PROTOCOL)});

const toldIn = (text: string): z.infer<typeof toldSchema> => {
	try {
		return toldSchema.parse(JSON.parse(text));
	} catch {
		return {protocol: UNTOLD_PROTOCOL};
	}
};

/** Whether this version and the coordinator's understand each other, and which of them is behind. */
export const checkVersion = (version: string, {answer}: FoundCoordinator): Finding => {
	const {fine, warning, wrong} = findingsOf('version', `Compared version ${version} here with the coordinator's`);
	const told = toldIn(answer.text);
	const theirs = told.version === undefined ? 'It tells no version' : `It has version ${told.version}`;
	const updateHere = 'Update here: npm install --global pjas@latest, or pull the newer image, and start it again';
	const updateThere = 'Have the coordinator updated; nodes may wait for it';
	if (told.protocol > PROTOCOL + 1)
		return wrong(`${theirs}, and speaks a protocol that is too new for this one`, updateHere);
	if (told.protocol < OLDEST_PROTOCOL) return wrong(`${theirs}, and speaks a protocol that is too old`, updateThere);
	if (told.version === undefined || isOlder(told.version, version))
		return warning(`${theirs}: it is behind`, updateThere);
	return isOlder(version, told.version) ? warning(`${theirs}: this one is behind`, updateHere) : fine(theirs);
};
