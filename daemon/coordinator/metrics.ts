import type {Disk} from '../core/alerts.js';
import {counter, gauge, gaugeBy, type MetricFamily} from '../core/metrics.js';
import type {NodeRecord} from '../core/model.js';
import type {NodeLinks} from '../ports/node-links.js';
import type {NodeState} from './fleet.js';
import type {ChunkCache} from './chunk-cache.js';
import type {MemoryBudget} from './memory-budget.js';
import type {Parts} from './routes/parts.js';

/** The catalogue's file, in bytes, and since the start the documents written to it and how often it was synced. */
export type CatalogFigures = {fileBytes: number; liveBytes: number; documents: number; syncs: number};

export type MetricsParts = Pick<
	Parts,
	'alerts' | 'catalog' | 'fleet' | 'meters' | 'repairer' | 'mover' | 'nodeAuditor' | 'events' | 'version'
> & {
	budget: Pick<MemoryBudget, 'usedBytes' | 'waiting' | 'limitBytes'>;
	cache: Pick<ChunkCache, 'usedBytes'>;
	nodeLinks: Pick<NodeLinks, 'count'>;
	/** Where the catalogue is in a file. */
	catalogFigures?: (() => CatalogFigures) | undefined;
	/** The disk that the coordinator writes to, where its system tells. */
	disk: Disk | undefined;
};

const SECOND_MS = 1000;

const nodeStatusOf = ({isOnline, record}: NodeState): string => {
	if (record.bannedAt !== undefined) return 'banned';
	if (!isOnline) return 'offline';
	if (record.suspension) return 'suspended';
	return record.drain ? 'draining' : 'online';
};

const sumOf = (states: readonly NodeState[], pick: (record: NodeRecord) => number): number =>
	states.reduce((sum, {record}) => sum + pick(record), 0);

const requestMetrics = ({meters}: MetricsParts): MetricFamily[] => [
	{
		name: 'pjas_http_requests_total',
		help: 'Requests that are over, by route and class of status; cut_off where the answer did not go out whole',
		type: 'counter',
		samples: meters.requests.samples(),
	},
	{
		name: 'pjas_http_request_duration_seconds',
		help: 'How long requests took, from their head to the end of their answer; without streams of events',
		type: 'histogram',
		samples: meters.durations.samples(),
	},
	counter('pjas_upload_bytes_total', 'Bytes of files that came in', meters.bytesIn),
	counter('pjas_download_bytes_total', 'Bytes of files that went out', meters.bytesOut),
	{name: 'pjas_uploads_total', help: 'Uploads by their outcome', type: 'counter', samples: meters.uploads.samples()},
	{
		name: 'pjas_downloads_total',
		help: 'Downloads of files by their outcome',
		type: 'counter',
		samples: meters.downloads.samples(),
	},
	{
		name: 'pjas_sign_ins_total',
		help: 'Passwords that were tried, by their outcome',
		type: 'counter',
		samples: meters.signIns.samples(),
	},
];

const nodeMetrics = ({fleet, nodeLinks, nodeAuditor, meters}: MetricsParts): MetricFamily[] => {
	const states = fleet.all();
	const online = states.filter(({isOnline}) => isOnline);
	const statuses: Record<string, number> = {online: 0, offline: 0, suspended: 0, draining: 0, banned: 0};
	for (const state of states) statuses[nodeStatusOf(state)] = (statuses[nodeStatusOf(state)] ?? 0) + 1;
	const links = states.reduce((sum, {record}) => sum + nodeLinks.count(record._id), 0);
	const passes = online.flatMap(({record}) => record.scrub?.completed?.startedAt ?? []);
	return [
		gaugeBy('status', {name: 'pjas_nodes', help: 'Nodes that joined, by how they are'}, statuses),
		gauge(
			'pjas_nodes_allocated_bytes',
			'What all nodes may keep',
			sumOf(states, record => record.allocatedBytes),
		),
		gauge(
			'pjas_nodes_used_bytes',
			'What all nodes keep',
			sumOf(states, record => record.usedBytes),
		),
		gauge(
			'pjas_nodes_free_bytes',
			'What nodes that are online can still take',
			sumOf(online, each => each.freeBytes),
		),
		gauge('pjas_node_links', 'Links that nodes have open', links),
		{
			name: 'pjas_node_audits_total',
			help: 'Audits of nodes by their outcome',
			type: 'counter',
			samples: nodeAuditor.outcomes.samples(),
		},
		{
			name: 'pjas_shard_faults_total',
			help: 'Shards that were sound and are found missing or corrupt',
			type: 'counter',
			samples: meters.faults.samples(),
		},
		...(passes.length === 0
			? []
			: [
					gauge(
						'pjas_scrub_oldest_pass_timestamp_seconds',
						'When, of the last whole scrubs of the nodes that are online, the first began: all that they keep was read since',
						Math.min(...passes) / SECOND_MS,
					),
				]),
	];
};

