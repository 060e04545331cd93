import type {DoctorCheck} from '../../source/protocol/doctor.js';
import {remoteLimitsText} from '../../source/protocol/member-limits.js';
import type {Resting} from '../../source/protocol/node-care.js';
import {listen, type ListenOptions} from '../http/listen.js';
import {metricsText, type ProcessMetrics} from '../http/metrics.js';
import type {Clock, Random} from '../ports/clock.js';
import type {Limits} from '../core/member-limits.js';
import type {Log} from '../ports/log.js';
import {parseJoinCode} from '../trust/join-code.js';
import {openKeys} from '../trust/keys.js';
import {addressOf} from './address.js';
import {type Authorize, authorizeAnyone, createAuthorize} from './authorize.js';
import {openCoordinatorTrust} from './coordinator-trust.js';
import type {NodeFolder, NodeStore, OpenNodeFolder} from './folder.js';
import {CLASSIC_VERSION, createExchange} from './exchange.js';
import {type HeartbeatOptions, runHeartbeat} from './heartbeat.js';
import {createContact} from './contact.js';
import {tailLog} from './log-tail.js';
import {type Member, openMember} from './member.js';
import {createMemberDoctor, type Examine} from './member-doctor.js';
import {listenToMember} from './member-server.js';
import {memberStatus} from './member-status.js';
import {openNatGateway} from './nat-gateway.js';
import {createPortMapping} from './port-mapping.js';
import {createNodeHandler} from './server.js';
import {createLinks} from './links.js';
import {createNodeMeters} from './meters.js';
import {nodeMetrics} from './metrics.js';
import {createIdleness} from './idleness.js';
import {createSafeToStop} from './safe-to-stop.js';
import {createScrubber, type ScrubSettings} from './scrubber.js';
import {storageStatsOf} from './storage-stats.js';

export type NodeOptions = {
	/** Opens the storage folder. Nobody else may have it open. */
	openFolder: OpenNodeFolder;
	storagePath: string;
	/** Without it, what this folder was given before. */
	allocatedBytes?: number | undefined;
	/** With or without `/api` at its end. Without it, the node serves and tells nobody. */
	coordinatorUrl?: string | undefined;
	host: string;
	/** 0 for any that is free. */
	port: number;
	/** Serves HTTPS with these files. */
	tls?: ListenOptions['tls'];
	publicUrl?: string | undefined;
	ngrokUrl?: string | undefined;
	/** Where the API of an ngrok agent would be, whose tunnel is taken where no other address is given. */
	ngrokApi?: string | undefined;
	name?: string | undefined;
	owner?: string | undefined;
	zone?: string | undefined;
	/** Joins a coordinator of the prototype's kind. */
	classic?: boolean;
	/** A join code; needed until the coordinator knows this node. */
	join?: string | undefined;
	/** Has a router lead a port to this node. */
	upnp?: boolean | undefined;
	/** Whether the coordinator is told of an address where there is one. */
	reach?: 'auto' | 'links' | undefined;
	/** How many links stay open where the coordinator reaches this node over links. */
	links?: number | undefined;
	version?: string;
	/** What its member configured beside the space; without that, there is no limit. */
	limits?: Partial<Omit<Limits, 'space'>>;
	/** The zone whose clocks hours are meant by; without it, UTC. */
	timeZone?: string;
	/** Where its member's programs reach it; without it, nowhere. */
	memberSocket?: string;
	/** Finds what is wrong with this node and its machine, for its member. */
	doctor?: {examine: Examine; planned: readonly DoctorCheck[]} | undefined;
	/** How its shards are read again, where not as usual. */
	scrub?: Partial<ScrubSettings>;
	/** What a program that reads its metrics must show; without it, nobody can. */
	metricsToken?: string | undefined;
	processMetrics?: ProcessMetrics | undefined;
	log: Log;
	clock: Clock;
	random: Random;
};

