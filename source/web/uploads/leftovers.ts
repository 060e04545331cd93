import {z} from 'zod';
import {session} from '../session.js';
import {createStore} from '../store.js';
import type {Sending} from './sending.js';

/** An upload of before that was cut off, and that the coordinator still has a part of. */
export type Leftover = {key: string; name: string; sizeBytes: number; isSealed: boolean; address: string};

/** Where the library of tus keeps what it began. */
const PREFIX = 'tus::';

const nameOfAccount = (): string => {
	const current = session.get();
	return current.state === 'signed-in' ? current.who.name : '';
};

const ownPrefix = (): string => `pjas ${nameOfAccount()} `;

/** Tells a file again that was sent before by the same person, into the same folder. It stays in this browser. */
export const fingerprintOf = ({
	name,
	file: {size, lastModified},
	isSealed,
}: Pick<Sending, 'name' | 'file' | 'isSealed'>): string =>
	`${ownPrefix()}${isSealed ? 'sealed ' : ''}${size} ${lastModified} ${name}`;

const keptSchema = z.object({uploadUrl: z.string()});

const read = (key: string): Leftover | undefined => {
	try {
		const [, sealed, size, name] =
			/^(sealed )?(\d+) \d+ (.+)::\d+$/s.exec(key.slice((PREFIX + ownPrefix()).length)) ?? [];
		const {uploadUrl: address} = keptSchema.parse(JSON.parse(localStorage.getItem(key) ?? ''));
		if (name === undefined) return undefined;
		return {key, name, sizeBytes: Number(size), isSealed: sealed !== undefined, address};
	} catch {
		return undefined;
	}
};

/** What was cut off and begins so. A browser may keep pages from storing anything: then nothing is. */
const leftoversWith = (start: string): Leftover[] => {
	try {
		const keys = Object.keys(localStorage).filter(key => key.startsWith(PREFIX + start));
		return keys.map(read).filter(found => found !== undefined);
	} catch {
		return [];
	}
};

/** What was begun of this file. */
export const leftoverOf = (fingerprint: string): Leftover | undefined => leftoversWith(`${fingerprint}::`)[0];

export const leftovers = createStore<readonly Leftover[]>([]);

export const findLeftovers = (): void => leftovers.set(leftoversWith(ownPrefix()));

/** Gives one up, here and at the coordinator, which would keep its part for some days. */
export const forgetLeftover = async ({key, address}: Leftover): Promise<void> => {
	localStorage.removeItem(key);
	findLeftovers();
	await fetch(address, {method: 'DELETE', headers: {'Tus-Resumable': '1.0.0'}}).catch(() => undefined);
};
