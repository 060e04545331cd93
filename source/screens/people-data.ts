import type {AccountView, InvitationView, Whoami} from '../client/people-contract.js';
import type {Console} from '../console/view.js';

/** An account, or an invitation to one: what the list of people has a row for. */
export type Person =
	| {
			kind: 'account';
			name: string;
			role: Whoami['role'];
			quotaBytes: number | null;
			usedBytes: number;
			/** What only operators are told; `undefined` for everybody else. */
			known: Pick<AccountView, 'has_password' | 'created_at' | 'disabled_at'> | undefined;
	  }
	| {kind: 'invitation'; invitation: InvitationView};

export type PeopleState = {
	/** Who looks; `undefined` until the first answer. */
	me: Whoami | undefined;
	people: readonly Person[];
	/** Why the newest could not be had. */
	problem: string | undefined;
};

export type PeopleData = {
	get: () => PeopleState;
	/** Asks anew. Resolves once the answer is here. */
	reload: () => Promise<void>;
	/** Asks now, and every few seconds, and where the connection comes back, until it is stopped. */
	start: () => void;
	stop: () => void;
};

const EVERY_MS = 10_000;

const personOf = (account: AccountView): Person => ({
	kind: 'account',
	name: account.name,
	role: account.role,
	quotaBytes: account.quota_bytes,
	usedBytes: account.used_bytes,
	known: {has_password: account.has_password, created_at: account.created_at, disabled_at: account.disabled_at},
});

/** What somebody knows of the own account who may not list the others. */
const ownOf = ({name, role, quota_bytes: quotaBytes, used_bytes: usedBytes}: Whoami): Person => ({
	...{kind: 'account', name, role, quotaBytes, usedBytes},
	known: undefined,
});

/** No event tells of people, so they are asked for while they are looked at. */
export const createPeopleData = ({api, live, clock, changed}: Console): PeopleData => {
	let state: PeopleState = {me: undefined, people: [], problem: undefined};
	let isWatched = false;
	let cancel = () => {};
	let unsubscribe = () => {};
	let wasLive = false;
	/** The newest question: an answer to an older one that comes later is old. */
	let asked = 0;

	const fetch = async (): Promise<Pick<PeopleState, 'me' | 'people'>> => {
		const me = await api.whoami();
		if (me.open) return {me, people: []};
		if (me.role === 'member') return {me, people: [ownOf(me)]};
		const [accounts, invitations] = await Promise.all([api.accounts(), api.invitations()]);
		const invited = invitations.map((invitation): Person => ({kind: 'invitation', invitation}));
		return {me, people: [...accounts.map(personOf), ...invited]};
	};

	const reload = async () => {
		const mine = ++asked;
		let next: PeopleState;
		try {
			next = {...(await fetch()), problem: undefined};
		} catch (error) {
			next = {...state, problem: error instanceof Error ? error.message : String(error)};
		}

		if (mine !== asked || JSON.stringify(next) === JSON.stringify(state)) return;
		state = next;
		changed();
	};

	const goOn = () => {
		void reload();
		cancel();
		cancel = clock.timer(EVERY_MS, goOn);
	};

	return {
		get: () => state,
		reload,
		start() {
			if (isWatched) return;
			isWatched = true;
			wasLive = live.get().connection.state === 'live';
			unsubscribe = live.subscribe(() => {
				const isLive = live.get().connection.state === 'live';
				if (isLive && !wasLive) goOn();
				wasLive = isLive;
			});
			goOn();
		},
		stop() {
			isWatched = false;
			cancel();
			unsubscribe();
		},
	};
};
