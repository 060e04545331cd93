import {createHash} from 'node:crypto';
import {chunkIdOf, type Digest, FILE_ID_RANDOM_BYTES, type FileId, newFileId} from '../../source/protocol/ids.js';
import {SEAL_TAG_BYTES} from '../../source/protocol/seal.js';
import {CHUNK_SIZE_BYTES} from '../../source/protocol/chunking.js';
import {checkAlways} from '../core/check.js';
import {type ChunkRecord, schemeOf, type ShardRecord} from '../core/model.js';
import {type Candidate, place} from '../core/place.js';
import type {Chance} from './chance.js';
import {chanceOf} from './chance.js';
import type {Settings} from './coordinator.js';
import {isReachable, type Member} from './member.js';
import type {ScrubPlan} from './node-process.js';
import {digestOfWorld, lightTruthOf} from './truth.js';
import {watched} from './watched-catalog.js';
import {filePages} from './whole-catalog.js';
import {createVirtualTime} from './virtual-time.js';
import {createWorld, type World} from './world.js';

export type LargeOptions = {
	seed: number;
	nodes: number;
	files: number;
	chunksPerFile: number;
	years: number;
	rates: Rates;
	/** What is left out, as it takes long to simulate. */
	without: readonly LargePart[];
	graceMs: number;
	/** Told of what is done, for who waits. */
	progress: (text: string) => void;
};

/**
How often each happens to a node in a year. `naps` are shorter than the grace, `outages` longer; a node that dies has a new one
join in its place; `rot` spoils one of its shards. `crashes` are the coordinator's, in a year.
*/
export type Rates = {naps: number; outages: number; deaths: number; rot: number; crashes: number};

export const largeParts = ['moves', 'audits', 'scrubs'] as const;
export type LargePart = (typeof largeParts)[number];

export type LargeResult = {
	chunks: number;
	lostChunks: number;
	/** For how long chunks had fewer copies than wanted, of those that were repaired; sorted. */
	reducedMs: number[];
	copiesMade: number;
	/** Shards that went from one node to another for balance or spread. */
	shardsMoved: number;
	bytesMoved: number;
	counts: Record<string, number>;
	digest: string;
	events: number;
	world: World;
};

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
export const YEAR_MS = 365.25 * DAY_MS;
const REPLICAS = 3;
/** A chunk stands for one of 10 MiB, but has so few bytes. */
const TINY_BYTES = 8;
const CANDIDATES_A_CHUNK = 12;
/** A member's line lets 20 Mbit/s out. */
const MS_PER_NOMINAL_BYTE = 8 / 20_000;
const SAMPLES = 1_000_000;
const MANY_NODES = 2000;

const SCRUB: ScrubPlan = {periodMs: 30 * DAY_MS, lookMs: 6 * HOUR_MS};

const settingsOf = ({graceMs, without}: LargeOptions): Settings => ({
	replicas: REPLICAS,
	minReplicas: 2,
	chunkSizeBytes: TINY_BYTES,
	memoryBytes: 64 * 1024 ** 2,
	repair: {graceMs, atOnce: 64, bytesPerSecond: 0},
	trashMs: 7 * DAY_MS,
	longestRestMs: 5 * MINUTE_MS,
	without: [
		...(without.includes('moves') ? (['mover'] as const) : []),
		...(without.includes('audits') ? (['nodeAuditor'] as const) : []),
	],
	...(!without.includes('scrubs') && {scrub: SCRUB}),
});

