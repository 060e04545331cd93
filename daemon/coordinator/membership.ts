import {createHash} from 'node:crypto';
import type {HeartbeatBody, RegisterBody, StorageStats} from '../../source/protocol/api.js';
import {isPjasError, PjasError} from '../../source/protocol/errors.js';
import type {NodeId} from '../../source/protocol/ids.js';
import {parseHours} from '../../source/protocol/week.js';
import {isExcused, isInMaintenance} from '../core/condition.js';
import type {NodeLine, NodeRecord} from '../core/model.js';
import type {Catalog} from '../ports/catalog.js';
import type {Clock} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import type {Worker} from '../ports/worker.js';
import {withFigures} from './change-node.js';
import type {Fleet, NodeState} from './fleet.js';
import {nameInText} from './name-in-text.js';
import type {NodeLinkRegistry} from './node-links.js';
import type {Note} from './note.js';
import {askInTime, type Probe, type Reach} from './reach.js';

type MembershipOptions = {
	catalog: Catalog;
	fleet: Fleet;
	probe: Probe;
	reach: Reach;
	links: Pick<NodeLinkRegistry, 'count' | 'drop' | 'watch'>;
	/** Whether a node of before may come back by itself. */
	isWelcome: (record: NodeRecord) => boolean;
	clock: Clock;
	log: Log;
	note: Note;
	/** A node came online; `listingDigest` is what it says of its shards, where it says so. */
	onArrival: (state: NodeState, listingDigest: string | undefined) => void;
	/** A node is known to be away. */
	onDeparture: (state: NodeState) => void;
	/** A node's state or figures changed. */
	onChange: (state: NodeState) => void;
	/** A node that took no new shards does again. */
	onResumed: (state: NodeState) => void;
};

/** What a node is let in by; see `admission.ts`. */
export type Terms = {
	publicKeys?: NodeRecord['publicKeys'];
	invited?: NodeRecord['invited'];
	/** Whether it can serve already; else it is not online yet. */
	isReady: boolean;
};

export type Membership = Worker & {
	register: (body: RegisterBody, terms?: Terms) => Promise<NodeState>;
	/** Throws `NODE_NOT_FOUND` where the node has to register first. */
	heartbeat: (body: HeartbeatBody, terms?: Terms) => Promise<NodeState>;
	/** Keeps a node out, or lets it in again. */
	setBanned: (id: NodeId, isBanned: boolean) => Promise<NodeState>;
	/** Loads the nodes of before, and asks each whether it is there. */
	recall: () => Promise<void>;
};

const OFFLINE_AFTER_MS = 60_000;
const CLASSIC_VERSION = '1.0.0';
const PROBE_TIMEOUT_MS = 3_000;
/** How long a node may be without a link: one reconnects in about a second. */
const LINK_GRACE_MS = 5_000;
const MOST_TRIES = 8;

/** A classic node changes its id at every start and keeps its chunks, so its record's id comes from its address. */
const classicIdOf = (address: string): NodeId =>
	`pjas-${createHash('sha256').update(address).digest('hex').slice(0, 32)}` as NodeId;

const withoutSlash = (address: string) => address.replace(/\/+$/, '');

export const isClassic = ({version = CLASSIC_VERSION}: RegisterBody): boolean => version === CLASSIC_VERSION;

/** The record that a registration is about: its own, or that of the classic node whose address it took over. */
export const recordIdOf = (body: RegisterBody, fleet: Pick<Fleet, 'get'>): NodeId => {
	const ownId = body.node_id as NodeId;
	if (body.address === undefined) return ownId;
	const classicId = classicIdOf(withoutSlash(body.address));
	if (isClassic(body)) return classicId;
	return !fleet.get(ownId) && fleet.get(classicId) ? classicId : ownId;
};

