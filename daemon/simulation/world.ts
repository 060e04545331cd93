import type {HeartbeatBody} from '../../source/protocol/api.js';
import {isPjasError, PjasError} from '../../source/protocol/errors.js';
import {type Digest, newNodeId, NODE_ID_RANDOM_BYTES, type NodeId} from '../../source/protocol/ids.js';
import {memoryCatalog} from '../adapters/memory-catalog.js';
import type {NodeState} from '../coordinator/fleet.js';
import {masterKeyOf} from '../coordinator/master-key.js';
import {listingDigest} from '../core/listing.js';
import type {Catalog} from '../ports/catalog.js';
import type {Log} from '../ports/log.js';
import type {Chance} from './chance.js';
import {createSimulatedCoordinator, type Settings, type SimulatedCoordinator} from './coordinator.js';
import {createBodies, createDisk} from './disk.js';
import {catalogThrough, clockThrough, createGate, type Gate} from './gate.js';
import {isReachable, lineTo, type Member, statsOf} from './member.js';
import {createNodeProcess, type NodeProcess} from './node-process.js';
import {copyOfCatalog} from './whole-catalog.js';
import type {VirtualTime} from './virtual-time.js';

export type WorldOptions = {
	time: VirtualTime;
	chance: Chance;
	settings: Settings;
	/** Whether calls take a moment here and there, so that what happens at the same time meets in every order. */
	hesitates: () => boolean;
	/** How often a node tells its figures where they changed. */
	figuresEveryMs: number;
	/** Writes down what happens, for who looks for a fault. */
	trace: (text: string) => void;
	/** Whether it is known how long each shard has been on its disk. */
	tracksAge?: boolean;
	/** Puts somebody between the durable catalogue and all who use it. */
	watch?: (catalog: Catalog) => Catalog;
	/** Told of each shard that comes to a node. */
	onArrival?: (arrival: Arrival) => void;
	/** Told of each shard that is removed from a node. */
	onRemoval?: (removal: Arrival) => void;
};

/** A shard that came to a node, or was removed from it. */
export type Arrival = {
	member: Member;
	digest: Digest;
	/** Whether nobody waits for it any more. */
	isGivenUp: boolean;
	/** Which of the coordinator's processes did it. */
	boot: number;
};

export type MemberTraits = Partial<Pick<Member, 'owner' | 'zone' | 'latencyMs' | 'msPerByte'>> & {
	allocatedBytes: number;
};

export type World = {
	time: VirtualTime;
	/** What is durable of the catalogue, whoever runs. */
	readonly catalog: Catalog;
	members: Map<NodeId, Member>;
	wallMs: () => number;
	/** The latest that the wall's clock ever showed. */
	latestWallMs: () => number;
	/** The coordinator's process; nothing while there is none. */
	coordinator: () => SimulatedCoordinator | undefined;
	join: (traits: MemberTraits) => Member;
	/** Changes how a node is, with what follows from it. */
	change: (member: Member, changes: Partial<Pick<Member, 'isUp' | 'isCut' | 'isDead'>>) => void;
	/** When a node was last heard of; nothing where it is there. */
	silentSince: (node: NodeId) => number | undefined;
	/** How often it was started. */
	boots: () => number;
	/** Starts the coordinator, unless it runs; then nothing ends it that was to. */
	boot: () => void;
	/** Ends the coordinator's process at once, or after so many more calls of the catalogue. */
	crash: (afterCalls?: number) => void;
	/** Resolves when the present process ends. */
	crashed: () => Promise<void>;
	/** Somebody asks the coordinator for something, and takes a no for an answer. */
	ask: (work: () => Promise<unknown>) => Promise<void>;
	jump: (ms: number) => void;
	/** Has every node that is there say what it has. */
	tellAll: () => void;
	/** Keeps a copy of the catalogue as it is. */
	backUp: () => Promise<void>;
	/** When the last backup was made; nothing where there is none. */
	backedUpAt: () => number | undefined;
	/** Ends the coordinator and starts it with the backup in place of its catalogue. */
	restore: () => void;
	/** When that was done, in the wall's time. */
	restoredAt: () => number | undefined;
	/** By how much the wall's clock was set, to and fro, in all. */
	jumpedMs: () => number;
	/** By how much it was set back, in all: whatever goes by it comes so much later. */
	setBackMs: () => number;
};

const START_MS = 1_700_000_000_000;
const BEAT_MS = 10_000;
/** A little longer than a node may be silent. */
const NOTICE_MS = 61_000;

type Process = {gate: Gate; coordinator: SimulatedCoordinator; ended: Promise<void>; end: () => void};

const logTo = (trace: (text: string) => void): Log => {
	const write = (message: string, fields?: Record<string, unknown>) => {
		const {error, ...rest} = fields ?? {};
		trace(`log: ${message} ${JSON.stringify(rest)}${error instanceof Error ? ` ${error.message}` : ''}`);
	};
	const log: Log = {debug: write, info: write, warn: write, error: write, child: () => log};
	return log;
};

