import {setMaxListeners} from 'node:events';
import Router from '@koa/router';
import type {FileId, NodeId} from '../../source/protocol/ids.js';
import {routes} from '../../source/protocol/routes.js';
import {isOperator, mayOwned} from '../core/access.js';
import {MAX_SHARD_BYTES} from '../core/limits.js';
import {type App, type AppOptions, type AppState, createApp} from '../http/app.js';
import {metricsText, type ProcessMetrics} from '../http/metrics.js';
import type {RateLimit} from '../http/rate-limit.js';
import type {Upgrade} from '../http/upgrades.js';
import type {Catalog} from '../ports/catalog.js';
import type {Clock, Random} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import type {PageFiles} from '../ports/page-files.js';
import type {Passwords} from '../ports/passwords.js';
import type {Dial} from '../ports/shard-store.js';
import type {Activity} from './activity.js';
import {type AlertWatchOptions, createAlertWatch} from './alerts/alert-watch.js';
import {createWebhooks, type WebhooksOptions} from './alerts/webhooks.js';
import type {Audit} from './audit.js';
import {createAudited} from './audited.js';
import {createAuthenticate} from './authenticate.js';
import {createAdmission} from './admission.js';
import {type ChunkCache, createChunkCache} from './chunk-cache.js';
import {createChecker} from './checker.js';
import {createDownloader} from './download.js';
import type {Events} from './events.js';
import {createFailedSignIns} from './failed-sign-ins.js';
import {createFileTeller} from './file-teller.js';
import {createFleet} from './fleet.js';
import {createHealing} from './healing.js';
import {createLineTests} from './line-tests.js';
import type {MasterKey} from './master-key.js';
import {createMemoryBudget, type MemoryBudget} from './memory-budget.js';
import {countRequest, createMeters} from './meters.js';
import {type CatalogFigures, coordinatorMetrics} from './metrics.js';
import {drainView} from './moves-view.js';
import {nameInText} from './name-in-text.js';
import type {NetworkKeys} from './network-keys.js';
import {createNodeLinkUpgrade} from './node-link-upgrade.js';
import type {NodeLinkRegistry} from './node-links.js';
import {createNodeInvitations, type NodeInvitations} from './node-invitations.js';
import type {Note} from './note.js';
import {type FirstAdmin, makeFirstAdmin} from './people/first-admin.js';
import {createPeople} from './people/people.js';
import {createQuotas} from './people/quotas.js';
import {createShareLinks} from './people/share-links.js';
import type {Probe} from './reach.js';
import type {RepairSettings} from './repairer.js';
import {alertRoutes} from './routes/alerts.js';
import {auditRoutes} from './routes/audit.js';
import {fileRoutes} from './routes/files.js';
import {keyringRoutes} from './routes/keyring.js';
import {linkRoutes} from './routes/links.js';
import {monitoringRoutes} from './routes/monitoring.js';
import {nodeCareRoutes} from './routes/node-care.js';
import {nodeInvitationRoutes} from './routes/node-invitations.js';
import {nodeRoutes} from './routes/nodes.js';
import {pageRoutes} from './routes/page.js';
import {peopleRoutes} from './routes/people.js';
import {repairRoutes} from './routes/repair.js';
import {createServe} from './routes/serve.js';
import {sessionRoutes} from './routes/session.js';
import {trashRoutes} from './routes/trash.js';
import {uploadRoutes} from './routes/uploads.js';
import type {Parts} from './routes/parts.js';
import {type Running, runWorker} from './run-worker.js';
import {createStatisticsTeller} from './statistics-teller.js';
import {createTryLimits} from './try-limits.js';
import {logView, nodeView, type NodeViewer} from './views.js';

/** What is watched over, and who is told. */
export type AlertSettings = Pick<WebhooksOptions, 'book' | 'key' | 'post' | 'urls'> &
	Pick<AlertWatchOptions, 'backupAt' | 'disk' | 'heap' | 'limits'> & {
		/** How long it rests between two looks, where not as usual. */
		restMs?: number | undefined;
	};

