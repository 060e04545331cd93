import {PjasError} from '../../source/protocol/errors.js';
import type {NodeId} from '../../source/protocol/ids.js';
import {createTally, type Tally} from '../core/metrics.js';
import type {ChunkRecord, NodeRecord} from '../core/model.js';
import {
	afterAudit,
	AUDIT_AGAIN_MS,
	AUDIT_EVERY_MS,
	type Failure,
	mayAudit,
	nextAuditAt,
	PASSES_NEEDED,
	SILENCES_ALLOWED,
} from '../core/node-audit.js';
import {createMinHeap} from '../core/min-heap.js';
import type {Catalog} from '../ports/catalog.js';
import type {Worker} from '../ports/worker.js';
import type {ChangeNode} from './change-node.js';
import type {NodeState} from './fleet.js';
import {nameInText} from './name-in-text.js';
import {createNodeChallenger, type NodeChallengerOptions, type Verdict} from './node-challenger.js';
import type {Note} from './note.js';
import type {ShardHealth} from './shard-health.js';

export type NodeAuditorOptions = Omit<NodeChallengerOptions, 'catalog'> & {
	catalog: Catalog;
	health: ShardHealth;
	changeNode: ChangeNode;
	note: Note;
	/**
	Whether the catalogue came out of a backup of late: what it says may be older than what nodes hold, so that who lacks a
	shard need not have lost it.
	*/
	isRestored: () => boolean;
	/** A node's record changed. */
	onChange: (state: NodeState) => void;
	/** A node was suspended, or is trusted again: what it holds counts no longer, or once more. */
	onTrust: (state: NodeState) => void;
};

/**
`passed`; why it failed; `unreadable`: its disk does not give the shard, which is replaced and not held against it;
`silent`: no answer came, which counts only when it happens again and again; `nothing-held`: there is nothing to prove;
`stale`: the chunk changed meanwhile.
*/
export type AuditOutcome = 'passed' | Failure | 'unreadable' | 'silent' | 'nothing-held' | 'stale';

export type NodeAudit = {
	outcome: AuditOutcome;
	/** Of which chunk a shard was asked for. */
	chunk: ChunkRecord | undefined;
	/** Whether it was read whole. */
	isRead: boolean;
};

export type NodeAuditor = Worker & {
	/** Audits a node now. Throws `NODE_NOT_FOUND`, and `CONFLICT` where it is not online or in maintenance. */
	audit: (node: NodeId, signal: AbortSignal) => Promise<NodeAudit>;
	/** How many audits came out how, since the start. */
	outcomes: Tally<'outcome'>;
};

const AT_ONCE = 8;
/** A node that has just come is first asked what it holds. */
const SETTLE_MS = 120_000;
const LOOK_EVERY_MS = 60_000;

const reasons: Record<Failure, string> = {
	missing: 'it lacks a shard that it should hold',
	corrupt: 'it holds other bytes than it should',
	'no-proof': 'it is online and does not prove what it holds',
};

