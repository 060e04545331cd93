import type {AlertsView, AlertView as AlertShown} from '../../../source/protocol/alerts-api.js';
import {
	type Alert,
	alertsAfter,
	alertsAtStart,
	type AlertedNode,
	type AlertLimits,
	type AlertView,
	type Disk,
	type Heap,
} from '../../core/alerts.js';
import {isExcused, missedSince} from '../../core/condition.js';
import type {Catalog} from '../../ports/catalog.js';
import type {Clock, Random} from '../../ports/clock.js';
import type {Log} from '../../ports/log.js';
import type {Worker} from '../../ports/worker.js';
import type {FailedSignIns} from '../failed-sign-ins.js';
import type {Fleet, NodeState} from '../fleet.js';
import {nameInText} from '../name-in-text.js';
import type {Note} from '../note.js';
import {obstacleTexts} from '../repair-diary.js';
import type {Repairer} from '../repairer.js';
import type {AlertBook} from './alert-book.js';
import type {Delivery} from './alert-file.js';
import type {Webhooks} from './webhooks.js';

export type AlertWatchOptions = {
	catalog: Pick<Catalog, 'copiesLeft'>;
	fleet: Pick<Fleet, 'all' | 'counts'>;
	repairer: Pick<Repairer, 'status'>;
	failedSignIns: Pick<FailedSignIns, 'sum'>;
	/** When the last backup was made, where it is known. */
	backupAt: () => Promise<number | undefined>;
	/** The disk that the coordinator writes to. */
	disk: () => Promise<Disk | undefined>;
	/** Its memory, once that was gone through. */
	heap: () => Heap;
	limits: AlertLimits;
	book: AlertBook;
	webhooks: Pick<Webhooks, 'deliveriesOf' | 'status'>;
	clock: Pick<Clock, 'now' | 'monotonicMs'>;
	random: Random;
	log: Log;
	note: Note;
	/** There is something to deliver. */
	wake: () => void;
};

export type AlertWatch = Worker & {
	/** What is open, and how it stands with who is told of it. */
	view: () => AlertsView;
};

/** After a start: nodes that are there take so long to say so. */
const SETTLE_MS = 90_000;
const MOST_DELIVERIES = 1_000;
const ID_BYTES = 8;

const shownOf = ({id, node, openedAt, ...alert}: Alert): AlertShown => ({
	...alert,
	alert_id: id,
	node_id: node ?? null,
	opened_at: openedAt,
});

/** For how long a node is missed: none is that may be away, or that somebody empties. */
const missedMsOf = ({isOnline, record}: NodeState, now: number): number => {
	if (isOnline || record.drain || isExcused(record, now)) return 0;
	const since = missedSince(record, now);
	return since === undefined ? 0 : Math.max(0, now - since);
};

const alertedOf = (state: NodeState, now: number): AlertedNode => ({
	id: state.record._id,
	name: nameInText(state.record.name),
	isOnline: state.isOnline,
	missedMs: missedMsOf(state, now),
	allocatedBytes: state.record.allocatedBytes,
	freeBytes: state.record.freeBytes,
});

/** Looks again and again whether there is something that an operator must know, and sees to it that it is told. */
export const createAlertWatch = (options: AlertWatchOptions): AlertWatch => {
	const {catalog, fleet, repairer, failedSignIns, backupAt, disk, heap, limits, book, webhooks} = options;
	const {clock, random, log, note} = options;
	const settledMs = clock.monotonicMs() + SETTLE_MS;
	let state = alertsAtStart(book.get().open, clock.now());

	const newId = () => `alert_${Buffer.from(random.bytes(ID_BYTES)).toString('hex')}`;

	const look = async (now: number): Promise<AlertView> => {
		const {isPaused, counts, obstacle, totals} = repairer.status(0);
		return {
			nodes: fleet
				.all()
				.filter(({record}) => record.bannedAt === undefined)
				.map(each => alertedOf(each, now)),
			copies: catalog.copiesLeft(fleet.counts),
			repair: {
				isPaused,
				waiting: counts.waiting,
				blocked: counts.blocked,
				why: counts.blocked > 0 && obstacle ? obstacleTexts[obstacle] : undefined,
				doneChunks: totals.chunks,
			},
			failedSignIns: failedSignIns.sum(),
			backupAt: await backupAt(),
			disk: await disk(),
			heap: heap(),
		};
	};

	const deliveriesFor = (type: 'alert.opened' | 'alert.resolved', alert: Alert, now: number): Delivery[] =>
		webhooks.deliveriesOf({
			type,
			timestamp: new Date(now).toISOString(),
			data: {alert: shownOf(alert), resolved_at: type === 'alert.resolved' ? now : null},
		});

	const bounded = (deliveries: readonly Delivery[]): Delivery[] => {
		const surplus = deliveries.length - MOST_DELIVERIES;
		if (surplus > 0) log.error('too many alerts wait for webhooks: the oldest are not delivered', {dropped: surplus});
		return deliveries.slice(Math.max(0, surplus));
	};

	const tell = async (opened: readonly Alert[], resolved: readonly Alert[], now: number) => {
		for (const {text, remedy, node} of opened) note('WARN', `Alert: ${text}. ${remedy}`, node ? {node} : {});
		for (const {text, node} of resolved) note('INFO', `Over: ${text}`, node ? {node} : {});
		const added = [
			...opened.flatMap(alert => deliveriesFor('alert.opened', alert, now)),
			...resolved.flatMap(alert => deliveriesFor('alert.resolved', alert, now)),
		];
		await book.change(({deliveries}) => ({open: [...state.open], deliveries: bounded([...deliveries, ...added])}));
		options.wake();
	};

	return {
		name: 'alert watch',
		view: () => ({open: state.open.map(shownOf), webhooks: webhooks.status()}),
		async step() {
			if (clock.monotonicMs() < settledMs) return 'idle';
			const now = clock.now();
			const change = alertsAfter(state, {view: await look(now), limits, newId}, now);
			({state} = change);
			if (change.opened.length + change.resolved.length > 0) await tell(change.opened, change.resolved, now);
			return 'idle';
		},
	};
};
