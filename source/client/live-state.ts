import type {LogEntry, NodeView, RepairView, Stats} from '../protocol/api.js';
import type {EventData} from '../protocol/events.js';
import type {AlertsView} from '../protocol/alerts-api.js';
import type {MovesView} from '../protocol/healing-api.js';
import type {OpenedFile} from './opened-files.js';
import type {Whoami} from './people-contract.js';

/** How the console stands to the coordinator. Times are milliseconds since the epoch. */
export type Connection =
	| {state: 'connecting'}
	| {state: 'live'}
	/** The last data stays. `error` says in words why, `nextTryAtMs` when it is tried again. */
	| {state: 'stale'; sinceMs: number; nextTryAtMs: number; error: string}
	/** The coordinator does not know who asks, or does not let them. Waiting doesn't help, so nothing is tried by itself. */
	| {state: 'refused'; reason: 'UNAUTHENTICATED' | 'FORBIDDEN'; error: string};

/** Bytes a second that went through the coordinator, in the second that begins at `atMs`. */
export type Throughput = {atMs: number; inRate: number; outRate: number};

/** How much of the list of files is here. It comes page by page, in the background. */
export type FilesState = {
	/** The newest first. The array is another one whenever anything in it changed. */
	list: readonly OpenedFile[];
	/** How many there are at the coordinator. */
	total: number;
	isComplete: boolean;
};

export type Fault = EventData<'fault'> & {atMs: number};

/**
What the console knows of the network, as an immutable snapshot: a part that did not change is the same object as in the
snapshot before, and what nobody sees (the second at which an online node was last heard) makes no new snapshot.
*/
export type LiveState = {
	connection: Connection;
	/** Who is signed in; `undefined` until the first answer, and where the coordinator knows no people. */
	whoami: Whoami | undefined;
	/** `undefined` until the first answer. */
	stats: Stats | undefined;
	/**
	In the coordinator's order, those that joined since at the end. Of an online node `last_seen` is a full minute, at most
	a few old; an offline one's is exact. `latency_ms` has two digits.
	*/
	nodes: readonly NodeView[] | undefined;
	files: FilesState | undefined;
	/** The newest entries, oldest first; bounded. Older ones are fetched by paging. */
	log: readonly LogEntry[] | undefined;
	/**
	One sample a second where there was traffic, oldest first, at most those of five minutes. A second without a sample had
	none, so nothing happens here while nothing happens there: samples that have become too old stay until the next one
	comes, and it is for the reader to leave them out.
	*/
	throughput: readonly Throughput[];
	/** What was found missing or corrupt since the console runs and was not found sound again; the newest first; bounded. */
	faults: readonly Fault[];
	/** What is being repaired and what waits for it; `undefined` until the first answer, and for whoever may not know. */
	repair: RepairView | undefined;
	/** What is being moved, in the same way. */
	moves: MovesView | undefined;
	/** What an operator must know, in the same way. */
	alerts: AlertsView | undefined;
};

export type Live = {
	get: () => LiveState;
	/** Called after each change, at most once a turn of the event loop. Returns how to stop it. */
	subscribe: (listener: () => void) => () => void;
	start: () => void;
	/** Tries at once instead of waiting for the next try. */
	retryNow: () => void;
	/** Asks for the list of files anew, keeping what is here until the answer comes. */
	reloadFiles: () => void;
	/** Asks anew what is healed. Rejects where it can't be had. */
	reloadHealing: () => Promise<void>;
	stop: () => void;
};