/** Has each node prove about once an hour that it holds what it should. */
export const createNodeAuditor = (options: NodeAuditorOptions): NodeAuditor => {
	const {catalog, fleet, health, changeNode, clock, random, log, note, isRestored, onChange, onTrust} = options;
	const challenger = createNodeChallenger(options);
	/** When each node's next audit is due; and the same in order, with some that are out of date. */
	const dues = new Map<NodeId, number>();
	const queue = createMinHeap<{node: NodeId; at: number}>((one, other) => one.at < other.at);
	let lookedAtMs = -Infinity;
	const outcomes = createTally<'outcome'>();
	const active = new Map<NodeId, Promise<NodeAudit>>();
	/** How often in a row each node left an audit without an answer. */
	const silences = new Map<NodeId, number>();
	/** The nodes that answered last, at most two: where nobody does, it is not a node's fault. */
	let answered: {node: NodeId; at: number}[] = [];

	const conclude = async ({record: {_id: node}}: NodeState, outcome: 'passed' | Failure): Promise<void> => {
		let before: NodeRecord['suspension'];
		const {state} = await changeNode(node, record => {
			before = record.suspension;
			return afterAudit(record, outcome, clock.now());
		});
		const {name, owner, suspension} = state.record;
		const about = {node, owner};
		const called = `Node ${nameInText(name)}`;
		if (outcome !== 'passed') {
			const rest = `It gets no new shards and its copies don't count until it passes ${PASSES_NEEDED} in a row`;
			note('WARN', `${called} failed an audit and is suspended: ${reasons[outcome]}. ${rest}`, about);
		} else if (before && !suspension) {
			note('INFO', `${called} passed ${PASSES_NEEDED} audits in a row and is trusted again`, about);
		}

		onChange(state);
		if ((before === undefined) !== (suspension === undefined)) onTrust(state);
	};

	/** Whether the catalogue still counts on the shard that was asked for. */
	const isCounted = async (chunk: ChunkRecord, node: NodeId): Promise<boolean> => {
		const stored = await catalog.getChunk(chunk._id);
		const isThere = stored?.shards.some(shard => shard.node === node && !shard.fault) ?? false;
		return isThere && catalog.hasRecord(chunk.file);
	};

	const noteAnswer = (node: NodeId) => {
		answered = [{node, at: clock.now()}, ...answered.filter(each => each.node !== node)].slice(0, 2);
	};

	/** Counts a silence against a node only where others could be reached meanwhile. */
	const noteSilence = async (state: NodeState): Promise<AuditOutcome> => {
		const {_id: node} = state.record;
		const since = clock.now() - AUDIT_AGAIN_MS;
		if (!answered.some(each => each.node !== node && each.at >= since)) return 'silent';
		const count = (silences.get(node) ?? 0) + 1;
		silences.set(node, count);
		if (count <= SILENCES_ALLOWED) return 'silent';
		silences.delete(node);
		await conclude(state, 'no-proof');
		return 'no-proof';
	};

	/** Writes down what was found of a shard, and what follows for its node. */
	const judge = async (
		state: NodeState,
		chunk: ChunkRecord,
		verdict: Verdict,
		isRead: boolean,
	): Promise<AuditOutcome> => {
		const {_id: node} = state.record;
		const digest = chunk.shards.find(shard => shard.node === node)?.digest;
		if (digest === undefined || !(await isCounted(chunk, node))) return 'stale';
		if (verdict === 'silent') return 'silent';
		if (verdict === 'right') {
			if (isRead) await health.record(chunk._id, [{node, digest, result: 'ok'}]);
			return 'passed';
		}

		await health.record(chunk._id, [{node, digest, result: verdict === 'missing' ? 'missing' : 'corrupt'}]);
		if (verdict === 'unreadable') return 'unreadable';
		if (verdict === 'missing' && isRestored()) return 'stale';
		// In the meantime it may have been said that it goes into maintenance.
		if (!mayAudit(state.record, clock.now())) return 'stale';
		await conclude(state, verdict);
		return verdict;
	};

	const run = async (state: NodeState, signal: AbortSignal): Promise<NodeAudit> => {
		const {_id: subject} = state.record;
		const chunk = await challenger.chooseChunk(subject);
		if (!chunk) {
			// Who has nothing left to hold, as all was copied elsewhere, has nothing left to be doubted for.
			if (state.record.suspension) await conclude(state, 'passed');
			return {outcome: 'nothing-held', chunk: undefined, isRead: false};
		}

		const {verdicts, read} = await challenger.examine(chunk, subject, signal);
		let outcome: AuditOutcome = 'stale';
		for (const [node, verdict] of verdicts) {
			if (verdict !== 'silent') noteAnswer(node);
			const holder = fleet.get(node);
			if (!holder) continue;
			const found = await judge(holder, chunk, verdict, read.includes(node));
			if (node === subject) outcome = found;
		}

		if (outcome === 'silent') outcome = await noteSilence(state);
		else silences.delete(subject);
		if (outcome === 'passed') await conclude(state, 'passed');
		return {outcome, chunk, isRead: read.includes(subject)};
	};

	const setDue = (node: NodeId, at: number) => {
		dues.set(node, at);
		queue.push({node, at});
	};

	const schedule = (id: NodeId, outcome: AuditOutcome) => {
		const state = fleet.get(id);
		if (!state) return;
		const isSoon = outcome === 'silent' || outcome === 'stale' || outcome === 'unreadable';
		const now = clock.now();
		setDue(id, isSoon ? now + AUDIT_AGAIN_MS : nextAuditAt(state.record, now, random.float()));
	};

	const audit = async (state: NodeState, signal: AbortSignal): Promise<NodeAudit> => {
		const {_id: id} = state.record;
		const running = active.get(id);
		if (running) return running;
		const started = run(state, signal);
		active.set(id, started);
		try {
			const done = await started;
			outcomes.add({outcome: done.outcome});
			schedule(id, done.outcome);
			return done;
		} finally {
			active.delete(id);
		}
	};

	const isAble = ({isOnline, record}: NodeState, now: number) => isOnline && mayAudit(record, now);

	/** Looks for nodes that came, once in a while: it costs by the number of all. */
	const lookAround = (now: number) => {
		if (clock.monotonicMs() < lookedAtMs + LOOK_EVERY_MS) return;
		lookedAtMs = clock.monotonicMs();
		for (const state of fleet.all()) {
			const {record} = state;
			if (!isAble(state, now)) {
				dues.delete(record._id);
				silences.delete(record._id);
				continue;
			}

			// Where the clock was set back, what is due in an hour would be due in many.
			const isSet = active.has(record._id) || (dues.get(record._id) ?? Infinity) <= now + AUDIT_EVERY_MS + SETTLE_MS;
			if (!isSet) setDue(record._id, Math.max(now + SETTLE_MS, nextAuditAt(record, now, random.float())));
		}
	};

	/** Takes some nodes whose audits are due, the longest overdue first. */
	const takeDue = (): NodeState[] => {
		const now = clock.now();
		lookAround(now);
		const taken: NodeState[] = [];
		for (let next = queue.first(); next && next.at <= now && taken.length < AT_ONCE; next = queue.first()) {
			queue.dropFirst();
			const {node, at} = next;
			if (dues.get(node) !== at) continue;
			dues.delete(node);
			const state = fleet.get(node);
			if (state && isAble(state, now) && !active.has(node)) taken.push(state);
		}

		return taken;
	};

	return {
		name: 'node auditor',
		outcomes,
		async audit(id, signal) {
			const state = fleet.get(id);
			if (!state) throw new PjasError('NODE_NOT_FOUND', 'Node not found: it never joined this network');
			if (!state.isOnline || !mayAudit(state.record, clock.now())) {
				throw new PjasError('CONFLICT', 'Only a node that is online and not in maintenance can be audited');
			}

			return audit(state, signal);
		},
		async step(signal) {
			const due = takeDue();
			await Promise.all(
				due.map(async state => {
					try {
						await audit(state, signal);
					} catch (error) {
						if (signal.aborted) return;
						log.error('a node could not be audited; it is tried again', {node: state.record._id, error});
						setDue(state.record._id, clock.now() + AUDIT_AGAIN_MS);
					}
				}),
			);
			return due.length === AT_ONCE ? 'busy' : 'idle';
		},
	};
};
