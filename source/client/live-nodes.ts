import type {NodeView} from '../protocol/api.js';

/** The nodes, as they are shown. Each change says whether there is anything new to see. */
export type LiveNodes = {
	get: () => readonly NodeView[] | undefined;
	/** Call when a listing is asked for: what events say from then on is newer than what it says. */
	beginListing: () => void;
	takeListing: (nodes: readonly NodeView[]) => boolean;
	/** A node left for good. Says whether that can be seen. */
	remove: (id: string) => boolean;
	/** @returns Whether it can be seen, and whether the node came or went. */
	takeEvent: (node: NodeView, nowMs: number) => {isSeen: boolean; isStatusNew: boolean};
};

const MINUTE_MS = 60_000;

const twoDigits = (value: number | null) => (value === null ? null : Number(value.toPrecision(2)));

const toShown = (node: NodeView): NodeView => ({
	...node,
	latency_ms: twoDigits(node.latency_ms),
	last_seen: node.status === 'online' ? Math.floor(node.last_seen / MINUTE_MS) * MINUTE_MS : node.last_seen,
});

const isSame = (one: unknown, other: unknown): boolean =>
	one === other || JSON.stringify(one) === JSON.stringify(other);

/** Whether two views look the same, but for what changes with every heartbeat of a node that is well. */
const looksSame = (one: NodeView, other: NodeView): boolean => {
	const {storage_stats: storage, ...rest} = one;
	const {storage_stats: otherStorage, ...otherRest} = other;
	const isWell = one.status === 'online' && other.status === 'online';
	const keys = new Set(Object.keys({...rest, ...otherRest}) as (keyof typeof rest)[]);
	return (
		[...keys].every(
			key => isSame(rest[key], otherRest[key]) || (isWell && (key === 'last_seen' || key === 'in_flight')),
		) && (Object.keys(storage) as (keyof typeof storage)[]).every(key => storage[key] === otherStorage[key])
	);
};

export const createLiveNodes = (): LiveNodes => {
	/** The newest of each, as the coordinator's order has them, and what of that was shown. */
	const newest = new Map<string, NodeView>();
	const shown = new Map<string, NodeView>();
	const touched = new Set<string>();
	let isListed = false;
	let list: readonly NodeView[] | undefined;
	let refreshedAtMs: number | undefined;

	const show = (node: NodeView): boolean => {
		const before = shown.get(node.node_id);
		const after = toShown(node);
		newest.set(node.node_id, node);
		if (before && looksSame(before, after)) return false;
		shown.set(node.node_id, after);
		list = undefined;
		return true;
	};

	/** Brings the times up to date, for whoever looks next. That alone is no news. */
	const refresh = (nowMs: number) => {
		refreshedAtMs ??= nowMs;
		if (nowMs - refreshedAtMs < MINUTE_MS) return;
		refreshedAtMs = nowMs;
		for (const [id, node] of newest) {
			const after = toShown(node);
			if (shown.get(id)?.last_seen === after.last_seen) continue;
			shown.set(id, after);
			list = undefined;
		}
	};

	return {
		get: () => (isListed ? (list ??= [...shown.values()]) : undefined),
		beginListing: () => touched.clear(),
		takeListing(nodes) {
			let isSeen = !isListed;
			isListed = true;
			const ids = new Set(nodes.map(node => node.node_id));
			for (const id of [...shown.keys()].filter(known => !ids.has(known) && !touched.has(known))) {
				shown.delete(id);
				newest.delete(id);
				list = undefined;
				isSeen = true;
			}

			for (const node of nodes) if (!touched.has(node.node_id)) isSeen = show(node) || isSeen;
			return isSeen;
		},
		remove(id) {
			touched.add(id);
			newest.delete(id);
			if (!shown.delete(id)) return false;
			list = undefined;
			return true;
		},
		takeEvent(node, nowMs) {
			touched.add(node.node_id);
			const before = newest.get(node.node_id)?.status;
			const isSeen = show(node);
			if (!isSeen) refresh(nowMs);
			return {isSeen, isStatusNew: isListed && before !== node.status};
		},
	};
};
