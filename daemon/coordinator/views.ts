import type {ChunkView, FileView, LogEntry, NodeShardView, NodeView, StorageStats} from '../../source/protocol/api.js';
import type {NodeId} from '../../source/protocol/ids.js';
import {isOlder, PROTOCOL, UNTOLD_PROTOCOL} from '../../source/protocol/version.js';
import {type ChunkRecord, type FileRecord, type NodeLine, type ShardRecord, wantedShards} from '../core/model.js';
import {copiesOf, redundancyOf} from '../core/redundancy.js';
import {verifiedAtOf} from '../core/scrub.js';
import type {Catalog} from '../ports/catalog.js';
import type {NodeLinks} from '../ports/node-links.js';
import type {ActivityEntry} from './activity-entry.js';
import type {Fleet, NodeState} from './fleet.js';
import {trustView} from './trust-view.js';

/** Records as the API shows them. */

export const fileView = (file: FileRecord, {catalog, fleet}: {catalog: Catalog; fleet: Fleet}): FileView => {
	const groups = [...catalog.placementGroupsOf(file._id)];
	const copies = copiesOf(groups, fleet.counts, node => fleet.get(node)?.record.zone);
	return {
		file_id: file._id,
		filename: file.name,
		size: file.sizeBytes,
		uploaded_at: file.uploadedAt,
		status: 'completed',
		chunks_count: file.chunkCount,
		type: file.type,
		owner: file.owner ?? '',
		visibility: file.visibility ?? 'network',
		shared_with: file.sharedWith ?? [],
		redundancy: redundancyOf(groups, fleet.counts),
		...(copies && {copies}),
		...(file.chunksSha256 !== undefined && {chunks_sha256: file.chunksSha256}),
		...(file.e2e && {e2e: file.e2e}),
	};
};

const storageView = ({record}: NodeState): StorageStats => ({
	used_bytes: record.usedBytes,
	allocated_bytes: record.allocatedBytes,
	free_bytes: record.freeBytes,
	chunk_count: record.shardCount,
	usage_percent:
		record.allocatedBytes === 0 ? 0 : Math.round((10_000 * record.usedBytes) / record.allocatedBytes) / 100,
});

const lineView = ({up, down, resting, hours, limits, remote}: NodeLine): NonNullable<NodeView['line']> => ({
	up,
	down,
	...(resting && {resting}),
	...(hours && {hours: {text: hours.text, time_zone: hours.timeZone}}),
	...(limits && {limits}),
	...(remote && {remote}),
});

/** Shows a node with all that is known of it. */
export type NodeViewer = (state: NodeState) => NodeView;

type NodeSight = {
	drain: NodeView['drain'];
	links: Pick<NodeLinks, 'count'>;
	/** The coordinator's own. */ version: string;
};

/** A node of the prototype's kind is another kind, and not behind. */
const isBehind = ({kind, version, protocol = UNTOLD_PROTOCOL}: NodeState['record'], ownVersion: string): boolean =>
	kind !== 'classic' && (protocol < PROTOCOL || isOlder(version, ownVersion) === true);

export const nodeView = (state: NodeState, {drain, links, version}: NodeSight): NodeView => ({
	node_id: state.record._id,
	address: state.record.address,
	storage_stats: storageView(state),
	status: state.isOnline ? 'online' : 'offline',
	version: state.record.version,
	...(state.record.protocol !== undefined && {protocol: state.record.protocol}),
	...(isBehind(state.record, version) && {is_behind: true}),
	last_seen: state.record.lastSeenAt,
	registered_at: state.record.registeredAt,
	chunks_stored: state.record.shardCount,
	name: state.record.name,
	owner: state.record.owner,
	zone: state.record.zone,
	kind: state.record.kind,
	...(state.record.addressProblem !== undefined && {address_problem: state.record.addressProblem}),
	...(state.record.kind === 'link' && {links: links.count(state.record._id)}),
	latency_ms: state.latency.samples === 0 ? null : Math.round(state.latency.meanMs * 10) / 10,
	in_flight: state.inFlight,
	...(state.record.bannedAt !== undefined && {banned_at: state.record.bannedAt}),
	...(drain && {drain}),
	...(state.record.maintenance && {maintenance: state.record.maintenance}),
	...trustView(state.record),
	...(state.record.line && {line: lineView(state.record.line)}),
	...(state.record.wished && {wished: state.record.wished}),
});

const shardState = (shard: ShardRecord, fleet: Fleet) =>
	shard.fault?.kind ?? (fleet.counts(shard.node) ? 'online' : fleet.isOnline(shard.node) ? 'suspended' : 'offline');

const verifiedAt = (shard: ShardRecord, fleet: Fleet) => verifiedAtOf(shard, fleet.get(shard.node)?.record.scrub);

const nameOf = (node: NodeId, fleet: Fleet) => fleet.get(node)?.record.name ?? node;

const wantedAndPresent = (chunk: ChunkRecord, fleet: Fleet) => ({
	wanted: wantedShards(chunk.scheme),
	present: chunk.shards.filter(shard => shardState(shard, fleet) === 'online').length,
});

export const chunkView = (chunk: ChunkRecord, fleet: Fleet): ChunkView => ({
	index: chunk.index,
	size: chunk.sizeBytes,
	...wantedAndPresent(chunk, fleet),
	shards: chunk.shards.map(shard => ({
		node_id: shard.node,
		node_name: nameOf(shard.node, fleet),
		digest: shard.digest,
		state: shardState(shard, fleet),
		verified_at: verifiedAt(shard, fleet),
	})),
});

/** The shards of a chunk that are one node's. */
export const nodeShardViews = (chunk: ChunkRecord, file: FileRecord, node: NodeId, fleet: Fleet): NodeShardView[] =>
	chunk.shards
		.filter(shard => shard.node === node)
		.map(shard => ({
			file_id: file._id,
			filename: file.name,
			index: chunk.index,
			digest: shard.digest,
			state: shardState(shard, fleet),
			verified_at: verifiedAt(shard, fleet),
			...wantedAndPresent(chunk, fleet),
		}));

export const logView = ({id, timestampMs, level, message, node, file}: ActivityEntry): LogEntry => ({
	timestamp: new Date(timestampMs).toISOString().slice(0, 19).replace('T', ' '),
	level,
	message,
	id,
	timestamp_ms: timestampMs,
	...(node !== undefined && {node_id: node}),
	...(file !== undefined && {file_id: file}),
});
