import {z} from 'zod';
import {session} from '../session.js';
import {createStore} from '../store.js';

/** An upload of before that was cut off, and that the coordinator still has a part of. */
export type Leftover = {key: string; name: string; sizeBytes: number; address: string};

/** Where the library of tus keeps what it began. */
const PREFIX = 'tus::';

const nameOfAccount = (): string => {
	const current = session.get();
	return current.state === 'signed-in' ? current.who.name : '';
};

const ownPrefix = (): string => `pjas ${nameOfAccount()} `;

/** Tells a file again that was sent before by the same person, into the same folder. */
export const fingerprintOf = (name: string, {size, lastModified}: File): string =>
	`${ownPrefix()}${size} ${lastModified} ${name}`;

const keptSchema = z.object({size: z.number(), metadata: z.object({filename: z.string()}), uploadUrl: z.string()});

const read = (key: string): Leftover | undefined => {
	try {
		const {size, metadata, uploadUrl} = keptSchema.parse(JSON.parse(localStorage.getItem(key) ?? ''));
		return {key, name: metadata.filename, sizeBytes: size, address: uploadUrl};
	} catch {
		return undefined;
	}
};

export const leftovers = createStore<readonly Leftover[]>([]);

/** Looks for what was cut off. A browser may keep pages from storing anything: then nothing is. */
export const findLeftovers = (): void => {
	try {
		const keys = Object.keys(localStorage).filter(key => key.startsWith(PREFIX + ownPrefix()));
		leftovers.set(keys.map(read).filter(found => found !== undefined));
	} catch {
		leftovers.set([]);
	}
};

/** Gives one up, here and at the coordinator, which would keep its part for some days. */
export const forgetLeftover = async ({key, address}: Leftover): Promise<void> => {
	localStorage.removeItem(key);
	findLeftovers();
	await fetch(address, {method: 'DELETE', headers: {'Tus-Resumable': '1.0.0'}}).catch(() => undefined);
};
