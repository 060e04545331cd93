import {createHash} from 'node:crypto';
import type {Digest} from '../../source/protocol/ids.js';
import {type ChunkRecord, removalIdOf, wantedShards} from '../core/model.js';
import type {Stranger} from '../core/network-truth.js';
import type {Chance} from './chance.js';
import {isReachable, type Member} from './member.js';
import type {Users} from './users.js';
import {removalWith} from './whole-catalog.js';
import type {World} from './world.js';

/**
Chooses what goes wrong. It knows the truth, and destroys only what the scheme can do without: of each chunk, no more than
all but one of the copies that it wants, and never the last that is counted on.
*/
export type Faults = {
	/** Does one thing, by chance. */
	strike: () => Promise<void>;
	/** Shards all over the network rot, as many as it can bear of some that chance picks. */
	decay: () => Promise<void>;
	/** Healing has just made a copy: some faults wait for that. */
	noteCopy: () => void;
	/** A node that can be spared is there from now on, and never answers again. */
	silence: () => Promise<void>;
	/** Ends all that can end: whoever is alive is there, with a good line. */
	calm: () => void;
	/** Shards of no file that nodes have, and that nobody may remove before their time. */
	strangers: () => Stranger[];
	counts: () => Record<string, number>;
};

type Options = {world: World; users: Users; chance: Chance; trace: (text: string) => void; mostMembers: number};

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const ORPHAN_GRACE_MS = 24 * HOUR_MS;
const STRAY_BYTES = 40;
const DECAY_TRIES = 30;

