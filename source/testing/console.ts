import type {Api} from '../client/api.js';
import type {KeyringSession} from '../client/keyring-session.js';
import type {Live, LiveState} from '../client/live-state.js';
import {createTheme} from '../console/theme.js';
import type {Area, Console, Notice, Place, View} from '../console/view.js';
import type {Transfer, Transfers} from '../transfers/transfer.js';

export type TestConsole = Console & {
	/** Replaces parts of what the network is known to be. */
	put: (change: Partial<LiveState>) => void;
	notices: Notice[];
	opened: View[];
	closed: View[];
	went: Place[];
	copied: string[];
	changes: () => number;
};

type Given = {
	live?: Partial<LiveState>;
	transfers?: Partial<Transfers> & {list?: readonly Transfer[]};
	api?: Partial<Api>;
	keyring?: Partial<KeyringSession>;
	size?: Area;
	isReadOnly?: boolean;
	nowMs?: number;
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

/** A console without a terminal and a network: views are made with it, and what they ask for is written down. */
export const createTestConsole = (given: Given = {}): TestConsole => {
	const {live, put} = createTestLive(given.live ?? {});
	const list = given.transfers?.list ?? [];
	const recorded = {notices: [], opened: [], closed: [], went: [], copied: []} as Pick<
		TestConsole,
		'notices' | 'opened' | 'closed' | 'went' | 'copied'
	>;
	let changes = 0;
	const notice = (each: Notice) => {
		recorded.notices.push(each);
	};
	const fail = (error: unknown) => notice({tone: 'bad', text: error instanceof Error ? error.message : String(error)});
	return {
		...recorded,
		put,
		changes: () => changes,
		api: strict<Api>({url: 'http://127.0.0.1:3000', ...given.api}, 'api'),
		live,
		transfers: strict<Transfers>(
			{get: () => list, subscribe: () => () => {}, isBusy: () => false, ...given.transfers},
			'transfers',
		),
		keyring: strict<KeyringSession>({vault: () => undefined, ...given.keyring}, 'keyring'),
		clock: {now: () => given.nowMs ?? Date.UTC(2026, 10, 23, 12), timer: () => () => {}},
		theme: createTheme('dark', {LANG: 'C.UTF-8'}),
		isReadOnly: given.isReadOnly ?? false,
		folders: given.folders ?? {home: '/home/ann', working: '/home/ann'},
		size: () => given.size ?? {columns: 120, rows: 40},
		changed() {
			changes++;
		},
		go: place => void recorded.went.push(place),
		open: view => void recorded.opened.push(view),
		close: view => void recorded.closed.push(view),
		notice,
		copy: text => void recorded.copied.push(text),
		run(action) {
			const problem = action.problem?.();
			if (problem !== undefined) {
				notice({tone: 'warn', text: problem});
				return;
			}

			try {
				Promise.resolve(action.run()).catch(fail);
			} catch (error) {
				fail(error);
			}
		},
	};
};
