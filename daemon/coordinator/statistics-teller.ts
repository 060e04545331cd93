import {isOperator, mayOwned} from '../core/access.js';
import type {Worker} from '../ports/worker.js';
import type {AlertWatch} from './alerts/alert-watch.js';
import type {Events} from './events.js';
import type {Fleet} from './fleet.js';
import type {Mover} from './mover.js';
import {movesView} from './moves-view.js';
import {repairView} from './repair-view.js';
import {statisticsOf, type StatisticsParts} from './statistics.js';
import type {NodeViewer} from './views.js';

type TellerParts = StatisticsParts & {
	alerts: Pick<AlertWatch, 'view'>;
	events: Events;
	fleet: Fleet;
	mover: Mover;
	viewNode: NodeViewer;
};

/**
Tells the figures when they changed, so that a console need not ask; operators, alerts and what is repaired and moved as well;
and whoever may know of a node that is drained, how far that is.
*/
export const createStatisticsTeller = (parts: TellerParts): Worker => {
	const {alerts, events, fleet, mover, repairer, viewNode} = parts;
	const told = new Map<string, string>();

	const tell = (key: string, value: unknown, publish: () => void) => {
		const text = JSON.stringify(value);
		if (told.get(key) === text) return;
		told.set(key, text);
		publish();
	};

	const tellDrains = () => {
		const draining = fleet.all().filter(({record}) => record.drain);
		const keys = new Set(draining.map(({record}) => record._id as string));
		for (const key of told.keys()) if (key.startsWith('pjas-') && !keys.has(key)) told.delete(key);
		for (const state of draining) {
			const node = viewNode(state);
			const publish = () => events.publish('node', node, principal => mayOwned(principal, state.record.owner));
			tell(state.record._id, node.drain, publish);
		}
	};

	return {
		name: 'statistics',
		step() {
			const stats = statisticsOf(parts);
			tell('stats', stats, () => events.publish('stats', stats));
			const repair = repairView(repairer);
			tell('repair', repair, () => events.publish('repair', repair, isOperator));
			const moves = movesView(mover);
			tell('moves', moves, () => events.publish('moves', moves, isOperator));
			const open = alerts.view();
			tell('alerts', open, () => events.publish('alerts', open, isOperator));
			tellDrains();
			return Promise.resolve('idle');
		},
	};
};