/** As many files as asked for, placed as uploads place them; each chunk chooses among a few nodes, not all. */
const fill = async (world: World, options: LargeOptions, chance: Chance): Promise<void> => {
	const {files, chunksPerFile, progress} = options;
	const members = [...world.members.values()];
	const candidateOf = ({id, zone, owner, disk}: Member): Candidate => {
		const freeBytes = disk.allocatedBytes() - disk.usedBytes();
		return {id, zone, owner, freeBytes, inFlight: 0};
	};

	const storeChunk = async (file: FileId, index: number): Promise<ChunkRecord> => {
		const body = chance.bytes(TINY_BYTES + SEAL_TAG_BYTES);
		const digest = createHash('sha256').update(body).digest('hex') as Digest;
		const some = Array.from({length: CANDIDATES_A_CHUNK}, () => members[chance.int(members.length)] as Member);
		const candidates = [...new Set(some)].map(candidateOf);
		const chosen = place({candidates, count: REPLICAS, sizeBytes: body.length, random: chance.float});
		const shards: ShardRecord[] = [];
		for (const {id} of chosen) {
			await world.members.get(id)?.disk.put(digest, body);
			shards.push({digest, node: id, verifiedAt: world.wallMs()});
		}

		const scheme = schemeOf(REPLICAS);
		return {_id: chunkIdOf(file, index), file, index, sizeBytes: TINY_BYTES, scheme, shards, revision: 0};
	};

	for (let number = 0; number < files; number++) {
		const file = newFileId(world.wallMs(), chance.bytes(FILE_ID_RANDOM_BYTES));
		const chunks: ChunkRecord[] = [];
		for (let index = 0; index < chunksPerFile; index++) chunks.push(await storeChunk(file, index));
		await world.catalog.commitUpload(
			{
				_id: file,
				name: `file ${number}`,
				type: 'text/plain',
				sizeBytes: chunksPerFile * TINY_BYTES,
				chunkCount: chunksPerFile,
				wrappedKey: '',
				uploadedAt: world.wallMs(),
				revision: 0,
			},
			chunks,
		);
		if (number % 10_000 === 9_999) progress(`${number + 1} files are stored`);
	}
};

/** Counts the chunks that no disk has any more, page by page. */
const countLost = async (world: World): Promise<number> => {
	const truth = lightTruthOf(world);
	let lost = 0;
	for await (const {files, chunks} of filePages(world.catalog)) {
		const acknowledged = new Map(files.map(({_id, chunkCount}) => [_id, chunkCount]));
		const known = new Map(files.map(file => [file._id, file]));
		for (const {invariant, problem, ...about} of checkAlways({...truth, files: known, chunks, acknowledged})) {
			if (invariant !== 'chunk-kept') throw new Error(`${invariant}: ${problem} ${JSON.stringify(about)}`);
			lost++;
		}
	}

	return lost;
};

/** How long chunks were short of copies, and how many copies were made. */
const createMeter = (world: () => World) => {
	const reducedMs: number[] = [];
	let copiesMade = 0;
	let shardsMoved = 0;
	return {
		reducedMs,
		copiesMade: () => copiesMade,
		shardsMoved: () => shardsMoved,
		onChunk(before: ChunkRecord | undefined, after: ChunkRecord) {
			if (!before) return;
			const made = after.shards.filter(({node}) => !before.shards.some(shard => shard.node === node));
			const gone = before.shards.filter(({node}) => !after.shards.some(shard => shard.node === node));
			if (made.length === 0) return;
			const since = gone.flatMap(({node}) => world().silentSince(node) ?? []);
			const isMove = since.length === 0 && gone.length > 0 && !before.shards.some(({fault}) => fault);
			if (isMove) shardsMoved += made.length;
			else copiesMade += made.length;
			if (since.length === 0) return;
			if (reducedMs.length < SAMPLES) reducedMs.push(world().time.nowMs() - Math.min(...since));
		},
	};
};

