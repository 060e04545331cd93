import type {EventData} from '../../source/protocol/events.js';
import type {ChunkRecord, NodeRecord} from '../core/model.js';
import {strangersKeptUntil} from '../core/restored.js';
import type {Catalog} from '../ports/catalog.js';
import type {Clock, Random} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import type {Worker} from '../ports/worker.js';
import {createChangeNode} from './change-node.js';
import type {Fleet, NodeState} from './fleet.js';
import type {MasterKey} from './master-key.js';
import {createMembership, type Membership} from './membership.js';
import type {ChunkCache} from './chunk-cache.js';
import type {MemoryBudget} from './memory-budget.js';
import {createMover, type Mover} from './mover.js';
import {createNodeAuditor, type NodeAuditor} from './node-auditor.js';
import {createNodeCare, type NodeCare} from './node-care.js';
import {nameInText} from './name-in-text.js';
import type {NodeLinkRegistry} from './node-links.js';
import type {Note} from './note.js';
import {createPace} from './pace.js';
import {createReach, type Probe} from './reach.js';
import {createReconciler, type Reconciler} from './reconciler.js';
import {createRemover, type Remover} from './remover.js';
import {createRepairer, type Repairer, type RepairSettings} from './repairer.js';
import {createUnfinished, type Unfinished} from './resumable/unfinished.js';
import {createScrubReports, type ScrubReports} from './scrub-reports.js';
import {createShardHealth, type ShardHealth} from './shard-health.js';
import {createShardReader, type ShardReader} from './shard-reader.js';
import {createShardWriter, type ShardWriter} from './shard-writer.js';
import {createTrash, type Trash} from './trash.js';
import {createUploader, type Uploader} from './upload.js';
import {createYielding} from './yielding.js';

export type HealingOptions = {
	catalog: Catalog;
	fleet: Fleet;
	budget: MemoryBudget;
	cache: ChunkCache;
	/** Asks a node whether it is there, however it is reached. */
	probe: Probe;
	/** Asks it at its address. */
	checkAddress: Probe;
	links: NodeLinkRegistry;
	/** Whether a node of before may come back by itself. */
	isWelcome: (record: NodeRecord) => boolean;
	masterKey: MasterKey;
	clock: Clock;
	random: Random;
	log: Log;
	note: Note;
	replicas: number;
	minReplicas: number;
	chunkSizeBytes?: number | undefined;
	repair: RepairSettings;
	/** How long what is deleted can be brought back; 0: not at all. */
	trashMs: number;
	/** How long an upload that is not whole may rest. */
	uploadMs: number;
	/** When the catalogue came out of a backup, where it did. */
	restoredAt?: number | undefined;
	/** The nodes whose silence is noticed, where not all are to be looked at. */
	watched?: Pick<Fleet, 'all'>;
	/** Ends the rest of one of `workers`. */
	wake: (worker: HealingWorker) => void;
	/** Told of each shard that was sound and is no longer. */
	onFault: (fault: EventData<'fault'>) => void;
	/** Told of each chunk whose shards changed. */
	onChunk: (chunk: ChunkRecord) => void;
	/** Told of each node whose state or figures changed. */
	onNode: (state: NodeState) => void;
	/** Told of each node that is known no more. */
	onForgotten: (state: NodeState) => void;
};

export type HealingWorker =
	'membership' | 'remover' | 'reconciler' | 'nodeAuditor' | 'repairer' | 'trash' | 'unfinished' | 'nodeCare' | 'mover';

export type Healing = {
	health: ShardHealth;
	remover: Remover;
	repairer: Repairer;
	care: NodeCare;
	writer: ShardWriter;
	uploader: Uploader;
	mover: Mover;
	reconciler: Reconciler;
	nodeAuditor: NodeAuditor;
	membership: Membership;
	scrubReports: ScrubReports;
	trash: Trash;
	reader: ShardReader;
	unfinished: Unfinished;
	/** Each with how long it rests where it finds nothing to do. */
	workers: Record<HealingWorker, readonly [worker: Worker, restMs: number]>;
	/** Mends what a crash left, and finds out which nodes are there. Call it before the workers start. */
	recall: () => Promise<void>;
};

const MEMBERSHIP_REST_MS = 1_000;
const REMOVER_REST_MS = 30_000;
const RECONCILER_REST_MS = 60_000;
const NODE_AUDITOR_REST_MS = 15_000;
const TRASH_REST_MS = 60_000;
const UNFINISHED_REST_MS = 60_000;
const REPAIRER_REST_MS = 1_000;
const MOVER_REST_MS = 1_000;
const NODE_CARE_REST_MS = 1_000;

