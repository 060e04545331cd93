import {readFileSync, rmSync, truncateSync, writeFileSync} from 'node:fs';
import {setTimeout as delay} from 'node:timers/promises';
import {onDiskBytes} from '../core/limits.js';
import type {Chance} from './crash-chance.js';
import {GIVEN_UP_AFTER_MS, isRight, type Part, setAhead, type ShiftedNetwork, shardsOf} from './shifted-network.js';
import {type ShardPlace, shardPlacesIn} from './shards-on-disk.js';

/** Something that goes wrong. What is killed or held goes on later, but for the node that is lost. */
export type Fault =
	| {kind: 'kill'; part: string; downForCalls: number}
	| {kind: 'hold'; part: string; ms: number}
	| {kind: 'damage'; part: string; how: 'delete' | 'flip' | 'cut'; shards: number}
	/** Its disk is as good as full: it is started again with hardly more than it has. */
	| {kind: 'fill'; part: string}
	/** So long that whoever is away is given up, and his copies are made again. */
	| {kind: 'time'};

const ROOM_OF_FULL_BYTES = 20_000;
const COORDINATOR = 'coordinator';

export const drawFault = (chance: Chance, nodes: readonly string[]): Fault => {
	const part = chance.pick(nodes);
	const either = chance.isOneIn(3) ? COORDINATOR : part;
	const longestMs = either === COORDINATOR ? 1500 : 4000;
	return chance.pick<() => Fault>([
		() => ({kind: 'kill', part: either, downForCalls: chance.between(0, 12)}),
		() => ({kind: 'hold', part: either, ms: chance.between(50, longestMs)}),
		() => ({kind: 'damage', part, how: chance.pick(['delete', 'flip', 'cut']), shards: chance.between(1, 6)}),
		() => ({kind: 'damage', part, how: chance.pick(['delete', 'flip', 'cut']), shards: chance.between(1, 6)}),
		() => ({kind: 'fill', part}),
		() => ({kind: 'time'}),
	])();
};

/** Faults of a network that stay within what three copies allow: of each chunk at most one is damaged until all is whole again. */
export type Faults = {
	/** Resolves once it is done; what was killed or held may go on later than that. */
	inflict: (fault: Fault) => Promise<void>;
	/** Everything runs again, and has its room. */
	end: () => Promise<void>;
	/** All is whole: what was damaged may be damaged anew. */
	forgive: () => void;
};

const spoil = ({path: file, offset, sizeBytes}: ShardPlace, how: 'delete' | 'flip' | 'cut') => {
	if (how === 'delete') {
		rmSync(file, {force: true});
		return;
	}

	const bytes = readFileSync(file);
	if (how === 'cut') {
		truncateSync(file, bytes.length >> 1);
		return;
	}

	const at = offset + (sizeBytes >> 1);
	bytes[at] = (bytes[at] ?? 0) ^ 1;
	// In its place: a node that reads it meanwhile must not see an empty one.
	writeFileSync(file, bytes, {flag: 'r+'});
};

type FaultsOptions = {
	network: ShiftedNetwork;
	chance: Chance;
	calls: (count: number) => Promise<void>;
	roomBytes: number;
};

export const createFaults = ({network, chance, calls, roomBytes}: FaultsOptions): Faults => {
	const damaged = new Set<string>();
	const filled = new Set<Part>();
	/** What is to go on later. A part is hit by one of these at a time. */
	const recoveries = new Map<Part, Promise<void>>();
	const partOf = (name: string) =>
		[network.coordinator, ...network.nodes].find(part => part.name === name) ?? network.coordinator;

	/** Copies on disks that are there, whatever the coordinator knows of them. */
	const rightCopies = (digest: string) => network.living.filter(node => isRight(node, digest)).length;

	const damage = (part: Part, how: 'delete' | 'flip' | 'cut', count: number) => {
		const mayBe = (digest: string) => !damaged.has(digest) && rightCopies(digest) >= 3 && isRight(part, digest);
		for (const digest of chance.some(shardsOf(part), count)) {
			const places = shardPlacesIn(part.folder);
			const place = places.find(each => each.digest === digest);
			// Whoever takes a file away, or cuts it, hits all that are in it.
			const hit = places.filter(each => (how === 'flip' ? each === place : each.path === place?.path));
			if (!place || !hit.every(each => mayBe(each.digest))) continue;
			for (const each of hit) damaged.add(each.digest);
			spoil(place, how);
		}
	};

	const recover = (part: Part, work: () => Promise<void>) => {
		const recovery = work().finally(() => recoveries.delete(part));
		recovery.catch(() => undefined);
		recoveries.set(part, recovery);
	};

	const fill = async (part: Part) => {
		const usedBytes = shardPlacesIn(part.folder).reduce((sum, {sizeBytes}) => sum + onDiskBytes(sizeBytes), 0);
		await part.kill();
		filled.add(part);
		await part.start({allocatedBytes: usedBytes + ROOM_OF_FULL_BYTES});
	};

	return {
		async inflict(fault) {
			if (fault.kind === 'time') {
				await setAhead(network, GIVEN_UP_AFTER_MS);
				return;
			}

			const part = partOf(fault.part);
			if (fault.kind === 'damage') {
				damage(part, fault.how, fault.shards);
				return;
			}

			if (recoveries.has(part)) return;
			if (fault.kind === 'fill') await fill(part);
			if (fault.kind === 'hold') {
				part.hold();
				recover(part, async () => delay(fault.ms).then(part.release));
			}

			if (fault.kind === 'kill') {
				await part.kill();
				recover(part, async () => calls(fault.downForCalls).then(async () => part.start()));
			}
		},
		async end() {
			await Promise.all(recoveries.values());
			for (const part of filled) {
				await part.kill();
				await part.start({allocatedBytes: roomBytes});
			}

			filled.clear();
		},
		forgive: () => damaged.clear(),
	};
};
