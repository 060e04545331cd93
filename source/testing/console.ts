import type {Api} from '../client/api.js';
import type {KeyringSession} from '../client/keyring-session.js';
import type {Live, LiveState} from '../client/live-state.js';
import {createRunner} from '../console/noticeboard.js';
import {createTheme} from '../console/theme.js';
import type {Area, BaseConsole, Console, Notice, Place, View} from '../console/view.js';
import type {Transfer, Transfers} from '../transfers/transfer.js';

/** What a view did with its console. */
export type TestBase = BaseConsole & {
	notices: Notice[];
	opened: View[];
	closed: View[];
	copied: string[];
	changes: () => number;
};

export type TestConsole = Console &
	TestBase & {
		/** Replaces parts of what the network is known to be. */
		put: (change: Partial<LiveState>) => void;
		went: Place[];
	};

type GivenBase = {size?: Area; isReadOnly?: boolean; nowMs?: number};

type Given = GivenBase & {
	live?: Partial<LiveState>;
	transfers?: Partial<Transfers> & {list?: readonly Transfer[]};
	api?: Partial<Api>;
	keyring?: Partial<KeyringSession>;
	folders?: Console['folders'];
};

const initial: LiveState = {
	connection: {state: 'live'},
	whoami: undefined,
	stats: undefined,
	nodes: undefined,
	files: undefined,
	log: undefined,
	throughput: [],
	faults: [],
	repair: undefined,
	moves: undefined,
	alerts: undefined,
};

const createTestLive = (given: Partial<LiveState>): {live: Live; put: TestConsole['put']} => {
	let state: LiveState = {...initial, ...given};
	const listeners = new Set<() => void>();
	const live: Live = {
		get: () => state,
		subscribe(listener) {
			listeners.add(listener);
			return () => void listeners.delete(listener);
		},
		start() {},
		retryNow() {},
		reloadFiles() {},
		async reloadHealing() {},
		stop() {},
	};
	return {
		live,
		put(change: Partial<LiveState>) {
			state = {...state, ...change};
			for (const listener of listeners) listener();
		},
	};
};

/** Calls that nobody expected say so. */
const strict = <Type extends object>(given: Partial<Type>, what: string): Type =>
	new Proxy(given, {
		get(target, name) {
			if (name in target) return target[name as keyof Type];
			return () => {
				throw new Error(`${what}.${String(name)} was not expected`);
			};
		},
	}) as Type;

/** What every console has, without a terminal: what views ask for is written down. */
export const createTestBase = (given: GivenBase): TestBase => {
	const recorded: Pick<TestBase, 'notices' | 'opened' | 'closed' | 'copied'> = {
		...{notices: [], opened: [], closed: [], copied: []},
	};
	let changes = 0;
	const notice = (each: Notice) => void recorded.notices.push(each);
	return {
		...recorded,
		changes: () => changes,
		clock: {now: () => given.nowMs ?? Date.UTC(2026, 10, 23, 12), timer: () => () => {}},
		theme: createTheme('dark', {LANG: 'C.UTF-8'}),
		isReadOnly: given.isReadOnly ?? false,
		size: () => given.size ?? {columns: 120, rows: 40},
		changed() {
			changes++;
		},
		open: view => void recorded.opened.push(view),
		close: view => void recorded.closed.push(view),
		notice,
		copy: text => void recorded.copied.push(text),
		run: createRunner(notice),
	};
};

/** A console without a terminal and a network: views are made with it, and what they ask for is written down. */
export const createTestConsole = (given: Given = {}): TestConsole => {
	const {live, put} = createTestLive(given.live ?? {});
	const list = given.transfers?.list ?? [];
	const went: Place[] = [];
	return {
		...createTestBase(given),
		put,
		went,
		api: strict<Api>({url: 'http://127.0.0.1:3000', ...given.api}, 'api'),
		live,
		transfers: strict<Transfers>(
			{get: () => list, subscribe: () => () => {}, isBusy: () => false, ...given.transfers},
			'transfers',
		),
		keyring: strict<KeyringSession>({vault: () => undefined, ...given.keyring}, 'keyring'),
		folders: given.folders ?? {home: '/home/ann', working: '/home/ann'},
		go: place => void went.push(place),
	};
};