export type RunningNode = {
	url: string;
	port: number;
	/** The id that it goes by. */
	nodeId: string;
	store: NodeStore;
	/** What its member decides while it runs. */
	member: Member;
	/** Lets requests under way end, for so long, writes the index down and stops. */
	close: (options?: {graceMs?: number}) => Promise<void>;
};

/** After a crash, what changed since is looked at again: that takes seconds, so the index is written rarely. */
const SAVE_EVERY_MS = 60 * 60 * 1000;
/** A request has a link for itself; more are opened where these are busy. */
const USUAL_LINKS = 4;
const SCRUB_PERIOD_MS = 30 * 24 * 60 * 60 * 1000;
const SCRUB_BYTES_PER_SECOND = 5 * 1024 * 1024;

const noLimits: Omit<Limits, 'space'> = {
	...{up: 0, down: 0, schedule: 'none', monthly_cap: 0, hours: 'always'},
	remote_limits: remoteLimitsText(false),
};

/** Whether its member wants nothing of it now that can wait. */
const isQuiet = (resting: Resting | undefined): boolean => resting === 'paused' || resting === 'off-hours';

/** Who this node is and whom it serves: one coordinator, or anybody where that one has no tickets, or there is none. */
const openTrust = async (
	options: NodeOptions,
	{nodeId, keys, coordinatorKeys}: NodeFolder,
): Promise<{authorize: Authorize; identity: HeartbeatOptions['identity']}> => {
	const {coordinatorUrl, classic, join, log, clock, random} = options;
	if (classic || coordinatorUrl === undefined) return {authorize: authorizeAnyone, identity: undefined};
	const pairs = openKeys(keys);
	const joinCode = join === undefined ? undefined : parseJoinCode(join);
	const trust = await openCoordinatorTrust({nodeId, pairs, file: coordinatorKeys, joinCode, log, clock, random});
	const identity = {publicKeys: pairs.public, joinCode: joinCode?.text, trust};
	return {authorize: createAuthorize({nodeId, pairs, trust}), identity};
};

