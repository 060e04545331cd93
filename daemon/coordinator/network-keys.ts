import {readFile} from 'node:fs/promises';
import path from 'node:path';
import {z} from 'zod';
import {PjasError} from '../../source/protocol/errors.js';
import type {Clock, Random} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import type {Worker} from '../ports/worker.js';
import {type CoordinatorKey, MOST_COORDINATOR_KEYS} from '../trust/coordinator-key.js';
import {drawKeys, fingerprintOf, type Fingerprint, keyTextsSchema, openKeys} from '../trust/keys.js';
import type {SigningKeys} from '../trust/tickets.js';
import {writeSmallFile} from './small-file.js';

/**
The keys by which nodes know their coordinator: `network-keys.json` in the data folder, mode 0600, the newest first. Those
before it are accepted until their time is past, so that nodes which were away meanwhile can still learn the new ones.
*/
export const NETWORK_KEYS_FILE = 'network-keys.json';

/** How long a key is known before tickets are signed with it: nodes hear of it with their heartbeats. */
const SPREAD_MS = 120_000;

const fileSchema = z.object({
	version: z.literal(1),
	keys: z
		.array(keyTextsSchema.extend({created_at: z.number().int(), not_after: z.number().int().optional()}))
		.min(1)
		.max(MOST_COORDINATOR_KEYS),
});
type Stored = z.infer<typeof fileSchema>['keys'];

type Entry = SigningKeys & {notAfterMs: number | undefined; seenAtMs: number};

export type NetworkKeys = Worker & {
	/** The newest that every node can know by now. */
	signing: () => SigningKeys;
	/** The newest of these; the newest of all where none of them is still accepted. */
	newestOf: (fingerprints: readonly Fingerprint[]) => SigningKeys;
	/** Those that are accepted, the newest first. */
	accepted: () => Fingerprint[];
	/** The same, as nodes are told. */
	publicKeys: () => CoordinatorKey[];
};

type FolderOptions = {folder: string; clock: Pick<Clock, 'now'>; random: Random};

const readStored = async (folder: string): Promise<Stored | undefined> => {
	const text = await readFile(path.join(folder, NETWORK_KEYS_FILE), 'utf8').catch((error: unknown) => {
		if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
		throw error;
	});
	if (text === undefined) return undefined;
	try {
		return fileSchema.parse(JSON.parse(text)).keys;
	} catch (error) {
		const problem = `${NETWORK_KEYS_FILE} in the data folder can't be read, and nodes trust no other keys`;
		throw new PjasError('INVALID_CONFIGURATION', `${problem}: put it back from a backup`, {cause: error});
	}
};

const writeStored = async (folder: string, keys: Stored): Promise<void> =>
	writeSmallFile(folder, NETWORK_KEYS_FILE, `${JSON.stringify({version: 1, keys}, undefined, '\t')}\n`);

const newKey = ({clock, random}: FolderOptions): Stored[number] => ({
	...drawKeys(random.bytes),
	created_at: clock.now(),
});

/**
Makes a new newest key; the others are accepted for so long from now. A coordinator that runs on the folder takes it up by
itself. Gives the new key's fingerprint.
*/
export const rotateNetworkKeys = async (options: FolderOptions & {acceptOldMs: number}): Promise<Fingerprint> => {
	const {folder, clock, acceptOldMs} = options;
	const stored = await readStored(folder);
	if (!stored) {
		throw new PjasError(
			'INVALID_CONFIGURATION',
			'This folder has no network keys: a coordinator makes them at its start',
		);
	}

	const now = clock.now();
	const old = stored
		.map(key => ({...key, not_after: Math.min(key.not_after ?? Infinity, now + acceptOldMs)}))
		.filter(key => key.not_after > now);
	const fresh = newKey(options);
	await writeStored(folder, [fresh, ...old].slice(0, MOST_COORDINATOR_KEYS));
	return fingerprintOf(openKeys(fresh).public);
};

/** Opens the keys of a data folder; a folder without gets some. Its steps take up what was changed in the file. */
export const openNetworkKeys = async (options: FolderOptions & {log: Log}): Promise<NetworkKeys> => {
	const {folder, clock, log} = options;
	let entries: Entry[] = [];

	const take = (stored: Stored) => {
		entries = stored.map(({signing, exchange, not_after: notAfterMs}) => {
			// Opening a key is work, and the file is read often.
			const known = entries.find(({pairs: {secret}}) => secret.signing === signing && secret.exchange === exchange);
			if (known) return {...known, notAfterMs};
			const pairs = openKeys({signing, exchange});
			return {kid: fingerprintOf(pairs.public), pairs, notAfterMs, seenAtMs: clock.now()};
		});
	};

	const acceptedEntries = () => {
		const accepted = entries.filter(({notAfterMs}) => notAfterMs === undefined || notAfterMs > clock.now());
		return accepted.length > 0 ? accepted : entries.slice(0, 1);
	};

	const first = (await readStored(folder)) ?? [newKey(options)];
	if (!(await readStored(folder))) await writeStored(folder, first);
	take(first);

	const newest = (): Entry => {
		const [entry] = entries;
		if (!entry) throw new Error('there is no key at all');
		return entry;
	};

	return {
		name: 'network keys',
		signing() {
			const accepted = acceptedEntries();
			const isSpread = ({seenAtMs}: Entry) => seenAtMs + SPREAD_MS <= clock.now();
			return accepted.find(isSpread) ?? accepted.at(-1) ?? newest();
		},
		newestOf: fingerprints => acceptedEntries().find(({kid}) => fingerprints.includes(kid)) ?? newest(),
		accepted: () => acceptedEntries().map(({kid}) => kid),
		publicKeys: () =>
			acceptedEntries().map(({pairs, notAfterMs}) => ({
				...pairs.public,
				...(notAfterMs !== undefined && {not_after: notAfterMs}),
			})),
		async step() {
			const stored = await readStored(folder);
			const before = newest().kid;
			if (stored) take(stored);
			if (newest().kid !== before) log.info('the network has a new key', {fingerprint: newest().kid});
			return 'idle';
		},
	};
};
