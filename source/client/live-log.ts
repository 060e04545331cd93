import type {LogEntry} from '../protocol/api.js';

/** The newest entries of the log. */
export type LiveLog = {
	get: () => readonly LogEntry[] | undefined;
	/** Call when the newest page is asked for: events of from then on may be missing on it. */
	beginPage: () => void;
	/** Takes in the newest page, oldest first. */
	takePage: (entries: readonly LogEntry[]) => void;
	takeEvent: (entry: LogEntry) => boolean;
};

export const createLiveLog = (mostEntries: number): LiveLog => {
	let entries: LogEntry[] = [];
	/** Those that came by events since a page was asked for. */
	let since: LogEntry[] | undefined;
	let isListed = false;
	let snapshot: readonly LogEntry[] | undefined;

	/** Puts an entry in its place by its id. It is nearly always the newest. */
	const insert = (entry: LogEntry): boolean => {
		let at = entries.length;
		while (at > 0 && (entries[at - 1]?.id ?? 0) > entry.id) at--;
		if (entries[at - 1]?.id === entry.id) return false;
		entries.splice(at, 0, entry);
		return true;
	};

	const trim = () => {
		if (entries.length > mostEntries) entries.splice(0, entries.length - mostEntries);
		if (since && since.length > mostEntries) since.splice(0, since.length - mostEntries);
		snapshot = undefined;
	};

	return {
		get: () => (isListed ? (snapshot ??= [...entries]) : undefined),
		beginPage() {
			since = [];
		},
		takePage(page) {
			isListed = true;
			// Where the page doesn't reach back to what is here, there would be a hole; or it is the log of another network.
			const [oldest] = page;
			const isJoined = entries.some(({id, timestamp_ms: atMs}) => id === oldest?.id && atMs === oldest.timestamp_ms);
			if (!isJoined) entries = [];
			for (const entry of [...page, ...(since ?? [])]) insert(entry);
			since = undefined;
			trim();
		},
		takeEvent(entry) {
			since?.push(entry);
			const isNew = insert(entry);
			trim();
			return isNew;
		},
	};
};
