import type {Stats} from '../../source/protocol/api.js';
import {dataHealth, redundancyFrom} from '../core/redundancy.js';
import {strangersKeptUntil} from '../core/restored.js';
import type {Catalog} from '../ports/catalog.js';
import type {Clock} from '../ports/clock.js';
import type {Fleet, NodeState} from './fleet.js';
import type {Meters} from './meters.js';
import {repairFigures} from './repair-view.js';
import type {Repairer} from './repairer.js';

const sum = (states: readonly NodeState[], pick: (state: NodeState) => number) =>
	states.reduce((total, state) => total + pick(state), 0);

export type StatisticsParts = {
	catalog: Catalog;
	fleet: Fleet;
	meters: Pick<Meters, 'bytesIn' | 'bytesOut'>;
	open: boolean;
	repairer: Repairer;
	clock: Pick<Clock, 'now'>;
	restoredAt: number | undefined;
};

/** The network's figures. Costs by the number of nodes, and of files where some came or went; not by what is stored. */
export const statisticsOf = ({catalog, fleet, meters, open, repairer, clock, restoredAt}: StatisticsParts): Stats => {
	const nodes = fleet.all();
	const online = nodes.filter(state => state.isOnline);
	const totals = catalog.totals();
	const keptUntil = strangersKeptUntil(restoredAt, clock.now());
	const redundancy = redundancyFrom(catalog.copiesLeft(fleet.counts));
	return {
		totalNodes: nodes.length,
		onlineNodes: online.length,
		totalStorage: sum(nodes, ({record}) => record.allocatedBytes),
		usedStorage: sum(nodes, ({record}) => record.usedBytes),
		networkHealth: nodes.length === 0 ? 100 : Math.round((100 * online.length) / nodes.length),
		activeFiles: totals.files,
		freeStorage: sum(online, ({record}) => record.freeBytes),
		fileBytes: totals.fileBytes,
		chunks: totals.chunks,
		redundancy,
		dataHealth: dataHealth(redundancy),
		bytesIn: meters.bytesIn,
		bytesOut: meters.bytesOut,
		open,
		pendingRemovals: totals.removals,
		repair: repairFigures(repairer),
		...(keptUntil !== undefined && {orphansKeptUntil: keptUntil}),
		trash: catalog.trashTotals(),
	};
};
