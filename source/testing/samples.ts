import type {FileView, LogEntry, NodeView, RepairView, Stats} from '../client/api.js';
import type {ChunkView} from '../protocol/api.js';
import type {MovesView} from '../protocol/healing-api.js';

/** Records as a coordinator would send them, for tests of what is painted. */

const MINUTE_MS = 60_000;
export const sampleNowMs = Date.UTC(2026, 10, 23, 12);

export const sampleNode = (number: number, change: Partial<NodeView> = {}): NodeView => ({
	node_id: `pjas-${number.toString(16).padStart(8, '0')}`,
	address: `http://127.0.0.1:${8420 + number}`,
	storage_stats: {
		used_bytes: 12 * 1024 ** 3,
		allocated_bytes: 100 * 1024 ** 3,
		free_bytes: 88 * 1024 ** 3,
		chunk_count: 1228,
		usage_percent: 12,
	},
	status: 'online',
	version: '2.0.0',
	last_seen: sampleNowMs,
	registered_at: sampleNowMs - 60 * MINUTE_MS,
	chunks_stored: 1228,
	name: `node-${number}`,
	owner: `owner-${number}`,
	zone: `zone-${number}`,
	kind: 'direct',
	latency_ms: 3.21,
	in_flight: 0,
	...change,
});

export const sampleFile = (number: number, change: Partial<FileView> = {}): FileView => ({
	file_id: number.toString(16).padStart(32, '0'),
	filename: `photo-${number}.jpg`,
	size: 3_456_789,
	uploaded_at: sampleNowMs - number * MINUTE_MS,
	status: 'completed',
	chunks_count: 1,
	type: 'image/jpeg',
	owner: '',
	visibility: 'network',
	shared_with: [],
	redundancy: {full: 1, partly: 0, none: 0},
	...change,
});

export const sampleEntry = (id: number, change: Partial<LogEntry> = {}): LogEntry => ({
	timestamp: '2026-11-23 12:00:00',
	timestamp_ms: sampleNowMs + id * 1000,
	level: 'INFO',
	message: `"photo-${id}.jpg" uploaded: 1 chunk in 3 copies`,
	id,
	...change,
});

export const sampleStats = (change: Partial<Stats> = {}): Stats => ({
	totalNodes: 3,
	onlineNodes: 3,
	totalStorage: 300 * 1024 ** 3,
	usedStorage: 36 * 1024 ** 3,
	networkHealth: 100,
	activeFiles: 1228,
	freeStorage: 264 * 1024 ** 3,
	fileBytes: 12 * 1024 ** 3,
	chunks: 1228,
	redundancy: {full: 1228, partly: 0, none: 0},
	dataHealth: 100,
	bytesIn: 12 * 1024 ** 3,
	bytesOut: 3 * 1024 ** 3,
	open: false,
	pendingRemovals: 0,
	repair: {waiting: 0, active: 0, blocked: 0, paused: false, reason: null},
	trash: {files: 0, bytes: 0},
	...change,
});

export const sampleRepair = (change: Partial<RepairView> = {}): RepairView => ({
	paused: false,
	grace_ms: 15 * MINUTE_MS,
	at_once: 4,
	rate: 0,
	bytes_per_s: 0,
	waiting: 0,
	blocked: 0,
	surplus: 0,
	active: [],
	short: [],
	done: {chunks: 0, shards: 0, bytes: 0, forgotten: 0},
	...change,
});

export const sampleMoves = (change: Partial<MovesView> = {}): MovesView => ({
	paused: false,
	waiting: 0,
	blocked: 0,
	reason: null,
	active: [],
	bytes_per_s: 0,
	done: {shards: 0, bytes: 0},
	...change,
});

/** A chunk with a sound copy on each of the nodes 1, 2 and 3, but for what is said otherwise. */
export const sampleChunk = (
	states: readonly ChunkView['shards'][number]['state'][] = ['online', 'online', 'online'],
	change: Partial<ChunkView> = {},
): ChunkView => ({
	index: 0,
	size: 10 * 1024 ** 2,
	wanted: 3,
	present: states.filter(state => state === 'online').length,
	shards: states.map((state, at) => ({
		...{node_id: sampleNode(at + 1).node_id, node_name: `node-${at + 1}`, digest: 'a'.repeat(64), state},
		verified_at: sampleNowMs - 30 * MINUTE_MS,
	})),
	...change,
});