const dataMetrics = ({catalog, fleet, catalogFigures, disk}: MetricsParts): MetricFamily[] => {
	const {files, fileBytes, removals} = catalog.totals();
	const trash = catalog.trashTotals();
	const {full, partly, one, none} = catalog.copiesLeft(fleet.counts);
	const inFile = catalogFigures?.();
	return [
		gauge('pjas_files', 'Files, without those in the trash', files),
		gauge('pjas_files_bytes', 'Their size', fileBytes),
		gauge('pjas_trash_files', 'Files in the trash', trash.files),
		gauge('pjas_trash_bytes', 'Their size', trash.bytes),
		gaugeBy(
			'redundancy',
			{
				name: 'pjas_chunks',
				help: 'Chunks by their copies that count: as many as wanted, fewer, one of several, or none',
			},
			{full, partly, one_copy: one, lost: none},
		),
		gauge('pjas_removals_pending', 'Shards that are still to be removed from nodes', removals),
		...(disk
			? [
					gauge('pjas_data_disk_bytes', 'Size of the disk of the data folder', disk.sizeBytes),
					gauge('pjas_data_disk_free_bytes', 'What of it is free', disk.freeBytes),
				]
			: []),
		...(inFile
			? [
					gauge('pjas_catalog_file_bytes', "Size of the catalogue's file", inFile.fileBytes),
					gauge('pjas_catalog_live_bytes', 'What of it still holds', inFile.liveBytes),
					counter('pjas_catalog_writes_total', 'Documents that were written to the catalogue', inFile.documents),
					counter('pjas_catalog_syncs_total', 'How often the disk was waited for (fdatasync) for that', inFile.syncs),
				]
			: []),
	];
};

const healingMetrics = ({repairer, mover}: MetricsParts): MetricFamily[] => {
	const repair = repairer.status(0);
	const moves = mover.status();
	const {waiting, blocked, surplus} = repair.counts;
	return [
		gauge('pjas_repair_paused', '1 while repair is paused', Number(repair.isPaused)),
		gaugeBy(
			'state',
			{
				name: 'pjas_repair_queue_chunks',
				help: 'Chunks that need repair: waiting, blocked, with copies to spare; and those under way',
			},
			{waiting, blocked, surplus, active: repair.active.length},
		),
		counter('pjas_repair_chunks_total', 'Chunks that were repaired', repair.totals.chunks),
		counter('pjas_repair_shards_total', 'Shards that repairs made', repair.totals.copies),
		counter('pjas_repair_bytes_total', 'Bytes of these', repair.totals.bytes),
		gaugeBy(
			'state',
			{name: 'pjas_move_queue_shards', help: 'Shards that must move: waiting, blocked, under way'},
			{waiting: moves.waiting, blocked: moves.blocked, active: moves.active.length},
		),
		counter('pjas_move_shards_total', 'Shards that were moved', moves.done.shards),
		counter('pjas_move_bytes_total', 'Bytes of these', moves.done.bytes),
	];
};

const alertMetrics = ({alerts}: MetricsParts): MetricFamily[] => {
	const {open, webhooks} = alerts.view();
	const bySeverity = {critical: 0, warning: 0};
	for (const {severity} of open) bySeverity[severity]++;
	const pending = webhooks.reduce((sum, each) => sum + each.pending, 0);
	return [
		gaugeBy('severity', {name: 'pjas_alerts', help: 'Alerts that are open'}, bySeverity),
		gauge('pjas_webhook_deliveries_pending', 'What webhooks are still to be told', pending),
	];
};

/** The coordinator's figures. Costs by the number of nodes, and of files where some came or went; not by what is stored. */
export const coordinatorMetrics = (parts: MetricsParts): MetricFamily[] => {
	const {budget, cache, events, version} = parts;
	return [
		gaugeBy('version', {name: 'pjas_coordinator_info', help: 'Always 1, with the version'}, {[version]: 1}),
		...requestMetrics(parts),
		...nodeMetrics(parts),
		...dataMetrics(parts),
		...healingMetrics(parts),
		...alertMetrics(parts),
		gauge('pjas_memory_limit_bytes', 'What buffers of chunks may take together', budget.limitBytes),
		gauge('pjas_memory_used_bytes', 'What they take', budget.usedBytes()),
		gauge(
			'pjas_memory_kept_bytes',
			'What of it nobody needs now: small chunks just written or read',
			cache.usedBytes(),
		),
		gauge('pjas_memory_waiting', 'How many wait for a buffer', budget.waiting()),
		gauge('pjas_event_listeners', 'Programs that listen to events', events.subscribers),
	];
};
