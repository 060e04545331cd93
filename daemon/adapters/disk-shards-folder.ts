import {dirname, join} from 'node:path';
import {isPjasError, PjasError} from '../../source/protocol/errors.js';
import {newNodeId, NODE_ID_RANDOM_BYTES, type NodeId} from '../../source/protocol/ids.js';
import type {Traffic} from '../core/line.js';
import type {Clock, Random} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import {drawKeys} from '../trust/keys.js';
import {coordinatorKeyFile, type CoordinatorKeyFile} from './coordinator-key-file.js';
import {DiskShards} from './disk-shards.js';
import {adoptClassicChunks} from './disk-shards-adopt.js';
import {ClassicAliases} from './disk-shards-aliases.js';
import {codeOf, type DiskFiles, syncFolder, systemFiles, toDiskError, unlinkIfThere} from './disk-shards-files.js';
import {
	type FoundMetadata,
	type Identity,
	IDENTITY_FILE,
	METADATA_FILE,
	readIdentity,
	readMetadata,
	writeIdentity,
	writeMetadata,
} from './disk-shards-metadata.js';
import {Space} from './disk-shards-space.js';
import {memberFile, type MemberState, trafficFile} from './member-file.js';
import {type ScrubFile, scrubFile} from './scrub-file.js';
import type {SmallFile} from './small-file.js';

export type NodeFolderOptions = {
	folder: string;
	/** Without it, what was allocated before. */
	allocatedBytes?: number | undefined;
	/** Without it, the name that it had before. */
	name?: string | undefined;
	log: Log;
	clock: Clock;
	random: Random;
	/** Told of the bytes of shards as they come in. */
	onBytes?: (sizeBytes: number) => void;
	files?: DiskFiles;
};

/** A node's folder: who the node is, its shards, and the classic ids of some of them. */
export type NodeFolder = Identity & {
	name: string | undefined;
	allocatedBytes: number;
	shards: DiskShards;
	aliases: ClassicAliases;
	/** The keys of the coordinator that this node trusts. */
	coordinatorKeys: CoordinatorKeyFile;
	/** How far the scrub is. */
	scrub: ScrubFile;
	/** What its member set while it ran. */
	member: SmallFile<MemberState>;
	/** What its line carried. */
	traffic: SmallFile<Traffic>;
	/** Changes what it may take, durably. What it has stays, also where that is more. */
	allocate: (sizeBytes: number) => Promise<void>;
	/** Writes the index down where it has changed, so that the next start is quick. */
	save: () => Promise<void>;
};

const CLASSIC_ID_BYTES = 4;
const classicIdPattern = /^pjas-[0-9a-f]{8}$/;

/** Puts a file that can't be read where somebody can look at it. */
const setAside = (files: DiskFiles, folder: string, name: string, nowMs: number): string => {
	const aside = `${name}.broken-${nowMs}`;
	files.rename(join(folder, name), join(folder, aside));
	return aside;
};

const toStartError = (error: unknown, folder: string): unknown => {
	const said = toDiskError(error);
	if (codeOf(error) === undefined || isPjasError(error) || isPjasError(said, 'INSUFFICIENT_STORAGE')) return said;
	const message = `Can't use the storage folder ${folder} (${codeOf(error)}): check who owns it, or choose another`;
	return new PjasError('INVALID_CONFIGURATION', message, {cause: error});
};

const drawClassicId = (random: Random): NodeId =>
	`pjas-${Buffer.from(random.bytes(CLASSIC_ID_BYTES)).toString('hex')}` as NodeId;

/** Who this node was, by whatever file still says so. */
const knownIdOf = (found: FoundMetadata): NodeId | undefined => {
	if (found.kind === 'missing') return undefined;
	return found.kind === 'torn' ? found.nodeId : found.metadata.nodeId;
};

const takeIdentity = async (
	{folder, log, clock, random, files = systemFiles}: NodeFolderOptions,
	found: FoundMetadata,
): Promise<Identity> => {
	const stored = await readIdentity(files, folder);
	const known = knownIdOf(found);
	if (typeof stored === 'object') {
		if (known && known !== stored.nodeId) {
			log.warn(`${METADATA_FILE} names another node than ${IDENTITY_FILE}: the latter counts`, {node: stored.nodeId});
		}

		if (stored.keys) return {...stored, keys: stored.keys};
		const identity: Identity = {...stored, keys: drawKeys(random.bytes)};
		await writeIdentity(files, folder, identity);
		log.info('this node has keys from now on', {node: stored.nodeId});
		return identity;
	}

	if (stored === 'torn') {
		const aside = setAside(files, folder, IDENTITY_FILE, clock.now());
		log.warn(`${IDENTITY_FILE} can't be read: it is kept as ${aside}`, {known});
	}

	const nodeId = known ?? newNodeId(random.bytes(NODE_ID_RANDOM_BYTES));
	const identity: Identity = {
		nodeId,
		classicNodeId: classicIdPattern.test(nodeId) ? nodeId : drawClassicId(random),
		createdAtMs: found.kind === 'ours' ? found.metadata.createdAtMs : clock.now(),
		keys: drawKeys(random.bytes),
	};
	await writeIdentity(files, folder, identity);
	if (known) log.info('this node keeps the identity that its folder had', {node: nodeId});
	else log.info('this folder has a new identity', {node: nodeId});
	return identity;
};

