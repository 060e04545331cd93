import {openActivity} from '../coordinator/activity.js';
import {openAlertBook} from '../coordinator/alerts/alert-book.js';
import {alertFile} from '../coordinator/alerts/alert-file.js';
import {openAudit} from '../coordinator/audit.js';
import {openNetworkKeys} from '../coordinator/network-keys.js';
import {createEvents} from '../coordinator/events.js';
import {loadMasterKey} from '../coordinator/master-key.js';
import {createNodeLinks} from '../coordinator/node-links.js';
import {createCoordinator} from '../coordinator/server.js';
import {argon2Passwords} from '../adapters/argon2-passwords.js';
import type {FirstAdmin} from '../coordinator/people/first-admin.js';
import type {Passwords} from '../ports/passwords.js';
import {keepAdminToken} from './admin-token.js';
import {createDial} from '../adapters/dial.js';
import {diskFigures} from '../adapters/disk-figures.js';
import {readBackedUpAt, readRestoredAt} from '../adapters/catalog-backup.js';
import {openNedbCatalog} from '../adapters/nedb-catalog.js';
import {watchHeap} from '../adapters/heap-figures.js';
import {createScavenger} from '../adapters/scavenger.js';
import {proxiesOf} from '../http/client.js';
import {post} from '../adapters/post.js';
import {createAddressProbe} from '../adapters/probe.js';
import {readPageFiles} from '../adapters/page-files.js';
import {listen} from '../http/listen.js';
import type {ProcessMetrics} from '../http/metrics.js';
import {createRateLimit} from '../http/rate-limit.js';
import type {Clock, Random} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import {isNearby} from '../nearby.js';
import {pageFolder} from '../page-folder.js';
import {tlsOf, type TlsSettings} from './tls.js';
import {createCredentials} from '../trust/credentials.js';
import type {JoinCode} from '../trust/join-code.js';

export type CoordinatorRole = TlsSettings & {
	dataFolder: string;
	host: string;
	/** 0 for any that is free. */
	port: number;
	replicas: number;
	minReplicas: number;
	memoryBytes: number;
	/** What of it may keep small chunks that were just written or read; nothing where it is not said. */
	cacheBytes?: number | undefined;
	/** How long a lost copy is waited for while more than one is left. */
	repairGraceMs: number;
	/** How many chunks are repaired at once. */
	repairAtOnce: number;
	/** The most bytes that repairs write to nodes in a second; 0 for any. */
	repairBytesPerSecond: number;
	/** For how many days what is deleted can be brought back; 0: not at all. */
	trashDays: number;
	/** For how many days an upload that is not whole may rest. */
	uploadDays: number;
	/** How long a node may move nothing before another is asked. */
	nodeTimeoutMs: number;
	/** The proxies that are believed about whom a request comes from. */
	trustProxy?: readonly string[] | undefined;
	/** The origins whose pages may call. */
	cors?: readonly string[] | undefined;
	/** How many requests a minute are served to one address; 0 and nothing are no limit. */
	rateLimit?: number | undefined;
	/** With TLS, listens on loopback without it as well, for programs of this process. */
	isReachedFromHere?: boolean;
	/** `PJAS_MASTER_KEY`, where it is set. */
	masterKey?: string | undefined;
	/** Whether it runs without accounts: everybody may do everything. */
	open: boolean;
	allowClassic: boolean;
	/** How passwords are kept, where not as usual. */
	passwords?: Passwords;
	/** Where alerts are sent to, and what those deliveries are signed with. */
	webhooks?: readonly string[] | undefined;
	webhookKey?: Uint8Array | undefined;
	/** How long a node may be away before an alert is raised, and how old the last backup may be. */
	alertAwayMs?: number;
	alertBackupMs?: number;
	/** How long is rested between two looks whether there is something to raise an alert for, where not as usual. */
	alertRestMs?: number;
	/** What a program that reads metrics may show in place of an operator's token. */
	metricsToken?: string | undefined;
	processMetrics?: ProcessMetrics | undefined;
	version: string;
	log: Log;
	clock: Clock;
	random: Random;
};

export type RunningRole = {url: string; close: () => Promise<void>};

export type RunningCoordinator = RunningRole & {
	/** What is told once, at the first start. */
	firstAdmin: FirstAdmin | undefined;
	onlineNodes: () => number;
	/** Where the programs of this machine reach it, whatever name its certificate is for. */
	ownUrl: string;
	/** Lets one node join, without anybody asking: for whoever runs both. */
	inviteNode: (named: {owner: string; zone: string}) => Promise<{code: JoinCode; revoke: () => Promise<unknown>}>;
};

const BOOT_ID_BYTES = 6;
const DAY_MS = 24 * 3600 * 1000;
const INVITATION_MS = 10 * 60 * 1000;
const ALERT_AWAY_MS = 15 * 60 * 1000;
const ALERT_BACKUP_MS = 7 * DAY_MS;

const originOf = (url: string): string => new URL(url).origin;