/**
A network as large as is asked for, over as long a time: nodes nap, are away for long, die and join by chance, each on its
own; nothing is spared. What it says is how much is lost and what that costs.
*/
export const runLarge = async (options: LargeOptions): Promise<LargeResult> => {
	const {nodes, years, rates, progress} = options;
	const chance = chanceOf(options.seed);
	const time = createVirtualTime();
	const meter = createMeter(() => world);
	const counts: Record<string, number> = {};
	const count = (what: string) => (counts[what] = (counts[what] ?? 0) + 1);
	const world: World = createWorld({
		...{time, chance: chance.fork(), settings: settingsOf(options), trace: () => undefined},
		hesitates: () => false,
		figuresEveryMs: 30 * MINUTE_MS,
		tracksAge: false,
		watch: catalog => watched(catalog, meter),
	});
	const shardsPerNode = Math.ceil((options.files * options.chunksPerFile * REPLICAS) / nodes);
	const scale = CHUNK_SIZE_BYTES / (TINY_BYTES + SEAL_TAG_BYTES);
	const owners = Math.ceil(nodes / 2);
	const join = () =>
		world.join({
			allocatedBytes: 4096 * Math.ceil(shardsPerNode * chance.between(1.5, 4) + 50),
			owner: `owner ${chance.int(owners)}`,
			latencyMs: chance.between(10, 200),
			msPerByte: MS_PER_NOMINAL_BYTE * scale,
		});

	for (let number = 0; number < nodes; number++) join();
	for (const member of world.members.values()) member.zone = member.owner;
	world.boot();
	await time.run(5 * MINUTE_MS);
	progress(`${world.members.size} nodes are there`);
	await fill(world, options, chance.fork());

	const living = (): Member | undefined => {
		const all = [...world.members.values()];
		for (let tries = 0; tries < 100; tries++) {
			const member = chance.pick(all);
			if (member && isReachable(member)) return member;
		}

		return undefined;
	};

	const away = (what: string, ms: number) => {
		const member = living();
		if (!member) return;
		count(what);
		world.change(member, {isUp: false});
		time.timer(ms, () => world.change(member, {isUp: true}));
	};

	const die = () => {
		const member = living();
		if (!member) return;
		count('deaths');
		world.change(member, {isDead: true});
		member.disk.destroy();
		time.timer(chance.between(0, 14 * DAY_MS), join);
	};

	const rot = () => {
		const disk = living()?.disk;
		const digest = disk && chance.pick([...disk.kept]);
		if (!digest) return;
		count('shards rotten');
		disk.rot(digest);
	};

	const crash = () => {
		count('crashes');
		world.crash();
		time.timer(chance.between(MINUTE_MS, HOUR_MS), world.boot);
	};

	const often = (perYear: number, work: () => void) => {
		if (perYear <= 0) return;
		const next = () =>
			void time.timer(chance.wait(YEAR_MS / perYear), () => {
				work();
				next();
			});
		next();
	};

	const {graceMs} = options;
	often(nodes * rates.naps, () => away('naps', chance.between(2 * MINUTE_MS, graceMs * 0.9)));
	often(nodes * rates.outages, () => away('outages', graceMs + chance.between(HOUR_MS, 12 * HOUR_MS)));
	often(nodes * rates.deaths, die);
	often(nodes * rates.rot, rot);
	often(rates.crashes, crash);
	const endMs = years * YEAR_MS;
	// Once in a while, whatever a day takes.
	const every = nodes >= MANY_NODES ? 1 : 10;
	for (let day = 1; time.nowMs() < endMs; day++) {
		await time.run(Math.min(day * DAY_MS, endMs));
		if (day % every === 0) progress(`day ${day}: ${JSON.stringify(counts)}, ${meter.copiesMade()} copies made`);
	}

	const {reducedMs} = meter;
	return {
		chunks: world.catalog.totals().chunks,
		lostChunks: await countLost(world),
		reducedMs: reducedMs.sort((a, b) => a - b),
		copiesMade: meter.copiesMade(),
		shardsMoved: meter.shardsMoved(),
		bytesMoved: (meter.copiesMade() + meter.shardsMoved()) * CHUNK_SIZE_BYTES,
		counts,
		digest: await digestOfWorld(world),
		events: time.events(),
		world,
	};
};
