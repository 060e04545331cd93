import type {LogEntry} from '../client/api.js';
import type {Console} from '../console/view.js';

/** The activity log as far as it is here: what is live, and the pages before it that were asked for. */
export type History = {
	/** Oldest first. Another array whenever anything in it changed. */
	get: () => readonly LogEntry[];
	/** Asks for the page before the oldest one, unless that is under way, there is none, or it failed a moment ago. */
	fetchOlder: () => void;
	/** Lets it be asked for at once, whatever failed before. */
	retry: () => void;
	/** Whether the oldest entry that the coordinator keeps is here. */
	isComplete: () => boolean;
	problem: () => string | undefined;
};

const PAGE = 500;
const MOST_ENTRIES = 20_000;
const RETRY_AFTER_MS = 5_000;

/**
Both, each entry once, by their ids, which count up. Where some between them were missed, what is older is left out: it can
be asked for again.
*/
const merge = (older: readonly LogEntry[], live: readonly LogEntry[]): readonly LogEntry[] => {
	const [first] = live;
	if (!first) return older;
	const before = older.filter(({id}) => id < first.id);
	return before.at(-1)?.id === first.id - 1 ? [...before, ...live] : live;
};

export const createHistory = (console: Console): History => {
	let kept: readonly LogEntry[] = [];
	let live: readonly LogEntry[] | undefined;
	let isFetching = false;
	let isComplete = false;
	let problem: string | undefined;
	let notBeforeMs = 0;

	const get = () => {
		const {log = []} = console.live.get();
		if (log !== live) {
			live = log;
			const merged = merge(kept, log);
			if (kept[0] && merged[0] !== kept[0]) isComplete = false;
			kept = merged.slice(-MOST_ENTRIES);
		}

		return kept;
	};

	const fetch = async (before: number) => {
		try {
			const page = await console.api.logs({limit: PAGE, before});
			const now = get();
			problem = undefined;
			// Where entries were missed meanwhile, what is here begins elsewhere, and the page would leave a gap.
			if (now[0]?.id !== before) return;
			const older = page.logs.filter(({id}) => id < before);
			kept = [...older, ...now];
			isComplete = page.next_before === null || older.length === 0;
		} catch (error) {
			problem = error instanceof Error ? error.message : String(error);
			notBeforeMs = console.clock.now() + RETRY_AFTER_MS;
		} finally {
			isFetching = false;
			console.changed();
		}
	};

	return {
		get,
		fetchOlder() {
			const oldest = get()[0];
			const isWaiting = isFetching || console.clock.now() < notBeforeMs;
			if (!oldest || isWaiting || isComplete || kept.length >= MOST_ENTRIES) return;
			if (console.live.get().connection.state !== 'live') return;
			isFetching = true;
			void fetch(oldest.id);
		},
		retry() {
			notBeforeMs = 0;
		},
		isComplete: () => isComplete && kept.length < MOST_ENTRIES,
		problem: () => problem,
	};
};
