import {Box} from 'ink';
import type {NodeView} from '../client/api.js';
import {Lines} from '../components/lines.js';
import {bar} from '../components/pictures.js';
import {insideOf, Panel} from '../components/panel.js';
import {TableView} from '../components/table-view.js';
import {createTable, type Column} from '../console/table.js';
import type {Theme} from '../console/theme.js';
import type {Action, Area, Console, View} from '../console/view.js';
import {createInviteNodeForm} from '../dialogs/invite-node.js';
import {formatSize} from '../format.js';
import {lastSeen, latencyOf, nodeFacts, reachOf, stateOf, usedShare, usedTone, versionOf} from './node-facts.js';
import {nodeActions} from './node-actions.js';
import {createNodeDetails} from './node-details.js';
import {inviteNodeProblem} from './people-rights.js';
import {waiting} from './waiting.js';

const MOST_BAR = 14;
const LEAST_BAR = 4;
const SIDE_FROM_COLUMNS = 150;
const SIDE_COLUMNS = 52;

const columnsOf = (theme: Theme, now: () => number): Column<NodeView>[] => [
	{
		id: 'name',
		title: 'NAME',
		min: 12,
		max: 40,
		grow: 3,
		priority: 0,
		cell: node => node.name,
		sortBy: node => node.name,
	},
	{
		id: 'state',
		title: 'STATE',
		min: 12,
		priority: 1,
		cell: node => stateOf(node, now()),
		sortBy: node => stateOf(node, now()).text,
	},
	{
		id: 'used',
		title: 'USED',
		min: 20,
		max: 34,
		grow: 2,
		priority: 2,
		isDescending: true,
		cell(node, width) {
			const figures = `${Math.round(usedShare(node) * 100)}% of ${formatSize(node.storage_stats.allocated_bytes)}`;
			const barWidth = Math.min(MOST_BAR, width - figures.length - 1);
			if (barWidth < LEAST_BAR) return figures;
			return [...bar(usedShare(node), barWidth, theme, usedTone(node)), {text: ` ${figures}`}];
		},
		sortBy: usedShare,
	},
	{
		id: 'shards',
		title: 'SHARDS',
		min: 7,
		priority: 4,
		align: 'right',
		isDescending: true,
		cell: node => String(node.chunks_stored),
		sortBy: node => node.chunks_stored,
	},
	{
		id: 'seen',
		title: 'SEEN',
		min: 10,
		priority: 3,
		isDescending: true,
		cell: node => lastSeen(node, now()),
		sortBy: node => (node.status === 'online' ? Number.MAX_SAFE_INTEGER : node.last_seen),
	},
	{
		id: 'owner',
		title: 'OWNER',
		min: 8,
		max: 20,
		grow: 1,
		priority: 5,
		cell: node => node.owner,
		sortBy: node => node.owner,
	},
	{
		id: 'zone',
		title: 'ZONE',
		min: 8,
		max: 20,
		grow: 1,
		priority: 6,
		cell: node => node.zone,
		sortBy: node => node.zone,
	},
	{
		id: 'latency',
		title: 'LATENCY',
		min: 8,
		priority: 7,
		align: 'right',
		isDescending: true,
		cell: latencyOf,
		sortBy: node => node.latency_ms ?? -1,
	},
	{id: 'reach', title: 'REACHED', min: 8, priority: 8, cell: reachOf, sortBy: reachOf},
	{id: 'version', title: 'VERSION', min: 8, priority: 9, cell: versionOf, sortBy: node => node.version},
];

const none = [
	'No node has joined yet.',
	'i makes a code with which one joins, and tells the command for its machine:',
	'pjas-daemon join CODE ./storage 100',
];

/** Every node that ever joined: whose it is, how it does and how full it is. */
export const createNodesScreen = (console: Console): View => {
	const nodes = () => console.live.get().nodes ?? [];
	const open = (node: NodeView) => console.open(createNodeDetails(console, node.node_id));
	const table = createTable<NodeView>({
		columns: columnsOf(console.theme, console.clock.now),
		rows: nodes,
		keyOf: node => node.node_id,
		textOf: node => `${node.name} ${node.status} ${node.owner} ${node.zone} ${node.node_id} ${node.address}`,
		sort: {column: 'name', isDescending: false},
		changed: console.changed,
		open,
		copy: node => console.copy(node.node_id),
	});

	const [first, ...others] = table.actions();
	const invite: Action = {
		id: 'nodes.invite',
		run: () => console.open(createInviteNodeForm(console)),
		problem: () => inviteNodeProblem(console.live.get().whoami),
	};
	const actions = [...(first ? [first] : []), ...nodeActions(console, table.selected), invite, ...others];

	const title = () => {
		const all = nodes();
		const online = all.filter(({status}) => status === 'online').length;
		const behind = all.filter(node => node.is_behind).length;
		const waiting = behind === 0 ? '' : `, ${behind} to be updated`;
		return all.length === 0 ? 'Nodes' : `Nodes: ${online} of ${all.length} online${waiting}`;
	};

	const list = (area: Area) => (
		<Panel title={title()} area={area} theme={console.theme} isFocused>
			<TableView
				table={table}
				area={insideOf(area)}
				theme={console.theme}
				empty={console.live.get().nodes ? none : waiting(console, 'its nodes')}
			/>
		</Panel>
	);

	return {
		title: () => 'Nodes',
		actions: () => actions,
		isTyping: table.isTyping,
		key: table.key,
		back: table.reset,
		goTo(place) {
			if (place.screen !== 'nodes') return;
			table.setFilter(place.filter ?? '');
			if (place.node !== undefined) table.select(place.node);
		},
		render(area) {
			const node = table.selected();
			if (area.columns < SIDE_FROM_COLUMNS || !node) return list(area);
			const side = {columns: SIDE_COLUMNS, rows: area.rows};
			const {theme, clock} = console;
			const facts = nodeFacts(node, undefined, {theme, nowMs: clock.now(), width: insideOf(side).columns});
			return (
				<Box>
					{list({columns: area.columns - SIDE_COLUMNS, rows: area.rows})}
					<Panel title={node.name} area={side} theme={console.theme}>
						<Lines theme={console.theme} lines={facts} rows={insideOf(side).rows} />
					</Panel>
				</Box>
			);
		},
		describe() {
			const node = table.selected();
			const selection =
				node &&
				`${node.name}, ${stateOf(node, console.clock.now()).text}, ${formatSize(node.storage_stats.used_bytes)} of ${formatSize(node.storage_stats.allocated_bytes)} used, ${node.chunks_stored} shards, owner ${node.owner}, zone ${node.zone}`;
			return {title: title(), ...(selection !== undefined && {selection})};
		},
	};
};