export type CoordinatorOptions = {
	catalog: Catalog;
	dial: Dial;
	/** Asks a node whether it is there, however it is reached. */
	probe: Probe;
	/** Asks it at its address. */
	checkAddress: Probe;
	links: NodeLinkRegistry;
	activity: Activity;
	events: Events;
	masterKey: MasterKey;
	clock: Clock;
	random: Random;
	log: Log;
	/** The keys that nodes know the coordinator by. */
	networkKeys: NetworkKeys;
	replicas: number;
	minReplicas: number;
	passwords: Passwords;
	/** Whether it runs without accounts: everybody may do everything. */
	open: boolean;
	/** Whether the prototype's clients and nodes, which can't say who they are, are let in. */
	allowClassic: boolean;
	memoryBytes: number;
	/** What of it may keep small chunks that were just written or read; nothing where it is not said. */
	cacheBytes?: number | undefined;
	repair: RepairSettings;
	/** When the catalogue came out of a backup, where it did. */
	restoredAt?: number | undefined;
	/** How long what is deleted can be brought back; 0: not at all. */
	trashMs: number;
	/** How long an upload that is not whole may rest. */
	uploadMs: number;
	/** Another size for chunks than everybody's, for tests. */
	chunkSizeBytes?: number;
	version: string;
	/** The web page; without one, only programs are served. */
	page?: PageFiles | undefined;
	/** The origins whose pages may call. */
	cors?: AppOptions['cors'];
	isProxy?: AppOptions['isProxy'];
	rateLimit?: AppOptions['rateLimit'];
	/** How much one account may ask. */
	accountLimit?: RateLimit | undefined;
	/** Where deeds are written down. */
	audit?: Audit | undefined;
	/** Told of the bytes of uploads as they come in. */
	onBytes?: (sizeBytes: number) => void;
	/** What a program that reads metrics may show in place of an operator's token. */
	metricsToken?: string | undefined;
	processMetrics?: ProcessMetrics | undefined;
	alerts: AlertSettings;
	/** Where the catalogue is in a file. */
	catalogFigures?: (() => CatalogFigures) | undefined;
};

export type Coordinator = {
	app: App;
	/** Lets nodes open links. */
	upgrade: Upgrade;
	nodeInvitations: NodeInvitations;
	/** Finds out which nodes are there, mends what a crash left, and starts the workers. */
	start: () => Promise<void>;
	/** Makes the first account, where there is none; see `makeFirstAdmin`. */
	makeFirstAdmin: (keepToken: (token: string) => Promise<void>) => Promise<FirstAdmin | undefined>;
	onlineNodes: () => number;
	/** Ends the event streams, which would hold up the server's end for ever. */
	endStreams: () => void;
	/** Stops the workers. Nobody may be served any more. */
	stop: () => Promise<void>;
};

/** The share of the memory that chunks may take; the pieces of streams, before they are in a chunk, take the rest. */
const CHUNKS_SHARE = 7 / 10;
/** The most of it that is left free for what is kept of small chunks: the system does not have that back as soon as it is let go. */
const CACHE_SHARE = 1 / 4;
const NETWORK_KEYS_REST_MS = 20_000;
const FILE_TELLER_REST_MS = 1_000;
const STATISTICS_REST_MS = 2_000;
const ALERTS_REST_MS = 15_000;
const WEBHOOKS_REST_MS = 2_000;