const figuresOf = (stats: StorageStats) => ({
	allocatedBytes: stats.allocated_bytes,
	usedBytes: stats.used_bytes,
	freeBytes: Math.min(stats.free_bytes, Math.max(0, stats.allocated_bytes - stats.used_bytes)),
	shardCount: stats.chunk_count,
});

const lineOf = ({up, down, resting, hours, limits, remote}: NonNullable<HeartbeatBody['line']>): NodeLine => ({
	up,
	down,
	...(resting && {resting}),
	...(hours && {hours: {text: hours.text, timeZone: hours.time_zone, spans: parseHours(hours.text) ?? []}}),
	...(limits && {limits}),
	...(remote && {remote}),
});

/** What a node's record says of it that a registration does not change. */
const kept = ({bannedAt, drain, maintenance, suspension, audits, scrub, wished}: NodeRecord) => ({
	...(bannedAt !== undefined && {bannedAt}),
	...(drain && {drain}),
	...(maintenance && {maintenance}),
	...(suspension && {suspension}),
	...(audits && {audits}),
	...(scrub && {scrub}),
	...(wished && {wished}),
});

const recordOf = (
	id: NodeId,
	body: RegisterBody,
	{publicKeys, invited}: Terms,
	stored: NodeRecord | undefined,
	now: number,
): NodeRecord => {
	const {node_id: claimedId, version = CLASSIC_VERSION} = body;
	const owner = invited?.owner ?? body.owner ?? stored?.owner ?? id;
	const ownZone = body.zone ?? (body.owner ? owner : (stored?.zone ?? owner));
	return {
		_id: id,
		kind: isClassic(body) ? 'classic' : 'direct',
		name: body.name ?? stored?.name ?? claimedId,
		owner,
		zone: invited?.zone ?? ownZone,
		address: withoutSlash(body.address ?? ''),
		...(claimedId !== id && {classicId: claimedId}),
		version,
		...(body.protocol !== undefined && {protocol: body.protocol}),
		...(publicKeys && {publicKeys}),
		...(invited && {invited}),
		...(stored && kept(stored)),
		...figuresOf(body.storage_stats),
		...(body.line && {line: lineOf(body.line)}),
		registeredAt: stored?.registeredAt ?? now,
		lastSeenAt: now,
		revision: stored?.revision ?? 0,
	};
};

/** What a member's decision is worth telling; that the hours of every day begin and end is not. */
const restingTold = (line: NodeLine | undefined): string => {
	switch (line?.resting) {
		case 'paused':
			return 'is paused by its member: it takes no new shards, and is read only where no other can be';
		case 'near-cap':
			return 'takes no new shards: its line has nearly carried what it may in this month';
		case 'over-cap':
			return 'gives and takes no shards: its line has carried what it may in this month';
		default:
			return 'takes part as usual';
	}
};

/** A node's record once it was heard of. */
const there = (record: NodeRecord): NodeRecord => {
	const {awaySince, ...rest} = record;
	return awaySince === undefined ? record : rest;
};

const withoutBan = (record: NodeRecord): NodeRecord => {
	const copy = {...record};
	delete copy.bannedAt;
	return copy;
};