/**
What keeps the network's promise, put together: who stores chunks, watches over nodes and what they hold, and makes good what
is lost. The server and the simulation have the same.
*/
export const createHealing = (options: HealingOptions): Healing => {
	const {catalog, fleet, budget, cache, clock, random, log, note, replicas, minReplicas, restoredAt, wake} = options;
	const {onChunk, onNode} = options;
	const changeNode = createChangeNode({catalog, fleet});
	const health = createShardHealth({
		...{catalog, clock, onFault: options.onFault},
		onChange(chunk) {
			onChunk(chunk);
			repairer.chunkChanged(chunk);
		},
	});
	const remover = createRemover({catalog, fleet, clock, log, note, restoredAt, wake: () => wake('remover')});
	const {discard, forget} = remover;
	const shared = {
		...{catalog, fleet, budget, health, remover, clock, random, log, note},
		settings: options.repair,
		pace: createPace(clock, options.repair.bytesPerSecond),
		yielding: createYielding({
			clock,
			isUploading: () => oldestUpload() !== undefined,
			atOnce: options.repair.atOnce,
			wake() {
				wake('repairer');
				wake('mover');
			},
		}),
		onChange: onChunk,
	};
	const repairer = createRepairer({...shared, wake: () => wake('repairer')});
	const nodeChanged = (state: NodeState) => {
		repairer.nodeChanged(state);
		mover.nodeChanged(state);
	};
	const care = createNodeCare({
		...{catalog, fleet, clock, note, changeNode},
		onChange(state) {
			nodeChanged(state);
			onNode(state);
		},
		onForgotten(state) {
			links.drop(state.record._id);
			options.onForgotten(state);
		},
	});
	const writer = createShardWriter({fleet, clock, random, log, replicas, minReplicas, discard});
	const uploader = createUploader({
		...{catalog, budget, cache, writer, masterKey: options.masterKey, clock, random, log, replicas, forget},
		...(options.chunkSizeBytes !== undefined && {chunkSizeBytes: options.chunkSizeBytes}),
	});
	const reader = createShardReader({fleet, budget, health, clock, random, log});
	const unfinished = createUnfinished({
		...{catalog, budget, cache, reader, writer, masterKey: options.masterKey, clock, random, replicas, remover, note},
		chunkSizeBytes: options.chunkSizeBytes,
		keepMs: options.uploadMs,
	});
	const oldestUpload = () => {
		const [plain = Infinity, resumable = Infinity] = [uploader.oldest(), unfinished.oldest()];
		return Number.isFinite(Math.min(plain, resumable)) ? Math.min(plain, resumable) : undefined;
	};
	const mover = createMover({...shared, repairer, care, oldestUpload, wake: () => wake('mover')});
	const reconciler = createReconciler({
		...{catalog, fleet, health, remover, clock, random, log, note, restoredAt},
		wake: () => wake('reconciler'),
	});
	const nodeAuditor = createNodeAuditor({
		...{catalog, fleet, budget, health, clock, random, log, note, changeNode},
		isRestored: () => strangersKeptUntil(restoredAt, clock.now()) !== undefined,
		onChange: onNode,
		onTrust: nodeChanged,
	});
	const {links} = options;
	const reach = createReach({
		...{checkAddress: options.checkAddress, changeNode, clock, log},
		onChange(state) {
			const {name, kind, addressProblem = '', _id: node, owner} = state.record;
			const how = kind === 'direct' ? 'at its address' : `over links, since at its address ${addressProblem}`;
			note('INFO', `Node ${nameInText(name)} is reached ${how}`, {node, owner});
			onNode(state);
		},
	});
	const membership = createMembership({
		...{reach, links},
		...{catalog, probe: options.probe, isWelcome: options.isWelcome, clock, log, note},
		fleet: {...fleet, ...options.watched},
		onArrival(state, listingDigest) {
			reconciler.request(state.record._id, listingDigest);
			nodeChanged(state);
			wake('remover');
		},
		onDeparture: nodeChanged,
		onChange: onNode,
		onResumed: nodeChanged,
	});
	const trash = createTrash({catalog, remover, clock, note, keepMs: options.trashMs});

	/** Chunks without a file: an upload or a deletion was under way when the process ended. */
	const mend = async () => {
		const files = await catalog.filesWithoutRecord();
		for (const file of files) await remover.sweepFile(file);
		if (files.length > 0) log.info('swept what unfinished uploads and deletions left', {files: files.length});
	};

	return {
		...{health, remover, repairer, care, writer, uploader, mover, reconciler, nodeAuditor, membership, trash},
		...{reader, unfinished},
		scrubReports: createScrubReports({catalog, health, note}),
		workers: {
			membership: [membership, MEMBERSHIP_REST_MS],
			remover: [remover, REMOVER_REST_MS],
			reconciler: [reconciler, RECONCILER_REST_MS],
			nodeAuditor: [nodeAuditor, NODE_AUDITOR_REST_MS],
			repairer: [repairer, REPAIRER_REST_MS],
			trash: [trash, TRASH_REST_MS],
			unfinished: [unfinished, UNFINISHED_REST_MS],
			nodeCare: [care, NODE_CARE_REST_MS],
			mover: [mover, MOVER_REST_MS],
		},
		async recall() {
			await mend();
			const keptUntil = strangersKeptUntil(restoredAt, clock.now());
			if (keptUntil !== undefined) {
				const until = new Date(keptUntil).toISOString();
				note('WARN', `This catalogue came out of a backup: shards that it does not know are kept until ${until}`);
			}

			await membership.recall();
			await repairer.recall();
			mover.recall();
		},
	};
};
