import {newFileId} from '../../source/protocol/ids.js';
import type {FileView, NodeView} from '../../source/protocol/api.js';
import type {FakeNetwork} from './console-coordinator.js';

const GIB = 1024 ** 3;
const START_MS = Date.UTC(2026, 10, 23);
const types = ['image/jpeg', 'video/mp4', 'text/plain', 'application/pdf', 'application/octet-stream'];
const words = ['holiday', 'report', 'invoice', 'backup', 'concert', 'garden', 'lecture', 'drawing', 'letter', 'map'];

/** The same for each number, in each run. */
const pick = (from: readonly string[], number: number): string => from[number % from.length] ?? '';

const nodeOf = (number: number): NodeView => ({
	node_id: `pjas-${number.toString(16).padStart(32, '0')}`,
	address: `http://10.0.${number >> 8}.${number & 255}:8420`,
	storage_stats: {
		used_bytes: (10 + (number % 80)) * GIB,
		allocated_bytes: 100 * GIB,
		free_bytes: (90 - (number % 80)) * GIB,
		chunk_count: 1000 + number,
		usage_percent: 10 + (number % 80),
	},
	status: 'online',
	version: '2.0.0',
	last_seen: Date.now(),
	registered_at: START_MS,
	chunks_stored: 1000 + number,
	name: `node-${String(number).padStart(5, '0')}`,
	owner: `owner-${number % 40}`,
	zone: `zone-${number % 15}`,
	kind: 'direct',
	latency_ms: 3 + (number % 20),
	in_flight: 0,
});

const fileOf = (number: number): FileView => {
	const uploadedAt = START_MS + number * 1000;
	const random = Uint8Array.from({length: 10}, (_, at) => (number * 31 + at * 7) & 255);
	const chunks = 1 + (number % 9);
	return {
		file_id: newFileId(uploadedAt, random),
		filename: `${pick(words, number)}-${pick(words, Math.floor(number / 7))}-${number}.${pick(['jpg', 'mp4', 'txt'], number)}`,
		size: 1000 + ((number * 7919) % (1 << 28)),
		uploaded_at: uploadedAt,
		status: 'completed',
		chunks_count: chunks,
		type: pick(types, number),
		owner: '',
		visibility: 'network',
		shared_with: [],
		redundancy: {full: chunks, partly: 0, none: 0},
	};
};

/** A network of so many nodes and files that are well. */
export const fakeNetwork = (nodeCount: number, fileCount: number): FakeNetwork => ({
	nodes: Array.from({length: nodeCount}, (_, number) => nodeOf(number)),
	files: Array.from({length: fileCount}, (_, number) => fileOf(fileCount - number)),
	log: [],
	stats: {
		totalNodes: nodeCount,
		onlineNodes: nodeCount,
		totalStorage: nodeCount * 100 * GIB,
		usedStorage: nodeCount * 40 * GIB,
		networkHealth: 100,
		activeFiles: fileCount,
		freeStorage: nodeCount * 60 * GIB,
		fileBytes: fileCount * 100_000,
		chunks: fileCount * 5,
		redundancy: {full: fileCount * 5, partly: 0, none: 0},
		dataHealth: 100,
		bytesIn: 0,
		bytesOut: 0,
		open: false,
		pendingRemovals: 0,
		repair: {waiting: 0, active: 0, blocked: 0, paused: false, reason: null},
		trash: {files: 0, bytes: 0},
	},
});