const takeAllocation = (given: number | undefined, found: FoundMetadata, log: Log): number => {
	const stored = found.kind === 'ours' ? found.metadata.allocatedBytes : undefined;
	const allocatedBytes = given ?? stored;
	if (allocatedBytes === undefined || !Number.isSafeInteger(allocatedBytes) || allocatedBytes < 0) {
		throw new PjasError('INVALID_CONFIGURATION', 'Say how much space this node may use, in GB, after its folder');
	}

	if (stored !== undefined && stored !== allocatedBytes) {
		log.info('the allocation of this node has changed', {fromBytes: stored, toBytes: allocatedBytes});
	}

	return allocatedBytes;
};

/**
Opens a node's folder, made where it is missing, and mends what an end in the middle of something has left. A folder of
the prototype's node is taken over. One process at a time may have it open: its lock is its opener's matter.
*/
export const openNodeFolder = async (options: NodeFolderOptions): Promise<NodeFolder> => {
	const {folder, log, clock, files = systemFiles} = options;
	const pathOf = (name: string) => join(folder, name);

	const open = async (): Promise<NodeFolder> => {
		const made = await files.mkdir(folder, {recursive: true});
		if (made !== undefined) await syncFolder(files, dirname(made));
		for (const name of ['chunks', 'aliases', 'quarantine', 'tmp']) await files.mkdir(pathOf(name), {recursive: true});
		await syncFolder(files, folder);
		for (const name of [METADATA_FILE, IDENTITY_FILE]) await unlinkIfThere(files, pathOf(`.${name}.part`));

		const found = await readMetadata(files, folder);
		const identity = await takeIdentity(options, found);
		const member = memberFile({files, folder, log});
		const setSpace = (await member.read())?.set.space;
		const isSet = setSpace !== undefined && setSpace.over === options.allocatedBytes;
		let allocatedBytes = takeAllocation(isSet ? Number(setSpace.value) : options.allocatedBytes, found, log);
		const stored = found.kind === 'ours' ? found.metadata : undefined;
		const name = options.name ?? stored?.name;

		const space = new Space({files, clock, folder, allocatedBytes});
		const aliases = new ClassicAliases({files, path: pathOf('aliases'), temporaryPath: pathOf('tmp'), space});
		if (found.kind === 'classic') {
			const adoption = await adoptClassicChunks(files, pathOf('chunks'), aliases, found.metadata);
			log.info("took over the folder of a prototype's node", adoption);
		}

		await aliases.load();
		const shards = await DiskShards.open({
			folder,
			space,
			log,
			clock,
			random: options.random,
			files,
			onBytes: options.onBytes,
			...(stored && {knownSizes: stored.sizes, knownPacks: stored.packs}),
		});
		let savedListing: string | undefined;

		const save = async () => {
			const listing = shards.listingDigest();
			if (listing === savedListing) return;
			await writeMetadata(files, folder, {...identity, name, allocatedBytes}, shards);
			savedListing = listing;
			space.distrust();
		};

		if (found.kind === 'torn') {
			const aside = setAside(files, folder, METADATA_FILE, clock.now());
			log.warn(`${METADATA_FILE} can't be read: it is kept as ${aside}, and made anew from the chunk files`);
		} else if (found.kind === 'missing' && shards.count > 0) {
			log.warn(`${METADATA_FILE} is missing: it is made anew from the chunk files`, {shards: shards.count});
		} else if (found.kind === 'ours' && found.metadata.sizes.size > 0 && shards.count === 0) {
			const problem = 'there are no chunk files, and the index has some: they were removed, or the disk is not mounted';
			log.warn(problem, {indexed: found.metadata.sizes.size});
		} else if (found.kind === 'classic') {
			files.rename(pathOf(METADATA_FILE), pathOf('node_metadata.classic.json'));
		}

		if (stored?.allocatedBytes !== allocatedBytes || stored.name !== name) await save();
		const coordinatorKeys = coordinatorKeyFile(files, folder, log);
		const scrub = scrubFile({files, folder, log});
		const traffic = trafficFile({files, folder, log});
		const allocate = async (sizeBytes: number) => {
			if (sizeBytes === allocatedBytes) return;
			allocatedBytes = sizeBytes;
			space.allocate(sizeBytes);
			savedListing = undefined;
			await save();
		};
		const kept = {coordinatorKeys, scrub, member, traffic};
		return {...identity, name, allocatedBytes, shards, aliases, ...kept, allocate, save};
	};

	try {
		return await open();
	} catch (error) {
		throw toStartError(error, folder);
	}
};
