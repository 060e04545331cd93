import {PjasError} from '../../source/protocol/errors.js';
import type {NodeId} from '../../source/protocol/ids.js';
import {isOffHours} from '../core/condition.js';
import type {Drain, Maintenance, NodeRecord} from '../core/model.js';
import {type WishedTexts, withoutWishes, withWishes} from '../core/wishes.js';
import type {Catalog} from '../ports/catalog.js';
import type {Clock} from '../ports/clock.js';
import type {Worker} from '../ports/worker.js';
import type {ChangeNode} from './change-node.js';
import type {Fleet, NodeState} from './fleet.js';
import {nameInText} from './name-in-text.js';
import type {Note} from './note.js';
import {many} from './repair-diary.js';

type NodeCareOptions = {
	catalog: Catalog;
	fleet: Fleet;
	changeNode: ChangeNode;
	clock: Pick<Clock, 'now'>;
	note: Note;
	/** Told of each node about which something was decided, or whose maintenance is over. */
	onChange: (state: NodeState) => void;
	/** Told of each node that is known no more. */
	onForgotten: (state: NodeState) => void;
};

/** What people say of a node: that it is to be emptied, or is about to be away. Its worker ends what is over. */
export type NodeCare = Worker & {
	/** Begins to empty a node; one that is being emptied goes on, and may change its mind about leaving. */
	drain: (id: NodeId, leaves: boolean, by: string) => Promise<NodeState>;
	cancelDrain: (id: NodeId, by: string) => Promise<NodeState>;
	/** Declares when a node may be away, in place of what was declared before. */
	maintain: (id: NodeId, window: Maintenance) => Promise<NodeState>;
	endMaintenance: (id: NodeId, by: string) => Promise<NodeState>;
	/**
	Wishes a node to have limits: it takes them over where its member lets it.

	@throws {PjasError} `OPERATION_UNSUPPORTED` where the node knows of no such wishes.
	*/
	wish: (id: NodeId, texts: WishedTexts, by: string) => Promise<NodeState>;
	/** Takes wishes back; what was taken over stays. */
	endWishes: (id: NodeId, by: string) => Promise<NodeState>;
	/** Writes down that a node which is drained has nothing left. */
	noteEmpty: (id: NodeId) => Promise<void>;
	/** Writes down since when a node that leaves is only waited for to remove shards, where that isn't yet. */
	noteAwaited: (id: NodeId) => Promise<void>;
	/**
	Forgets a node that nothing counts on: to come back it must join anew.

	@param mayLeave - Asked once more after what is written first: others go on meanwhile.
	*/
	forget: (id: NodeId, mayLeave: () => Promise<boolean>) => Promise<void>;
};

const REMOVALS_A_PAGE = 1000;
const MINUTE_MS = 60_000;

const byText = (by: string) => (by === '' ? '' : ` by ${by}`);

const utcText = (timeMs: number) => `${new Date(timeMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`;

/** What it was waited for before it was to stay is not counted. */
const leaving = (drain: Drain, leaves: boolean): Drain => {
	const copy = {...drain, leaves};
	delete copy.awaitedSince;
	return copy;
};

const withoutDrain = (record: NodeRecord): NodeRecord => {
	const copy = {...record};
	delete copy.drain;
	return copy;
};

/**
A record without its maintenance, which ended at `endedAt`. A node that is still away is so from then on: until then
nobody minded.
*/
const afterMaintenance = (record: NodeRecord, endedAt: number): NodeRecord => {
	const rest = {...record};
	delete rest.maintenance;
	return rest.awaySince === undefined ? rest : {...rest, awaySince: Math.max(rest.awaySince, endedAt)};
};

