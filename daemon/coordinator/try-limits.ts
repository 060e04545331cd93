import {PjasError} from '../../source/protocol/errors.js';
import {networkOf} from '../http/addresses.js';
import type {Clock} from '../ports/clock.js';

/**
How often passwords and codes may be tried. Each try is asked for with `check`, and its outcome told by `failed` or
`succeeded`; one whose outcome is never told counts as failed.
*/
export type TryLimits = {
	/**
	@param account - An account's name, or whatever else is guessed at: a link's id.
	@throws {PjasError} `TOO_MANY_REQUESTS`, with the time to wait.
	*/
	check: (account: string, address: string) => void;
	failed: (account: string, address: string) => void;
	/** The address is remembered as the account's: strangers' failures don't count against it from now on. */
	succeeded: (account: string, address: string) => void;
	/** How many counters there are. */
	readonly size: number;
};

export type TryLimitsOptions = {
	clock: Pick<Clock, 'monotonicMs'>;
	/** How many accounts, networks and pairs of them are counted, each. */
	most?: number;
};

/** `tries` failed, or are under way; the last of them at `atMs`. */
type Counter = {tries: number; atMs: number};
type Counters = Map<string, Counter>;
/** What a try counts in, and how many are free of waiting. */
type Counted = {counters: Counters; key: string; freeTries: number};

const FREE_TRIES_OF_PAIR = 5;
const FREE_TRIES_ON_ACCOUNT = 10;
const FREE_TRIES_FROM_NETWORK = 20;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 15 * 60_000;
/** After so long without a try nothing is held against anybody. */
const FORGOTTEN_AFTER_MS = 4 * LONGEST_WAIT_MS;
const DEFAULT_MOST = 10_000;
const MOST_KNOWN_NETWORKS = 16;
const LONGEST_NAME = 100;

const waitMsAfter = (tries: number, freeTries: number): number =>
	tries < freeTries ? 0 : Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(30, tries - freeTries));

const tooMany = (waitMs: number) =>
	new PjasError('TOO_MANY_REQUESTS', 'Too many wrong tries: wait as long as Retry-After says', {
		retryAfterSeconds: waitMs / 1000,
	});

/** Drops what is forgotten, then what counts least: whoever invents names by the thousand resets nobody's counter by it. */
const makeRoom = (counters: Counters, most: number, nowMs: number): void => {
	if (counters.size < most) return;
	for (const [key, {atMs}] of counters) if (nowMs - atMs > FORGOTTEN_AFTER_MS) counters.delete(key);
	const surplus = counters.size - Math.floor(most * 0.75);
	const least = [...counters]
		.sort(([, a], [, b]) => a.tries - b.tries || a.atMs - b.atMs)
		.slice(0, Math.max(0, surplus));
	for (const [key] of least) counters.delete(key);
};

/**
Waits grow with the failures of a network and of an account, up to a quarter of an hour. An address from which somebody signed
in to an account is counted apart from all others there, so that no flood of wrong passwords keeps the owner out of it. What
is known is known until the process ends.
*/
export const createTryLimits = ({clock, most = DEFAULT_MOST}: TryLimitsOptions): TryLimits => {
	const byNetwork: Counters = new Map();
	const byAccount: Counters = new Map();
	const byPair: Counters = new Map();
	/** For each account the networks that signed in to it, the latest last. */
	const known = new Map<string, Set<string>>();

	const keysOf = (account: string, address: string) => {
		const name = account.slice(0, LONGEST_NAME).toLowerCase();
		const network = networkOf(address);
		return {name, network, pair: `${network} ${name}`};
	};

	const countedOf = (account: string, address: string): Counted[] => {
		const {name, network, pair} = keysOf(account, address);
		const own = {counters: byPair, key: pair, freeTries: FREE_TRIES_OF_PAIR};
		if (known.get(name)?.has(network)) return [own];
		return [
			own,
			{counters: byAccount, key: name, freeTries: FREE_TRIES_ON_ACCOUNT},
			{counters: byNetwork, key: network, freeTries: FREE_TRIES_FROM_NETWORK},
		];
	};

	const counterOf = ({counters, key}: Counted, nowMs: number): Counter => {
		const kept = counters.get(key);
		return kept && nowMs - kept.atMs <= FORGOTTEN_AFTER_MS ? kept : {tries: 0, atMs: -Infinity};
	};

	const remember = (name: string, network: string) => {
		const networks = known.get(name) ?? new Set();
		networks.delete(network);
		networks.add(network);
		known.delete(name);
		known.set(name, networks);
		const [oldest] = networks;
		if (networks.size > MOST_KNOWN_NETWORKS && oldest !== undefined) networks.delete(oldest);
		const [quietest] = known.keys();
		if (known.size > most && quietest !== undefined) known.delete(quietest);
	};

	return {
		check(account, address) {
			const nowMs = clock.monotonicMs();
			const counted = countedOf(account, address);
			const waits = counted.map(each => {
				const {tries, atMs} = counterOf(each, nowMs);
				return atMs + waitMsAfter(tries, each.freeTries) - nowMs;
			});
			const waitMs = Math.max(...waits);
			if (waitMs > 0) throw tooMany(waitMs);
			for (const each of counted) {
				const counter = {tries: counterOf(each, nowMs).tries + 1, atMs: nowMs};
				makeRoom(each.counters, most, nowMs);
				each.counters.set(each.key, counter);
			}
		},
		failed(account, address) {
			// It was counted when it began; the wait is from its end.
			const nowMs = clock.monotonicMs();
			for (const {counters, key} of countedOf(account, address)) {
				const counter = counters.get(key);
				if (counter) counter.atMs = nowMs;
			}
		},
		succeeded(account, address) {
			for (const {counters, key} of countedOf(account, address)) {
				const counter = counters.get(key);
				if (!counter) continue;
				counter.tries = Math.max(0, counter.tries - 1);
				if (counter.tries === 0) counters.delete(key);
			}

			const {name, network, pair} = keysOf(account, address);
			byPair.delete(pair);
			remember(name, network);
		},
		get size() {
			return byNetwork.size + byAccount.size + byPair.size;
		},
	};
};

/** Lets a secret be tried within the limits; `attempt` says what it opened, or nothing where it was wrong. */
export const tried = async <Opened>(
	limits: TryLimits,
	{account, address}: {account: string; address: string},
	attempt: () => Promise<Opened | undefined>,
): Promise<Opened | undefined> => {
	limits.check(account, address);
	const opened = await attempt();
	if (opened === undefined) limits.failed(account, address);
	else limits.succeeded(account, address);
	return opened;
};
