import type {RepairView} from '../protocol/api.js';
import type {Api} from './contract.js';

/** What is repaired and moved, for whoever may know. Each change says whether there is anything new to see. */
export type LiveHealing = {
	repair: () => RepairView | undefined;
	/** Asks for all of it. What can't be had, for want of a right or in an older coordinator, stays unknown. */
	fetch: (isWanted: () => boolean) => Promise<boolean>;
	/** Asks for all of it, whoever wants it. Rejects where it can't be had. */
	reload: () => Promise<boolean>;
	takeRepair: (repair: RepairView) => boolean;
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

export const createLiveHealing = (api: Pick<Api, 'repair'>): LiveHealing => {
	const repair = createNewest<RepairView>();
	return {
		repair: repair.get,
		fetch: async isWanted => repair.fetch(async () => api.repair().catch(() => undefined), isWanted),
		reload: async () => repair.fetch(api.repair, () => true),
		takeRepair: repair.take,
		clear: () => repair.put(undefined),
	};
};
