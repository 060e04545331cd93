import type {RepairView} from '../protocol/api.js';
import type {AlertsView} from '../protocol/alerts-api.js';
import type {MovesView} from '../protocol/healing-api.js';
import type {Api} from './contract.js';

/** What is repaired and moved, and what is alarming, for whoever may know. Each change says whether there is anything new to see. */
export type LiveHealing = {
	repair: () => RepairView | undefined;
	moves: () => MovesView | undefined;
	alerts: () => AlertsView | undefined;
	/** Asks for all of it. What can't be had, for want of a right or in an older coordinator, stays unknown. */
	fetch: (isWanted: () => boolean) => Promise<boolean>;
	/** Asks for all of it, whoever wants it. Rejects where it can't be had. */
	reload: () => Promise<boolean>;
	takeRepair: (repair: RepairView) => boolean;
	takeMoves: (moves: MovesView) => boolean;
	takeAlerts: (alerts: AlertsView) => boolean;
	/** Forgets it: whoever looks now may not know. */
	clear: () => boolean;
};

/** Keeps the newest; an answer that was asked for before an event came is older than that. */
const createNewest = <Value>() => {
	let value: Value | undefined;
	let told = 0;
	const put = (next: Value | undefined): boolean => {
		if (JSON.stringify(next) === JSON.stringify(value)) return false;
		value = next;
		return true;
	};

	return {
		get: () => value,
		put,
		take: (next: Value) => {
			told++;
			return put(next);
		},
		async fetch(ask: () => Promise<Value | undefined>, isWanted: () => boolean) {
			const before = told;
			const next = await ask();
			return before === told && isWanted() && put(next);
		},
	};
};

export const createLiveHealing = (api: Pick<Api, 'repair' | 'moves' | 'alerts'>): LiveHealing => {
	const repair = createNewest<RepairView>();
	const moves = createNewest<MovesView>();
	const alerts = createNewest<AlertsView>();
	/** A coordinator from before these were told of can't tell of them, which is no reason to tell nothing. */
	const fetchMoves = async (isWanted: () => boolean) =>
		moves.fetch(async () => api.moves().catch(() => undefined), isWanted);
	const fetchAlerts = async (isWanted: () => boolean) =>
		alerts.fetch(async () => api.alerts().catch(() => undefined), isWanted);
	const isEither = (news: readonly boolean[]) => news.includes(true);
	return {
		repair: repair.get,
		moves: moves.get,
		alerts: alerts.get,
		fetch: async isWanted =>
			isEither(
				await Promise.all([
					repair.fetch(async () => api.repair().catch(() => undefined), isWanted),
					fetchMoves(isWanted),
					fetchAlerts(isWanted),
				]),
			),
		async reload() {
			const isWanted = () => true;
			const all = [repair.fetch(api.repair, isWanted), fetchMoves(isWanted), fetchAlerts(isWanted)];
			return isEither(await Promise.all(all));
		},
		takeRepair: repair.take,
		takeMoves: moves.take,
		takeAlerts: alerts.take,
		clear: () => isEither([repair.put(undefined), moves.put(undefined), alerts.put(undefined)]),
	};
};