export const createFaults = ({world, users, chance, trace, mostMembers}: Options): Faults => {
	const {members, time} = world;
	const counts: Record<string, number> = {};
	const strays: {node: Member['id']; digest: Digest; at: number; jumpedMs: number}[] = [];
	let isCalm = false;
	let atNextCopy: (() => void) | undefined;

	const living = () => [...members.values()].filter(({isDead}) => !isDead);

	/** From moments to hours: each order of magnitude as often. */
	const longOrShort = (leastMs: number, mostMs: number) => leastMs * (mostMs / leastMs) ** chance.float();

	const later = (ms: number, work: () => void) => {
		time.timer(ms, () => {
			if (!isCalm) work();
		});
	};

	const isKept = ({node, digest}: {node: Member['id']; digest: Digest}): boolean => {
		const member = members.get(node);
		return member !== undefined && !member.isDead && member.disk.isRight(digest);
	};

	const isRemoved = async (node: Member['id'], digest: Digest): Promise<boolean> =>
		(await removalWith(world.catalog, removalIdOf(node, digest))) !== undefined;

	/** Whether the scheme can do without a shard: a chunk may lack all but one of its copies, by faults. */
	const canSpare = async (node: Member['id'], digest: Digest): Promise<boolean> => {
		const chunk: ChunkRecord | undefined = await world.catalog.chunkWith(digest);
		// Nobody's: it may be on its way to become somebody's while an upload is under way.
		if (!chunk) return users.uploads() === 0;
		const own = chunk.shards.find(shard => shard.node === node);
		if (!own) return false;
		if (own.fault || !isKept(own)) return true;
		const sound = chunk.shards.filter(shard => !shard.fault);
		const hurt = sound.filter(shard => !isKept(shard)).length;
		if (hurt + 1 > wantedShards(chunk.scheme) - 1) return false;
		for (const shard of sound) {
			if (shard.node !== node && isKept(shard) && !(await isRemoved(shard.node, digest))) return true;
		}

		return false;
	};

	const canSpareAll = async ({id, disk}: Member): Promise<boolean> => {
		for (const digest of disk.kept.keys()) if (!(await canSpare(id, digest))) return false;
		return true;
	};

	const nap = (member: Member, ms: number) => {
		world.change(member, {isUp: false});
		later(ms, () => world.change(member, {isUp: true}));
	};

	const cut = (some: readonly Member[], ms: number) => {
		for (const member of some) world.change(member, {isCut: true});
		later(ms, () => some.forEach(member => world.change(member, {isCut: false})));
	};

	const someOf = (all: readonly Member[], probability: number) => all.filter(() => chance.isLucky(probability));

	const rot = async ({id, name, disk}: Member): Promise<string | false> => {
		const digest = chance.pick([...disk.kept.keys()]);
		if (!digest || !disk.isRight(digest) || !(await canSpare(id, digest))) return false;
		disk.rot(digest);
		return `${digest.slice(0, 8)} rots on ${name}`;
	};

	const setClock = (ms: number): string => {
		world.jump(ms);
		return `the clock is set by ${Math.round(ms / 1000)} s`;
	};

	const kinds: Record<string, {weight: number; strike: (member: Member) => Promise<string | false> | string | false}> =
		{
			nap: {
				weight: 6,
				strike(member) {
					if (!isReachable(member)) return false;
					const ms = longOrShort(20_000, 12 * HOUR_MS);
					nap(member, ms);
					return `${member.name} naps for ${Math.round(ms / 1000)} s`;
				},
			},
			nightfall: {
				weight: 1,
				strike() {
					const some = someOf(living(), 0.6).filter(isReachable);
					for (const member of some) nap(member, longOrShort(MINUTE_MS, 8 * HOUR_MS));
					return `${some.length} nodes nap`;
				},
			},
			split: {
				weight: 2,
				strike() {
					const some = someOf(living(), chance.float()).filter(isReachable);
					const ms = longOrShort(5_000, 3 * HOUR_MS);
					cut(some, ms);
					return `${some.length} nodes are cut off for ${Math.round(ms / 1000)} s`;
				},
			},
			death: {
				weight: 2,
				async strike(member) {
					if (living().length <= 4 || !(await canSpareAll(member))) return false;
					world.change(member, {isDead: true});
					return `${member.name} dies`;
				},
			},
			'new disk': {
				weight: 1,
				async strike(member) {
					if (!(await canSpareAll(member))) return false;
					world.change(member, {isUp: false});
					for (const digest of [...member.disk.kept.keys()]) member.disk.take(digest);
					later(longOrShort(MINUTE_MS, HOUR_MS), () => world.change(member, {isUp: true}));
					return `${member.name} comes back with an empty disk`;
				},
			},
			'old disk': {
				weight: 2,
				strike() {
					const member = chance.pick(living().filter(each => isReachable(each) && each.disk.taken.size > 0));
					if (!member) return false;
					const {name, disk} = member;
					const gone = [...disk.taken];
					nap(member, longOrShort(5 * MINUTE_MS, HOUR_MS));
					for (const digest of gone) disk.giveBack(digest, chance.isLucky(0.5));
					return `${name} comes back with ${gone.length} shards that were gone, some of them rotten`;
				},
			},
			rot: {
				weight: 3,
				strike: rot,
			},
			loss: {
				weight: 3,
				async strike({id, name, disk}) {
					const digest = chance.pick([...disk.kept.keys()]);
					if (!digest || !(await canSpare(id, digest))) return false;
					disk.take(digest);
					return `${name} silently loses ${digest.slice(0, 8)}`;
				},
			},
			lie: {
				weight: 1,
				async strike({id, name, disk}) {
					const some = [...disk.kept.keys()].filter(() => chance.isLucky(0.7));
					disk.lie(true);
					let wrong = 0;
					for (const digest of some) {
						if (!disk.isRight(digest) || !(await canSpare(id, digest))) continue;
						disk.rot(digest);
						wrong++;
					}

					later(longOrShort(10 * MINUTE_MS, 6 * HOUR_MS), () => disk.lie(false));
					return `${name} says that it holds ${some.length} shards, of which it has thrown away ${wrong}`;
				},
			},
			mute: {
				weight: 1,
				strike(member) {
					member.isMute = true;
					later(longOrShort(10 * MINUTE_MS, 6 * HOUR_MS), () => (member.isMute = false));
					return `${member.name} is there and does not answer`;
				},
			},
			stray: {
				weight: 1,
				async strike({id, name, disk}) {
					const body = chance.bytes(STRAY_BYTES);
					const digest = createHash('sha256').update(body).digest('hex') as Digest;
					if (disk.usedBytes() + 2 * 4096 > disk.allocatedBytes()) return false;
					await disk.put(digest, body);
					strays.push({node: id, digest, at: world.wallMs(), jumpedMs: world.jumpedMs()});
					return `${name} has a shard of nobody, ${digest.slice(0, 8)}`;
				},
			},
			backup: {
				weight: 1,
				async strike() {
					await world.backUp();
					return 'the catalogue is backed up';
				},
			},
			'full disk': {
				weight: 1,
				strike(member) {
					member.isFull = true;
					later(longOrShort(MINUTE_MS, 6 * HOUR_MS), () => (member.isFull = false));
					return `the disk of ${member.name} is full`;
				},
			},
			'smaller disk': {
				weight: 1,
				strike({name, disk}) {
					const bytes = Math.floor(disk.allocatedBytes() * chance.between(0.5, 1.5));
					disk.resize(bytes);
					return `${name} gives ${bytes} bytes`;
				},
			},
			'slow line': {
				weight: 2,
				strike(member) {
					const {latencyMs, msPerByte} = member;
					member.latencyMs = longOrShort(200, 4_000);
					member.msPerByte = longOrShort(0.1, 10);
					later(longOrShort(MINUTE_MS, 4 * HOUR_MS), () => Object.assign(member, {latencyMs, msPerByte}));
					return `the line of ${member.name} is slow`;
				},
			},
			drain: {
				weight: 2,
				async strike(member) {
					const care = world.coordinator()?.care;
					if (!care || living().length <= 5) return false;
					const leaves = chance.isLucky(0.3);
					void world.ask(async () => care.drain(member.id, leaves, 'somebody'));
					if (!leaves) {
						later(longOrShort(MINUTE_MS, 6 * HOUR_MS), () => {
							const now = world.coordinator()?.care;
							if (now) void world.ask(async () => now.cancelDrain(member.id, 'somebody'));
						});
					}

					return Promise.resolve(`${member.name} is drained${leaves ? ' and leaves' : ''}`);
				},
			},
			maintenance: {
				weight: 2,
				strike(member) {
					const care = world.coordinator()?.care;
					if (!care || !isReachable(member)) return false;
					const ms = longOrShort(MINUTE_MS, 6 * HOUR_MS);
					const from = world.wallMs();
					void world.ask(async () => care.maintain(member.id, {from, until: from + ms, by: 'somebody'}));
					nap(member, ms * chance.between(0.5, 1.2));
					return `${member.name} is in maintenance for ${Math.round(ms / 1000)} s`;
				},
			},
			'clock jump': {
				weight: 1,
				strike() {
					const ms = Math.floor(longOrShort(1000, 6 * HOUR_MS)) * (chance.isLucky(0.5) ? 1 : -1);
					return setClock(ms);
				},
			},
			'clock jump in a copy': {
				weight: 1,
				strike() {
					// What is noted for an hour later is due at once then, while it is still under way.
					const ms = Math.floor(chance.between(1, 3) * HOUR_MS);
					atNextCopy = () => trace(`fault: ${setClock(ms)}`);
					return 'the clock will be set when the next copy is made';
				},
			},
			crash: {
				weight: 4,
				strike() {
					if (!world.coordinator()) return false;
					const calls = chance.isLucky(0.2) ? 0 : Math.ceil(longOrShort(1, 200));
					void world.crashed().then(() => time.timer(longOrShort(500, HOUR_MS), world.boot));
					world.crash(calls);
					return `the coordinator is killed after ${calls} more calls`;
				},
			},
			join: {
				weight: 1,
				strike(member) {
					if (living().length >= mostMembers) return false;
					const zone = chance.isLucky(0.3) ? {zone: member.zone, owner: member.owner} : {};
					const {name} = world.join({allocatedBytes: 4096 * (20 + chance.int(200)), ...zone});
					return `${name} joins`;
				},
			},
		};
	const all = Object.entries(kinds);
	const totalWeight = all.reduce((sum, [, {weight}]) => sum + weight, 0);

	const draw = () => {
		let rest = chance.float() * totalWeight;
		return all.find(([, {weight}]) => (rest -= weight) < 0) ?? all[0];
	};

	return {
		async strike() {
			const drawn = draw();
			const member = chance.pick(living());
			if (!drawn || !member) return;
			const [name, {strike}] = drawn;
			const told = await strike(member);
			if (told === false) return;
			counts[name] = (counts[name] ?? 0) + 1;
			trace(`fault: ${told}`);
		},
		async decay() {
			for (let tries = 0; tries < DECAY_TRIES; tries++) {
				const member = chance.pick(living());
				const told = member && (await rot(member));
				if (told) trace(`decay: ${told}`);
			}
		},
		noteCopy() {
			const strike = atNextCopy;
			atNextCopy = undefined;
			if (!isCalm) strike?.();
		},
		async silence() {
			const member = chance.pick(living());
			if (!member || !(await canSpareAll(member))) return;
			member.isMute = true;
			trace(`${member.name} is there and never answers again`);
		},
		calm() {
			isCalm = true;
			trace('all is calm');
			for (const member of living()) {
				world.change(member, {isUp: true, isCut: false});
				Object.assign(member, {isFull: false, isMute: false, latencyMs: 20, msPerByte: 0});
				member.disk.lie(false);
			}

			world.boot();
		},
		// A clock that was set may bring their time nearer.
		strangers: () =>
			strays.map(({node, digest, at, jumpedMs}) => {
				const keptUntil = at + ORPHAN_GRACE_MS - (world.jumpedMs() - jumpedMs);
				return {node, digest, keptUntil};
			}),
		counts: () => counts,
	};
};
