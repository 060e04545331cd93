import type {NodeId} from '../../source/protocol/ids.js';
import {isPjasError} from '../../source/protocol/errors.js';
import type {NodeRecord, NodeStatus} from '../core/model.js';
import type {Clock} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import type {ChangeNode} from './change-node.js';
import type {NodeState} from './fleet.js';

/** Asks a node whether it is there: how it is, or an error. */
export type Probe = (node: NodeRecord, signal: AbortSignal) => Promise<NodeStatus>;

/** How a node is reached. */
export type Way = Pick<NodeRecord, 'kind' | 'addressProblem'>;

export type Reach = {
	/** How a node is reached that registers as this record says. */
	find: (record: NodeRecord, stored: NodeRecord | undefined, isReady: boolean) => Promise<Way>;
	/** Looks again, in the background, where there is reason to: the address fails, or might lead to the node by now. */
	lookAgain: (state: NodeState) => void;
};

export type ReachOptions = {
	/** Asks a node at its address, from outside. */
	checkAddress: Probe;
	changeNode: ChangeNode;
	clock: Clock;
	log: Log;
	/** A node is reached in another way from now on. */
	onChange: (state: NodeState) => void;
};

/** A node waits ten seconds for the answer to its registration. */
const CHECK_TIMEOUT_MS = 6_000;
const FAILING_AGAIN_MS = 30_000;
const WORKING_AGAIN_MS = 10 * 60_000;

/** Asks, but doesn't wait for ever. */
export const askInTime = async (
	probe: Probe,
	node: NodeRecord,
	{clock, timeoutMs}: {clock: Pick<Clock, 'timer'>; timeoutMs: number},
): Promise<NodeStatus> => {
	const timeout = new AbortController();
	const cancel = clock.timer(timeoutMs, () => timeout.abort(new Error('no answer came in time')));
	try {
		return await probe(node, timeout.signal);
	} finally {
		cancel();
	}
};

const withWay = (record: NodeRecord, {kind, addressProblem}: Way): NodeRecord => {
	const copy = {...record, kind};
	if (addressProblem === undefined) delete copy.addressProblem;
	else copy.addressProblem = addressProblem;
	return copy;
};

/** Decides how nodes are reached. An address is believed once the node itself has answered there. */
export const createReach = ({checkAddress, changeNode, clock, log, onChange}: ReachOptions): Reach => {
	const checkedAt = new Map<NodeId, number>();

	const check = async (record: NodeRecord): Promise<Way> => {
		checkedAt.set(record._id, clock.monotonicMs());
		try {
			await askInTime(checkAddress, {...record, kind: 'direct'}, {clock, timeoutMs: CHECK_TIMEOUT_MS});
			return {kind: 'direct'};
		} catch (error) {
			log.info("a node's address does not lead to it", {node: record._id, address: record.address, error});
			const problem = isPjasError(error) ? error.message : 'no answer came in time';
			return {kind: 'link', addressProblem: problem};
		}
	};

	const hasReason = ({record: {_id, kind, address, publicKeys}, failures}: NodeState): boolean => {
		if (kind === 'classic' || address === '' || !publicKeys) return false;
		if (kind === 'direct' && failures === 0) return false;
		const restMs = kind === 'direct' ? FAILING_AGAIN_MS : WORKING_AGAIN_MS;
		return clock.monotonicMs() - (checkedAt.get(_id) ?? -Infinity) >= restMs;
	};

	const recheck = async ({record}: NodeState): Promise<void> => {
		const way = await check(record);
		if (way.kind === record.kind) return;
		const {state, isChanged} = await changeNode(record._id, stored =>
			stored.address === record.address && stored.kind === record.kind ? withWay(stored, way) : undefined,
		);
		if (isChanged) onChange(state);
	};

	return {
		async find(record, stored, isReady) {
			if (record.kind === 'classic') return {kind: 'classic'};
			// Without keys it can't open a link, nor show that it is itself at its address.
			if (!record.publicKeys) return {kind: 'direct'};
			if (record.address === '') return {kind: 'link'};
			if (isReady) return check(record);
			return {kind: stored?.address === record.address ? stored.kind : 'link'};
		},
		lookAgain(state) {
			if (!hasReason(state)) return;
			recheck(state).catch((error: unknown) => log.warn('how a node is reached could not be looked at', {error}));
		},
	};
};