const createParts = (options: CoordinatorOptions, closing: AbortSignal, wake: (worker: string) => void) => {
	const {catalog, dial, links, activity, events, masterKey, clock, random, log, replicas, minReplicas} = options;
	const chunkSize = options.chunkSizeBytes === undefined ? {} : {chunkSizeBytes: options.chunkSizeBytes};
	const meters = createMeters();
	const note: Note = (level, message, about) => {
		const entry = activity.add(level, message, about);
		events.publish('log', logView(entry), principal => mayOwned(principal, entry.owner));
	};
	const fleet = createFleet({dial, clock});
	const {memoryBytes, cacheBytes = 0} = options;
	const cache: ChunkCache = createChunkCache(cacheBytes, () => budget.waiting() > 0);
	const setAsideBytes = Math.min(cacheBytes, Math.floor(memoryBytes * CACHE_SHARE));
	const budget: MemoryBudget = createMemoryBudget(
		Math.max(MAX_SHARD_BYTES, Math.floor(memoryBytes * CHUNKS_SHARE) - setAsideBytes),
		cache.giveBack,
	);
	const fileTeller = createFileTeller({catalog, fleet, events});
	const nodeInvitations = createNodeInvitations({catalog, keys: options.networkKeys, clock, random});
	const admission = createAdmission({
		catalog,
		fleet,
		keys: options.networkKeys,
		invitations: nodeInvitations,
		open: options.open,
		allowClassic: options.allowClassic,
		clock,
	});
	const viewNode: NodeViewer = state =>
		nodeView(state, {drain: drainView(state, healing.mover), links, version: options.version});
	const healing = createHealing({
		...options,
		...{fleet, budget, cache, note, wake},
		isWelcome: admission.isWelcome,
		onFault(fault) {
			meters.faults.add({kind: fault.kind});
			const name = fleet.get(fault.node_id as NodeId)?.record.name ?? fault.node_id;
			const about = {node: fault.node_id as NodeId, file: fault.file_id as FileId};
			note('WARN', `A shard of chunk ${fault.index} is ${fault.kind} on node ${nameInText(name)}`, about);
			events.publish('fault', fault, isOperator);
		},
		onChunk: chunk => fileTeller.changed(chunk.file),
		onNode: state => events.publish('node', viewNode(state), principal => mayOwned(principal, state.record.owner)),
		onForgotten({record: {_id, owner}}) {
			events.publish('node-removed', {node_id: _id}, principal => mayOwned(principal, owner));
		},
	});
	const {health, reader} = healing;
	const people = createPeople(options);
	const tryLimits = createTryLimits({clock});
	const failedSignIns = createFailedSignIns(clock);
	const webhooks = createWebhooks({...options.alerts, clock, random, log});
	const {repairer} = healing;
	const alerts = createAlertWatch({
		...{...options.alerts, catalog, fleet, repairer, failedSignIns, webhooks, clock, random, log, note},
		wake: () => wake('webhooks'),
	});
	const parts: Parts = {
		...healing,
		activity,
		alerts,
		admission,
		catalog,
		checker: createChecker({catalog, fleet, health, clock, log}),
		clock,
		closing,
		downloader: createDownloader({catalog, budget, cache, reader, masterKey, ...chunkSize}),
		events,
		failedSignIns,
		fleet,
		lineTests: createLineTests({clock, random}),
		meters,
		async metrics() {
			const disk = await options.alerts.disk();
			const {catalogFigures, processMetrics} = options;
			return metricsText(
				coordinatorMetrics({...parts, catalogFigures, disk, budget, cache, nodeLinks: links}),
				processMetrics,
			);
		},
		minReplicas,
		nodeInvitations,
		note,
		onBytes: options.onBytes,
		page: options.page,
		random,
		restoredAt: options.restoredAt,
		replicas,
		tryLimits,
		links: createShareLinks({...options, accounts: people.accounts, tryLimits}),
		people,
		quotas: createQuotas({catalog, accounts: people.accounts}),
		open: options.open,
		audit: options.audit,
		version: options.version,
		viewNode,
		webhooks,
	};
	const workers = {
		fileTeller: [fileTeller, FILE_TELLER_REST_MS],
		statistics: [createStatisticsTeller(parts), STATISTICS_REST_MS],
		alerts: [alerts, options.alerts.restMs ?? ALERTS_REST_MS],
		webhooks: [webhooks, WEBHOOKS_REST_MS],
	} as const;
	return {parts, healing, workers};
};

/** Puts the coordinator's parts together behind its API. */
export const createCoordinator = (options: CoordinatorOptions): Coordinator => {
	const {catalog, clock, log, random, cors = [], isProxy, rateLimit, accountLimit} = options;
	const running = new Map<string, Running>();
	const closing = new AbortController();
	// Every event stream and upload listens to it.
	setMaxListeners(0, closing.signal);
	const {parts, healing, workers} = createParts(options, closing.signal, worker => running.get(worker)?.wake());

	const app = createApp({
		...{log, clock, random, cors, isProxy, rateLimit, isForBrowsers: true},
		onAnswered: answered => countRequest(parts.meters, answered, answered.route === routes.events.path),
	});
	const router = new Router<AppState>();
	const serve = createServe(
		router,
		createAuthenticate({
			...{...options, people: parts.people, rateLimit: accountLimit},
			failedSignIns: parts.failedSignIns,
		}),
		createAudited(options.audit),
	);
	// The invitations before the nodes, of which none is called so.
	const ofNodes = [nodeInvitationRoutes, nodeRoutes, nodeCareRoutes];
	const all = [
		alertRoutes,
		auditRoutes,
		pageRoutes,
		monitoringRoutes,
		...ofNodes,
		fileRoutes,
		uploadRoutes,
		trashRoutes,
		keyringRoutes,
		repairRoutes,
		sessionRoutes,
		peopleRoutes,
		linkRoutes,
	];
	for (const addRoutes of all) addRoutes(serve, parts);
	app.use(router.routes());

	return {
		app,
		upgrade: createNodeLinkUpgrade({...options, admission: parts.admission}),
		nodeInvitations: parts.nodeInvitations,
		async start() {
			await healing.recall();
			const rests = {
				...healing.workers,
				...workers,
				networkKeys: [options.networkKeys, NETWORK_KEYS_REST_MS],
			} as const;
			for (const [name, [worker, restMs]] of Object.entries(rests)) {
				running.set(name, runWorker(worker, {clock, log, restMs}));
			}
		},
		makeFirstAdmin: async keepToken => makeFirstAdmin({catalog, people: parts.people, random}, keepToken),
		onlineNodes: () => parts.fleet.all().filter(({isOnline}) => isOnline).length,
		endStreams: () => closing.abort(new Error('the coordinator stops')),
		async stop() {
			await Promise.all([...running.values()].map(worker => worker.stop()));
		},
	};
};
