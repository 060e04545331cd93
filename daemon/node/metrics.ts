import {gauge, gaugeBy, type MetricFamily} from '../core/metrics.js';
import type {Contact} from './contact.js';
import type {NodeStore} from './folder.js';
import type {Links} from './links.js';
import type {Member} from './member.js';
import type {NodeMeters} from './meters.js';
import type {Scrubber} from './scrubber.js';

export type NodeMetricsParts = {
	version: string;
	meters: NodeMeters;
	shards: Pick<NodeStore, 'figures'>;
	member: Pick<Member, 'carried' | 'resting'>;
	scrubber: Pick<Scrubber, 'report' | 'found'>;
	links: Pick<Links, 'count'> | undefined;
	contact: Pick<Contact, 'view'>;
};

const SECOND_MS = 1000;

const askedMetrics = ({meters}: NodeMetricsParts): MetricFamily[] => [
	{
		name: 'pjas_node_requests_total',
		help: 'Requests that are over, by what they asked and class of status; cut_off where the answer did not go out whole',
		type: 'counter',
		samples: meters.requests.samples(),
	},
	{
		name: 'pjas_node_request_duration_seconds',
		help: 'How long they took, from their head to the end of their answer',
		type: 'histogram',
		samples: meters.durations.samples(),
	},
	{
		name: 'pjas_node_shard_operations_total',
		help: 'Shards that were put and got, by their outcome',
		type: 'counter',
		samples: meters.shards.samples(),
	},
	{
		name: 'pjas_node_shard_bytes_total',
		help: 'Bytes of shards that were put and got',
		type: 'counter',
		samples: meters.shardBytes.samples(),
	},
];

const scrubMetrics = ({scrubber}: NodeMetricsParts): MetricFamily[] => {
	const report = scrubber.report();
	const completed = report?.completed?.ended_at;
	return [
		{
			name: 'pjas_node_scrub_faults_total',
			help: 'Bad shards that the scrub found',
			type: 'counter',
			samples: scrubber.found.samples(),
		},
		...(report
			? [gauge('pjas_node_scrub_progress_ratio', 'How far the present scrub is, from 0 to 1', report.progress)]
			: []),
		...(completed === undefined
			? []
			: [
					gauge(
						'pjas_node_scrub_completed_timestamp_seconds',
						'When the last whole scrub ended',
						completed / SECOND_MS,
					),
				]),
	];
};

/** A node's figures. Costs the same however much it keeps. */
export const nodeMetrics = async (parts: NodeMetricsParts): Promise<MetricFamily[]> => {
	const {version, shards, member, links, contact} = parts;
	const {usedBytes, allocatedBytes, freeBytes, count} = await shards.figures();
	const {heardAt} = contact.view();
	const carried = member.carried();
	return [
		gaugeBy('version', {name: 'pjas_node_info', help: 'Always 1, with the version'}, {[version]: 1}),
		...askedMetrics(parts),
		gauge('pjas_node_shards', 'Shards that it keeps', count),
		gauge('pjas_node_used_bytes', 'What they take', usedBytes),
		gauge('pjas_node_allocated_bytes', 'What they may take', allocatedBytes),
		gauge('pjas_node_free_bytes', 'What can still be taken, by that and by the disk', freeBytes),
		{
			name: 'pjas_node_line_bytes_total',
			help: 'What its line carried, as far as that is measured: bodies, and heads by estimate',
			type: 'counter',
			samples: Object.entries(carried).map(([direction, value]) => ({labels: {direction}, value})),
		},
		gauge(
			'pjas_node_resting',
			'1 while it takes no new shards, as its member wants',
			Number(member.resting() !== undefined),
		),
		gauge('pjas_node_links', 'Links to the coordinator that are open', links?.count() ?? 0),
		...(heardAt === null
			? []
			: [gauge('pjas_node_heartbeat_timestamp_seconds', 'When the coordinator last answered', heardAt / SECOND_MS)]),
		...scrubMetrics(parts),
	];
};