/** Nodes, their lines, the durable catalogue, and a coordinator's process that may end at any moment. */
export const createWorld = (options: WorldOptions): World => {
	const {time, settings, trace, tracksAge = true, watch = (memory: Catalog) => memory, onArrival, onRemoval} = options;
	const chance = options.chance.fork();
	const secrets = options.chance.fork();
	const newCatalog = () => memoryCatalog({nextTurn: async () => Promise.resolve()});
	let catalog = watch(newCatalog());
	let backup: {catalog: Catalog; at: number} | undefined;
	let restoredAt: number | undefined;
	let jumpedMs = 0;
	let setBackMs = 0;
	const bodies = createBodies();
	const members = new Map<NodeId, Member>();
	const processes = new Map<NodeId, NodeProcess>();
	/** The self-check that each node was asked for. */
	const asked = new Map<NodeId, number>();
	const silent = new Map<NodeId, number>();
	const masterKey = masterKeyOf(secrets.bytes(32), secrets);
	const log = logTo(trace);
	let offsetMs = 0;
	let latestWallMs = 0;
	let running: Process | undefined;
	let callsLeft = Infinity;
	let boots = 0;

	const wallMs = () => {
		const now = START_MS + offsetMs + Math.floor(time.nowMs());
		latestWallMs = Math.max(latestWallMs, now);
		return now;
	};
	const nodeClock = clockThrough({isOpen: () => true}, time, wallMs);
	const wait = async (ms: number) => new Promise<void>(resolve => void time.timer(ms, resolve));

	const hesitate = (): Promise<void> | undefined =>
		options.hesitates() && chance.isLucky(0.3) ? wait(chance.between(0, 20)) : undefined;

	const soon = (ms: number, work: () => void) => void time.timer(chance.between(0, ms), work);

	/** As the coordinator's route and the node's own loop do it. */
	const beat = async (member: Member, coordinator: SimulatedCoordinator, stats: HeartbeatBody) => {
		const process = processes.get(member.id);
		const scrub = process?.report();
		const state = await coordinator.membership.heartbeat({...stats, ...(scrub && {scrub})});
		if (scrub) await coordinator.scrubReports.takeIn(state, scrub);
		if (scrub) await process?.acknowledge(scrub);
		const selfCheck = state.record.suspension?.since;
		if (selfCheck !== undefined) process?.checkSelf(selfCheck);
	};

	/** A node that is suspended learns with its next heartbeat that it is to check itself. */
	const noteNode = ({record: {_id: id, suspension}}: NodeState) => {
		const member = members.get(id);
		if (!member || !suspension || asked.get(id) === suspension.since) return;
		asked.set(id, suspension.since);
		soon(BEAT_MS, () => tell(member, 'heartbeat'));
	};

	const tell = (member: Member, what: 'register' | 'heartbeat') => {
		if (!isReachable(member) || !running) return;
		const {membership} = running.coordinator;
		silent.delete(member.id);
		const {id, name, owner, zone} = member;
		const stats = {node_id: id, storage_stats: statsOf(member)};
		if (what === 'heartbeat') {
			beat(member, running.coordinator, stats).catch((error: unknown) => {
				if (isPjasError(error, 'NODE_NOT_FOUND')) tell(member, 'register');
				else trace(`heartbeat failed: ${String(error)}`);
			});
			return;
		}

		const listing = listingDigest([...member.disk.kept.keys()].sort());
		const about = {address: `http://${id}.test`, version: '2.0.0', name, owner, zone, listing_digest: listing};
		membership
			.register({...stats, ...about, status: 'online'})
			.catch((error: unknown) => trace(`registration failed: ${String(error)}`));
	};

	const join: World['join'] = ({allocatedBytes, ...traits}) => {
		const number = members.size + 1;
		let isTelling = false;
		const disk = createDisk({
			allocatedBytes,
			bodies,
			nowMinute: tracksAge ? () => Math.floor(time.nowMs() / 60_000) : undefined,
			onChange() {
				if (isTelling) return;
				isTelling = true;
				time.timer(options.figuresEveryMs, () => {
					isTelling = false;
					tell(member, 'heartbeat');
				});
			},
		});
		const member: Member = {
			id: newNodeId(secrets.bytes(NODE_ID_RANDOM_BYTES)),
			name: `node ${number}`,
			owner: `owner ${number}`,
			zone: `zone ${number}`,
			latencyMs: 20,
			msPerByte: 0,
			...traits,
			disk,
			isUp: true,
			isCut: false,
			isDead: false,
			isMute: false,
			isFull: false,
			late: new Set(),
		};
		members.set(member.id, member);
		if (settings.scrub) {
			const onFaults = () => soon(BEAT_MS, () => tell(member, 'heartbeat'));
			const process = createNodeProcess({disk, plan: settings.scrub, clock: nodeClock, log, onFaults});
			processes.set(member.id, process);
			process.start();
		}

		soon(1_000, () => tell(member, 'register'));
		return member;
	};

	const change: World['change'] = (member, changes) => {
		const wasThere = isReachable(member);
		// It was heard of a moment ago.
		if (wasThere) tell(member, 'heartbeat');
		const wasDown = !member.isUp;
		Object.assign(member, changes);
		const process = processes.get(member.id);
		if (member.isUp && !member.isDead) process?.start();
		else process?.kill();
		const isThere = isReachable(member);
		if (wasThere && !isThere) {
			silent.set(member.id, time.nowMs());
			time.timer(NOTICE_MS, () => running?.coordinator.wakeAll());
		} else if (!wasThere && isThere) {
			soon(BEAT_MS, () => tell(member, wasDown ? 'register' : 'heartbeat'));
		}
	};

	const boot = () => {
		callsLeft = Infinity;
		if (running) return;
		const gate = createGate(hesitate);
		let end: () => void = () => undefined;
		const ended = new Promise<void>(resolve => (end = resolve));
		const countCall = () => {
			if (--callsLeft <= 0 && gate.isOpen()) crash();
		};
		const clock = clockThrough(gate, time, wallMs);
		const waitFor = async (ms: number, signal?: AbortSignal) => clock.sleep(ms, signal);
		const boot = ++boots;
		const newLine = (member: Member) =>
			lineTo(member, {
				...{wait, waitFor, isLucky: chance.isLucky},
				onArrival(digest, hasGivenUp) {
					const isGivenUp = hasGivenUp || !gate.isOpen();
					if (isGivenUp) member.late.add(digest);
					onArrival?.({member, digest, isGivenUp, boot});
				},
				onRemoval(digest, hasGivenUp) {
					onRemoval?.({member, digest, isGivenUp: hasGivenUp || !gate.isOpen(), boot});
				},
			});
		const lines = new Map([...members].map(([id, member]) => [id, newLine(member)] as const));
		const lineOf = (id: NodeId) => {
			const member = members.get(id);
			if (!member) throw new Error(`There is no node ${id}`);
			let line = lines.get(id);
			if (!line) lines.set(id, (line = newLine(member)));
			return line;
		};
		const coordinator = createSimulatedCoordinator({
			catalog: catalogThrough(gate, catalog, countCall),
			clock,
			random: options.chance.fork(),
			log,
			note: (level, message) => trace(`${level} ${message}`),
			masterKey,
			settings,
			dial: lineOf,
			async probe(id) {
				await clock.sleep(chance.between(1, 50));
				const member = members.get(id);
				if (member && isReachable(member)) return statsOf(member);
				throw new PjasError('NODE_FAILED', 'it does not answer');
			},
			silent: () => silent.keys(),
			restoredAt,
			onNode: noteNode,
		});
		running = {gate, coordinator, ended, end};
		for (const member of members.values()) {
			if (!silent.has(member.id)) silent.set(member.id, time.nowMs());
			if (isReachable(member)) soon(BEAT_MS, () => tell(member, 'heartbeat'));
		}

		time.timer(NOTICE_MS, () => coordinator.wakeAll());
		coordinator.start().catch((error: unknown) => trace(`the coordinator did not start: ${String(error)}`));
	};

	const crash = (afterCalls = 0) => {
		if (!running) return;
		callsLeft = afterCalls;
		if (afterCalls > 0) return;
		trace('the coordinator is killed');
		running.gate.shut();
		running.end();
		running = undefined;
	};

	return {
		time,
		get catalog() {
			return catalog;
		},
		members,
		wallMs,
		latestWallMs: () => Math.max(latestWallMs, wallMs()),
		coordinator: () => running?.coordinator,
		join,
		change,
		silentSince: node => silent.get(node),
		boots: () => boots,
		boot,
		crash,
		crashed: async () => running?.ended,
		async ask(work) {
			try {
				await work();
			} catch (error) {
				trace(`refused: ${String(error)}`);
			}
		},
		jump(ms) {
			wallMs();
			offsetMs += ms;
			jumpedMs += Math.abs(ms);
			setBackMs += Math.max(0, -ms);
			for (const member of members.values()) {
				if (ms < NOTICE_MS || !isReachable(member)) continue;
				silent.set(member.id, time.nowMs());
				soon(BEAT_MS, () => tell(member, 'heartbeat'));
			}

			running?.coordinator.wakeAll();
		},
		tellAll() {
			for (const member of members.values()) soon(BEAT_MS, () => tell(member, 'register'));
		},
		async backUp() {
			backup = {catalog: await copyOfCatalog(catalog, newCatalog()), at: wallMs()};
		},
		backedUpAt: () => backup?.at,
		restore() {
			if (!backup) return;
			crash();
			catalog = watch(backup.catalog);
			backup = undefined;
			restoredAt = wallMs();
			trace('the coordinator starts with a backup');
			boot();
		},
		restoredAt: () => restoredAt,
		jumpedMs: () => jumpedMs,
		setBackMs: () => setBackMs,
	};
};