/** Opens a storage folder and serves it, whether the coordinator is there or not. */
export const startNode = async (given: NodeOptions): Promise<RunningNode> => {
	const {log, tail} = tailLog(given.log, given.clock);
	const options = {...given, log};
	const {openFolder, storagePath, allocatedBytes, coordinatorUrl, host, classic = false, clock, random} = options;
	const {version = '2.0.0', owner, zone, publicUrl, ngrokUrl, tls} = options;
	const folder = await openFolder({folder: storagePath, allocatedBytes, name: options.name, log, clock, random});
	const {shards, name} = folder;
	const nodeId = classic ? folder.classicNodeId : folder.nodeId;
	const member = await openMember({
		folder,
		configured: {...noLimits, ...options.limits, space: allocatedBytes ?? folder.allocatedBytes},
		timeZone: options.timeZone ?? 'UTC',
		isJoining: options.join !== undefined,
		clock,
		log,
	});
	const contact = createContact(clock);
	const startedAt = clock.now();
	const {authorize, identity} = await openTrust(options, folder);
	const meters = createNodeMeters(clock);
	const handler = createNodeHandler({
		nodeId,
		version: classic ? CLASSIC_VERSION : version,
		folder: {...folder, shards: meters.over(shards)},
		authorize,
		line: member,
		metrics:
			options.metricsToken === undefined ? undefined : {token: options.metricsToken, text: async () => tellMetrics()},
		log,
		clock,
		random,
	});
	const idleness = createIdleness(clock);
	const links =
		identity && coordinatorUrl !== undefined
			? createLinks({coordinatorUrl, trust: identity.trust, least: options.links ?? USUAL_LINKS, log, clock, random})
			: undefined;
	const served = meters.around(idleness.around(handler));
	const watched = links ? links.around(served) : served;
	const server = await listen({handler: watched, host, port: options.port, log, tls});
	const {port, url} = server;
	log.info('the node serves', {node: nodeId, url, shards: (await shards.figures()).count});

	const ending = new AbortController();
	const {signal} = ending;

	const scrubber = createScrubber({
		shards,
		file: folder.scrub,
		settings: {periodMs: SCRUB_PERIOD_MS, bytesPerSecond: SCRUB_BYTES_PER_SECOND, ...options.scrub},
		isIdle: () => idleness.isIdle() && !isQuiet(member.resting()),
		now: identity?.trust.nowMs ?? clock.now,
		clock,
		log,
	});

	const tellMetrics = async () =>
		metricsText(await nodeMetrics({version, meters, shards, member, scrubber, links, contact}), options.processMetrics);

	const mapping = options.upnp
		? createPortMapping({port, isTls: tls !== undefined, open: openNatGateway, log, clock, random})
		: undefined;

	const saveNowAndThen = async () => {
		for (;;) {
			try {
				await clock.sleep(SAVE_EVERY_MS, signal);
			} catch {
				return;
			}

			await folder.save().catch((error: unknown) => log.warn('the index could not be written', {error}));
		}
	};

	const beat = async (coordinator: string) =>
		runHeartbeat(
			{
				coordinatorUrl: coordinator,
				nodeId,
				version,
				identity,
				name,
				owner,
				zone,
				address: async aborted => {
					if (options.reach === 'links' && identity) return undefined;
					const listening = {isTls: tls !== undefined, host, port, isNeeded: identity === undefined};
					return addressOf(
						{
							publicUrl,
							ngrokUrl,
							ngrokApi: options.ngrokApi,
							mapped: mapping?.address,
							...listening,
							coordinatorUrl: coordinator,
						},
						aborted,
					);
				},
				onAddress: mapping?.onChange,
				...(links && {onReach: links.setWanted}),
				storageStats: async () => storageStatsOf(shards),
				listingDigest: () => shards.listingDigest(),
				scrubber,
				line: member,
				contact,
				log,
				clock,
				random,
			},
			signal,
		).catch((error: unknown) => log.error('the heartbeat has ended', {error}));

	const loops = [
		saveNowAndThen(),
		scrubber.run(signal),
		member.run(signal),
		...(mapping ? [mapping.run(signal)] : []),
		...(coordinatorUrl === undefined ? [] : [beat(coordinatorUrl)]),
		...(links
			? [links.run(server.attach, signal).catch((error: unknown) => log.error('no more links are opened', {error}))]
			: []),
	];

	const about = {nodeId, name: name ?? nodeId, version, startedAt, coordinatorUrl};
	const {doctor: found} = options;
	const doctor =
		found &&
		createMemberDoctor({
			...{planned: found.planned, clock, log},
			examine: async onFinding => found.examine({port}, onFinding),
		});
	const status = async () =>
		memberStatus({
			...{about, member, contact, links: links?.count() ?? 0, scrub: scrubber.report()},
			storage: await storageStatsOf(shards),
		});
	const safeToStop = createSafeToStop({
		...{nodeId, clock, signal},
		asked:
			identity && coordinatorUrl !== undefined
				? {identity, exchange: createExchange({coordinatorUrl, identity, onCarried: member.count})}
				: undefined,
	});
	const control =
		options.memberSocket === undefined
			? undefined
			: await listenToMember({
					socketPath: options.memberSocket,
					...{member, status, tail, startedAt, safeToStop, doctor, log, clock, random},
				}).catch((error: unknown) =>
					log.warn("the member's programs can't reach this node; it goes on without", {error}),
				);

	const stop = async (graceMs: number | undefined) => {
		await control?.close();
		ending.abort(new Error('the node stops'));
		await Promise.all(loops);
		await server.close(graceMs === undefined ? {} : {graceMs});
		await Promise.all([folder.save(), member.save()]);
	};

	let closing: Promise<void> | undefined;
	return {
		url,
		port,
		nodeId,
		store: shards,
		member,
		close: async ({graceMs} = {}) => (closing ??= stop(graceMs)),
	};
};