/** Closes what was opened, the last first; one that fails doesn't keep the others open. */
const closeAll = async (closers: readonly (() => unknown)[], log: Log): Promise<void> => {
	for (const close of [...closers].reverse()) {
		try {
			await close();
		} catch (error) {
			log.error('a part could not be closed', {error});
		}
	}
};

/** Opens a data folder and serves it. The folder must be locked already. */
export const startCoordinator = async (role: CoordinatorRole): Promise<RunningCoordinator> => {
	const {dataFolder: folder, log, clock, random} = role;
	const closers: (() => unknown)[] = [];
	try {
		const catalog = await openNedbCatalog({folder, log, clock});
		closers.push(catalog.close);
		const {files, chunks} = catalog.totals();
		const {files: trashed} = catalog.trashTotals();
		const masterKey = await loadMasterKey({
			folder,
			fromEnvironment: role.masterKey,
			isNeeded: files + chunks + trashed > 0,
			random,
		});
		const [newest] = [...(await catalog.files({limit: 1})), ...(await catalog.trash({limit: 1}))];
		if (newest) masterKey.unwrap(newest._id, newest.wrappedKey);

		const activity = await openActivity({folder, clock, log});
		closers.push(activity.close);
		const onBytes = createScavenger({copies: 2});
		const networkKeys = await openNetworkKeys({folder, clock, random, log});
		const credentialsFor = createCredentials({
			keys: networkKeys.signing,
			nowMs: clock.now,
			randomBytes: random.bytes,
		});
		const links = createNodeLinks();
		const dial = createDial({timeoutMs: role.nodeTimeoutMs, credentialsFor, onBytes, links});
		closers.push(dial.close);
		const bootId = Buffer.from(random.bytes(BOOT_ID_BYTES)).toString('hex');
		const events = createEvents({bootId, clock});
		const limitOf = () => (role.rateLimit ? createRateLimit({perMinute: role.rateLimit, clock}) : undefined);
		const audit = await openAudit({folder, clock, log});
		closers.push(audit.close);
		const isProxy = role.trustProxy && proxiesOf(role.trustProxy);
		const page = await readPageFiles(pageFolder()).catch((error: unknown) => {
			log.warn('there is no web page: it was not built', {error});
			return undefined;
		});
		const restoredAt = await readRestoredAt(folder);
		const heap = watchHeap();
		closers.push(heap.stop);
		const {webhooks: urls = [], webhookKey: key = Buffer.alloc(0)} = role;
		for (const url of urls) {
			if (!isNearby(url))
				log.warn('a webhook is told over plain HTTP: whoever is on the way can read it', {to: originOf(url)});
		}

		const {alertAwayMs: awayMs = ALERT_AWAY_MS, alertBackupMs: backupMs = ALERT_BACKUP_MS} = role;
		const alerts = {
			...{urls, key, post, limits: {awayMs, backupMs}, restMs: role.alertRestMs},
			book: await openAlertBook(alertFile({folder, log}), log),
			backupAt: async () => readBackedUpAt(folder),
			disk: async () => diskFigures(folder),
			heap: heap.figures,
		};
		const checkAddress = createAddressProbe(credentialsFor);
		const coordinator = createCoordinator({
			...role,
			restoredAt,
			alerts,
			page,
			isProxy,
			rateLimit: limitOf(),
			accountLimit: limitOf(),
			audit,
			catalog,
			catalogFigures: catalog.figures,
			dial,
			links,
			checkAddress,
			probe: async (node, signal) => (node.kind === 'link' ? dial.status : checkAddress)(node, signal),
			networkKeys,
			activity,
			events,
			repair: {
				graceMs: role.repairGraceMs,
				atOnce: role.repairAtOnce,
				bytesPerSecond: role.repairBytesPerSecond,
			},
			trashMs: role.trashDays * DAY_MS,
			uploadMs: role.uploadDays * DAY_MS,
			masterKey,
			onBytes,
			passwords: role.passwords ?? argon2Passwords(),
		});
		closers.push(coordinator.stop);
		await coordinator.start();
		const keepToken = async (token: string) => keepAdminToken(folder, token);
		const firstAdmin = role.open ? undefined : await coordinator.makeFirstAdmin(keepToken);
		const handler = coordinator.app.callback();
		const {upgrade} = coordinator;
		const tls = tlsOf(role, clock);
		const server = await listen({handler, upgrade, host: role.host, port: role.port, log, tls, isProxy});
		closers.push(async () => server.close());
		const own =
			tls && role.isReachedFromHere ? await listen({handler, upgrade, host: '127.0.0.1', port: 0, log}) : server;
		closers.push(async () => own.close());
		return {
			url: server.url,
			firstAdmin,
			onlineNodes: coordinator.onlineNodes,
			ownUrl: own.url,
			async inviteNode({owner, zone}) {
				const invitation = {owner, zone, uses: 1, lifeMs: INVITATION_MS, createdBy: 'local'};
				const {code} = await coordinator.nodeInvitations.create(invitation);
				return {code, revoke: async () => coordinator.nodeInvitations.revoke(code.id)};
			},
			async close() {
				coordinator.endStreams();
				await closeAll(closers, log);
			},
		};
	} catch (error) {
		await closeAll(closers, log);
		throw error;
	}
};