export const createMembership = (options: MembershipOptions): Membership => {
	const {catalog, fleet, probe, reach, links, isWelcome, clock, log, note, onArrival, onDeparture, onChange} = options;
	const {onResumed} = options;
	const called = new Set<NodeId>();
	const losing = new Set<NodeId>();
	let recalledAt = 0;

	const isWithinReach = ({record: {_id, kind}}: NodeState) => kind !== 'link' || links.count(_id) > 0;

	const arrive = (state: NodeState, listingDigest?: string) => {
		// The ban came while its words were looked at.
		if (state.record.bannedAt !== undefined) return;
		const wasOnline = state.isOnline;
		state.isOnline = true;
		state.failures = 0;
		state.coolUntilMs = 0;
		if (!wasOnline)
			note('INFO', `Node ${nameInText(state.record.name)} is online`, {
				node: state.record._id,
				owner: state.record.owner,
			});
		if (!wasOnline || listingDigest) onArrival(state, listingDigest);
		onChange(state);
	};

	const register: Membership['register'] = async (body, terms = {isReady: true}) => {
		const id = recordIdOf(body, fleet);
		const before = await catalog.getNode(id);
		const way = await reach.find(recordOf(id, body, terms, before, clock.now()), before, terms.isReady);
		for (let attempt = 1; ; attempt++) {
			const stored = await catalog.getNode(id);
			try {
				const record = await catalog.putNode({...recordOf(id, body, terms, stored, clock.now()), ...way});
				if (!stored) note('INFO', `Node ${nameInText(record.name)} joined`, {node: id, owner: record.owner});
				const state = fleet.set(record);
				if (terms.isReady && isWithinReach(state)) arrive(state, body.listing_digest);
				else linksChanged(id);
				return state;
			} catch (error) {
				if (!isPjasError(error, 'CONFLICT') || attempt === MOST_TRIES) throw error;
			}
		}
	};

	const heartbeat: Membership['heartbeat'] = async (body, terms = {isReady: true}) => {
		const state = fleet.find(body.node_id);
		if (!state) {
			throw new PjasError('NODE_NOT_FOUND', `Node ${body.node_id} is not registered here. Register it first`);
		}

		const figures = body.storage_stats ? figuresOf(body.storage_stats) : {};
		const isHere = state.isOnline || isWithinReach(state);
		const before = state.record.line;
		const line = body.line ? lineOf(body.line) : before;
		const told = {...figures, ...(line && {line}), lastSeenAt: clock.now()};
		state.record = {...(isHere ? there(state.record) : state.record), ...told};
		if (JSON.stringify(line) !== JSON.stringify(before)) await noteLine(state, before);
		reach.lookAgain(state);
		if (state.isOnline || !isHere || !terms.isReady) onChange(state);
		else {
			await remember(state);
			arrive(state);
		}

		return state;
	};

	/** Keeps a node's newest figures over a restart. They are figures only: losing a race for them loses nothing. */
	const remember = async (state: NodeState) => {
		try {
			const stored = await catalog.getNode(state.record._id);
			if (!stored) return;
			const {revision} = await catalog.putNode(withFigures(stored, state.record));
			state.record = {...state.record, revision};
		} catch (error) {
			if (!isPjasError(error, 'CONFLICT')) log.warn("a node's figures could not be kept", {error});
		}
	};

	/** A node's member changed what it may take; kept at once, for it holds as well while the node is away. */
	const noteLine = async (state: NodeState, before: NodeLine | undefined) => {
		const {_id, name, owner, line} = state.record;
		const what = restingTold(line);
		if (what !== restingTold(before)) note('INFO', `Node ${nameInText(name)} ${what}`, {node: _id, owner});
		await remember(state);
		if (before?.resting && !line?.resting) onResumed(state);
	};

	const leave = async (state: NodeState, what = `nothing heard of it for ${OFFLINE_AFTER_MS / 1000} s`) => {
		state.isOnline = false;
		const {name, _id, owner, lastSeenAt} = state.record;
		state.record = {...state.record, awaySince: lastSeenAt};
		const now = clock.now();
		const isMinded = !isExcused(state.record, now);
		const isKept = isInMaintenance(state.record, now);
		const excuse = isKept ? 'it is in maintenance' : 'it is outside the hours in which it takes part';
		const why = isMinded ? what : excuse;
		note(!isMinded ? 'INFO' : 'WARN', `Node ${nameInText(name)} is offline: ${why}`, {node: _id, owner});
		onChange(state);
		onDeparture(state);
		await remember(state);
	};

	/** A node of before that did not come back in the time that one which is there takes for it. */
	const giveUp = async (state: NodeState) => {
		state.record = {...state.record, awaySince: Math.max(state.record.lastSeenAt, recalledAt)};
		onDeparture(state);
		await remember(state);
	};

	const setBanned: Membership['setBanned'] = async (id, isBanned) => {
		for (let attempt = 1; ; attempt++) {
			const stored = await catalog.getNode(id);
			if (!stored) throw new PjasError('NODE_NOT_FOUND', 'Node not found: it never joined this network');
			if ((stored.bannedAt !== undefined) === isBanned) return fleet.get(id) ?? fleet.set(stored);
			try {
				const record = await catalog.putNode(isBanned ? {...stored, bannedAt: clock.now()} : withoutBan(stored));
				const state = fleet.set(record);
				if (isBanned) state.isOnline = false;
				if (isBanned) links.drop(id);
				if (isBanned) onDeparture(state);
				note(isBanned ? 'WARN' : 'INFO', `Node ${record.name} is ${isBanned ? '' : 'no longer '}banned`, {node: id});
				onChange(state);
				return state;
			} catch (error) {
				if (!isPjasError(error, 'CONFLICT') || attempt === MOST_TRIES) throw error;
			}
		}
	};

	const call = async (state: NodeState) => {
		try {
			const {storage, claimedId} = await askInTime(probe, state.record, {clock, timeoutMs: PROBE_TIMEOUT_MS});
			// It may have left the network meanwhile.
			if (fleet.get(state.record._id) !== state) return;
			const wasAway = state.record.awaySince !== undefined;
			const record = {...there(state.record), ...figuresOf(storage), lastSeenAt: clock.now()};
			// A classic one that was started meanwhile calls itself otherwise, and tells that once, to whoever was there.
			const isRenamed = record.kind === 'classic' && claimedId !== undefined;
			arrive(fleet.set(isRenamed ? {...record, classicId: claimedId} : record));
			if (wasAway) await remember(state);
		} catch (error) {
			const about = isPjasError(error) ? {reason: error.message} : {error};
			log.info('a node of before does not answer yet', {node: state.record._id, ...about});
		}
	};

	/** One with a link is asked at once whether it is there, rather than waited for. */
	const welcome = async (state: NodeState) => {
		const id = state.record._id;
		if (called.has(id) || !isWelcome(state.record)) return;
		called.add(id);
		await call(state);
		called.delete(id);
	};

	/** It may be back in a moment, so it is waited for. */
	const miss = (state: NodeState) => {
		const id = state.record._id;
		if (losing.has(id)) return;
		losing.add(id);
		clock.timer(LINK_GRACE_MS, () => {
			losing.delete(id);
			if (fleet.get(id) === state && state.isOnline && !isWithinReach(state)) void leave(state, 'it has no link open');
		});
	};

	const linksChanged = (id: NodeId) => {
		const state = fleet.get(id);
		if (state?.record.kind !== 'link') return;
		if (!isWithinReach(state)) {
			if (state.isOnline) miss(state);
		} else if (!state.isOnline) void welcome(state);
	};

	links.watch(linksChanged);

	return {
		name: 'membership',
		register,
		heartbeat,
		setBanned,
		async recall() {
			recalledAt = clock.now();
			const states = (await catalog.nodes()).map(record => fleet.set(record));
			const callable = states.filter(state => isWelcome(state.record) && isWithinReach(state));
			await Promise.all(callable.map(call));
		},
		async step() {
			const now = clock.now();
			const limit = now - OFFLINE_AFTER_MS;
			// Where the clock was set back, a node that fell silent would be there for as long.
			for (const state of fleet.all()) {
				if (state.record.lastSeenAt > now) state.record = {...state.record, lastSeenAt: now};
			}

			recalledAt = Math.min(recalledAt, now);
			const lost = fleet.all().filter(state => state.isOnline && state.record.lastSeenAt < limit);
			for (const state of lost) await leave(state);
			if (recalledAt >= limit) return 'idle';
			const awaited = fleet.all().filter(state => !state.isOnline && state.record.awaySince === undefined);
			for (const state of awaited) await giveUp(state);
			return 'idle';
		},
	};
};