export const createNodeCare = (options: NodeCareOptions): NodeCare => {
	const {catalog, fleet, changeNode, clock, note, onChange, onForgotten} = options;
	/** The nodes that are away and outside the hours in which they take part. */
	const offHours = new Set<NodeId>();

	const tell = ({record}: NodeState, what: string) =>
		note('INFO', `Node ${nameInText(record.name)} ${what}`, {node: record._id, owner: record.owner});

	/** Changes a record, and says so where that changed anything. */
	const decide = async (
		id: NodeId,
		change: Parameters<ChangeNode>[1],
		what: (state: NodeState) => string,
	): Promise<NodeState> => {
		const {state, isChanged} = await changeNode(id, change);
		if (!isChanged) return state;
		tell(state, what(state));
		onChange(state);
		return state;
	};

	const drain: NodeCare['drain'] = async (id, leaves, by) => {
		const {sound, missing, corrupt} = catalog.shardCounts(id);
		const fresh = {startedAt: clock.now(), by, shards: sound + missing + corrupt, leaves};
		const change = (record: NodeRecord) =>
			record.drain?.leaves === leaves
				? undefined
				: {...record, drain: record.drain ? leaving(record.drain, leaves) : fresh};
		return decide(id, change, () => `is drained${byText(by)}${leaves ? ', and leaves when it is empty' : ''}`);
	};

	const cancelDrain: NodeCare['cancelDrain'] = async (id, by) =>
		decide(
			id,
			record => (record.drain ? withoutDrain(record) : undefined),
			() => `is no longer drained${by ? `: cancelled${byText(by)}` : ''}`,
		);

	const maintain: NodeCare['maintain'] = async (id, window) => {
		if (window.until <= clock.now()) {
			throw new PjasError('INVALID_REQUEST', 'This maintenance would be over already: say another time');
		}

		const {from, until, by} = window;
		return decide(
			id,
			record => ({...record, maintenance: window}),
			() => `is in maintenance${byText(by)} from ${utcText(from)} to ${utcText(until + MINUTE_MS - 1)}`,
		);
	};

	const endMaintenance: NodeCare['endMaintenance'] = async (id, by) =>
		decide(
			id,
			record => (record.maintenance ? afterMaintenance(record, clock.now()) : undefined),
			() => `is no longer in maintenance${by ? `: ended${byText(by)}` : ''}`,
		);

	const wish: NodeCare['wish'] = async (id, texts, by) => {
		if (fleet.get(id) && !fleet.get(id)?.record.line?.remote) {
			const problem = 'This node takes no limits from afar: its version is too old for it';
			throw new PjasError('OPERATION_UNSUPPORTED', `${problem}. Update it, or set them on its machine`);
		}

		const said = Object.entries(texts).map(([name, text]) => `${name.replaceAll('_', '-')} ${text}`);
		return decide(
			id,
			record => withWishes(record, texts, {by, now: clock.now()}),
			() => `is to have other limits${byText(by)}: ${said.join(', ')}`,
		);
	};

	const endWishes: NodeCare['endWishes'] = async (id, by) =>
		decide(id, withoutWishes, () => `is no longer to have other limits${by ? `: taken back${byText(by)}` : ''}`);

	/** A node that is back by then needs no line; of one that is not, everybody who waits for it should hear. */
	const endWindow = async (id: NodeId) => {
		const now = clock.now();
		const {state, isChanged} = await changeNode(id, record =>
			record.maintenance && record.maintenance.until <= now
				? afterMaintenance(record, record.maintenance.until)
				: undefined,
		);
		if (!isChanged) return;
		tell(state, `has had its maintenance${state.isOnline ? '' : ', and is still away'}`);
		onChange(state);
	};

	/** The hours of a node that is away begin or end: from then on it is missed, or not. */
	const watchHours = (state: NodeState, now: number) => {
		const {_id: id} = state.record;
		const isOff = !state.isOnline && isOffHours(state.record, now);
		if (isOff === offHours.has(id)) return;
		if (isOff) offHours.add(id);
		else offHours.delete(id);
		onChange(state);
	};

	/** Says how many there were. */
	const dropRemovals = async (id: NodeId): Promise<number> => {
		for (let dropped = 0; ;) {
			const page = await catalog.removals(id, REMOVALS_A_PAGE);
			await catalog.dropRemovals(page.map(({_id}) => _id));
			dropped += page.length;
			if (page.length < REMOVALS_A_PAGE) return dropped;
		}
	};

	return {
		name: 'node care',
		drain,
		cancelDrain,
		maintain,
		endMaintenance,
		wish,
		endWishes,
		async noteEmpty(id) {
			const change = (record: NodeRecord) =>
				record.drain && record.drain.emptyAt === undefined
					? {...record, drain: {...record.drain, emptyAt: clock.now()}}
					: undefined;
			await decide(id, change, () => 'is drained: it keeps no shard any more');
		},
		async noteAwaited(id) {
			await changeNode(id, record =>
				record.drain?.leaves && record.drain.awaitedSince === undefined
					? {...record, drain: {...record.drain, awaitedSince: clock.now()}}
					: undefined,
			);
		},
		async forget(id, mayLeave) {
			const state = fleet.get(id);
			if (!state) return;
			// One without keys could never show a new code.
			if (state.record.publicKeys) {
				const stored = await catalog.getSmall('departure', id);
				await catalog.putSmall('departure', {_id: id, leftAt: clock.now(), revision: stored?.revision ?? 0});
			}

			if (!(await mayLeave())) {
				await catalog.removeSmall('departure', id);
				return;
			}

			const left = await dropRemovals(id);
			await catalog.removeNode(id);
			fleet.forget(id);
			offHours.delete(id);
			tell(
				state,
				`has left the network${left > 0 ? `, with ${many(left, 'sealed shard')} that it did not remove` : ''}`,
			);
			onForgotten(state);
		},
		async step() {
			const now = clock.now();
			for (const state of fleet.all()) {
				const {record} = state;
				watchHours(state, now);
				if (record.maintenance && record.maintenance.until <= now) await endWindow(record._id);
			}

			return 'idle';
		},
	};
};
