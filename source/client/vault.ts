import {isPjasError} from '../protocol/errors.js';
import {
	type FileKey,
	type Kdf,
	type Keyring,
	lockKeyring,
	makeKeyring,
	type RandomBytes,
	relockKeyring,
	unlockKeyring,
	unlockNewer,
} from '../protocol/keyring.js';
import type {Api} from './contract.js';
import {AnswerError} from './errors.js';

/** The account's keyring at the coordinator, open. */
export type Vault = {
	/** The key of a file, where it is known already. */
	known: (id: string) => Uint8Array<ArrayBuffer> | undefined;
	/** The keys of these files, where it has them; asks the coordinator once more for those that it lacks. */
	keysOf: (ids: readonly string[]) => Promise<ReadonlyMap<string, Uint8Array<ArrayBuffer>>>;
	/** Resolves once the key is kept at the coordinator. Whatever others store meanwhile is kept too. */
	add: (id: string, key: Uint8Array<ArrayBuffer>) => Promise<void>;
	/** Adds what another keyring holds. Says how many keys were new. */
	merge: (files: ReadonlyMap<string, FileKey>) => Promise<number>;
	changePassphrase: (passphrase: string) => Promise<void>;
	/** How many keys there are. */
	count: () => number;
};

export type VaultOptions = {
	api: Pick<Api, 'keyring' | 'putKeyring'>;
	/** Asks for the passphrase; `isNew` where there is no keyring yet, and one is made with it. */
	passphrase: (isNew: boolean) => Promise<string>;
	random: RandomBytes;
	/** Milliseconds since the epoch. */
	now: () => number;
	/** How new passphrases become keys: `KEYRING_KDF`, unless somebody knows better. */
	kdf?: Kdf | undefined;
};

/** Whoever loses a race against other machines so often in a row has another problem. */
const MOST_TRIES = 20;
const MOST_REMEMBERED_MISSES = 10_000;

const isConflict = (error: unknown): boolean =>
	isPjasError(error, 'CONFLICT') || (error instanceof AnswerError && error.code === 'CONFLICT');

const merged = (keyring: Keyring, files: ReadonlyMap<string, FileKey>): Keyring => ({
	...keyring,
	files: new Map([...keyring.files, ...files]),
});

/** Does one thing after the other. */
const createTurns = () => {
	let last: Promise<unknown> = Promise.resolve();
	return async <T>(act: () => Promise<T>): Promise<T> => {
		const turn = last.then(act, act);
		last = turn.catch(() => undefined);
		return turn;
	};
};

/**
Opens the account's keyring; makes one where there is none. Nothing of a new one is stored before its first key.

@throws {PjasError} `WRONG_PASSPHRASE`, `KEYRING_CORRUPT`.
*/
export const openVault = async ({api, passphrase: ask, random, now, kdf}: VaultOptions): Promise<Vault> => {
	const first = await api.keyring();
	let passphrase = await ask(first.blob === null);
	let {revision} = first;
	let keyring =
		first.blob === null ? await makeKeyring(passphrase, {random, kdf}) : await unlockKeyring(first.blob, passphrase);
	const inTurn = createTurns();
	const misses = new Set<string>();
	let waiting = new Map<string, FileKey>();
	let saving: Promise<void> | undefined;

	/**
	Takes over what the coordinator has now. No key that was seen is given up: where an older state came back, out of a
	backup say, the next change mends it.
	*/
	const reload = async () => {
		const found = await api.keyring();
		({revision} = found);
		if (found.blob === null) return;
		// Two machines may have made one at once; then there is one passphrase, or the second must say so.
		const newer = (await unlockNewer(found.blob, keyring)) ?? (await unlockKeyring(found.blob, passphrase));
		keyring = merged(newer, keyring.files);
	};

	const update = async (change: (keyring: Keyring) => Promise<Keyring> | Keyring) => {
		for (let tries = 1; ; tries++) {
			const next = await change(keyring);
			try {
				({revision} = await api.putKeyring({blob: await lockKeyring(next, random), revision}));
				keyring = next;
				return;
			} catch (error) {
				if (!isConflict(error) || tries === MOST_TRIES) throw error;
				await reload();
			}
		}
	};

	/** What comes while others are being stored is stored with what comes after. */
	const save = async () => {
		saving ??= inTurn(async () => {
			const files = waiting;
			waiting = new Map();
			saving = undefined;
			await update(current => merged(current, files));
		});
		return saving;
	};

	const known = (id: string) => keyring.files.get(id)?.key;

	return {
		known,
		async keysOf(ids) {
			const isMissing = (id: string) => !keyring.files.has(id) && !misses.has(id);
			if (ids.some(isMissing)) {
				await inTurn(async () => {
					if (ids.some(isMissing)) await reload();
				});
				if (misses.size > MOST_REMEMBERED_MISSES) misses.clear();
				for (const id of ids) if (isMissing(id)) misses.add(id);
			}

			return new Map(
				ids.flatMap(id => {
					const key = known(id);
					return key ? [[id, key] as const] : [];
				}),
			);
		},
		async add(id, key) {
			waiting.set(id, {key, createdAt: now()});
			return save();
		},
		async merge(files) {
			const before = keyring.files.size;
			await inTurn(async () => update(current => merged(current, new Map([...files, ...current.files]))));
			return keyring.files.size - before;
		},
		async changePassphrase(next) {
			await inTurn(async () => {
				await update(async current => relockKeyring(current, next, {random, kdf}));
				passphrase = next;
			});
		},
		count: () => keyring.files.size,
	};
};
