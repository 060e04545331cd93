import type {Readable} from 'node:stream';
import type {Leaving} from '../../source/protocol/member-api.js';
import type {ScrubFault} from '../../source/protocol/node-care.js';
import type {Digest, NodeId} from '../../source/protocol/ids.js';
import type {Clock, Random} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import type {CoordinatorKey} from '../trust/coordinator-key.js';
import type {Decided, SetLimits} from '../core/member-limits.js';
import type {Traffic} from '../core/line.js';
import type {KeyTexts} from '../trust/keys.js';
import type {ShardOptions, ShardStore} from '../ports/shard-store.js';

/** Says how long the next bytes have to wait that go over the line, where they have to. */
export type LinePace = (sizeBytes: number) => Promise<void> | undefined;

export type ReceiveOptions = ShardOptions & {pace?: LinePace | undefined};

export type Figures = {usedBytes: number; allocatedBytes: number; freeBytes: number; count: number};

/** A shard's bytes, in a buffer that is lent until `release`. */
export type OpenShard = {bytes: Uint8Array; release: () => void};

/** A node's own shards: a store that streams. */
export type NodeStore = ShardStore & {
	/** Keeps a shard out of a stream, which is not read before there is room for it. After an error it is still open. */
	receive: (
		digest: Digest,
		stream: Readable,
		sizeBytes?: number,
		options?: ReceiveOptions,
	) => Promise<'created' | 'exists'>;
	/** The same for bytes that nobody has named: they are kept under the digest that they have. */
	receiveUnnamed: (
		stream: Readable,
		sizeBytes: number,
		options?: ReceiveOptions,
	) => Promise<{digest: Digest; sizeBytes: number}>;
	/** Reads a shard for sending it on. */
	open: (digest: Digest, options?: ShardOptions) => Promise<OpenShard>;
	figures: () => Promise<Figures>;
	/** The digest of the listing as it is now; see `core/listing.ts`. */
	listingDigest: () => string;
};

export type ScrubState = {
	startedAt: number;
	/** All up to this one are read. */
	upTo?: Digest | undefined;
	/** The last whole pass. */
	completed?: {startedAt: number; endedAt: number} | undefined;
	/** The last self-check that the coordinator asked for, and whether this is it. */
	selfCheck?: number | undefined;
	isSelfCheck: boolean;
	/** What the coordinator was not told of yet. */
	faults: {digest: Digest; kind: ScrubFault}[];
};

/** What a node's member set while it ran. */
export type MemberState = {isPaused: boolean; leaving: Leaving; set: SetLimits; decided: Decided};

type StateFile<State> = {
	/** `undefined` where there is none, or none that can be read. */
	read: () => Promise<State | undefined>;
	/** Durable when it returns. */
	write: (state: State) => Promise<void>;
};

/** What a node keeps beside its shards. */
export type NodeFolder = {
	nodeId: NodeId;
	/** The id for coordinators of the prototype's kind. */
	classicNodeId: NodeId;
	name: string | undefined;
	/** Its secret keys. */
	keys: KeyTexts;
	/** The public keys of the coordinator that it trusts; none before it has joined one. */
	coordinatorKeys: {
		read: () => Promise<CoordinatorKey[]>;
		/** Durable when it returns. */
		write: (keys: readonly CoordinatorKey[]) => Promise<void>;
	};
	shards: NodeStore;
	/** Which shards stand for the chunk ids of classic coordinators. */
	aliases: {
		/** Throws `INVALID_REQUEST` for what can be no classic chunk's id. */
		check: (id: string) => void;
		get: (id: string) => Promise<Digest | undefined>;
		/** Durable when it returns. */
		set: (id: string, digest: Digest) => Promise<void>;
	};
	/** How far the scrub is. */
	scrub: StateFile<ScrubState>;
	member: StateFile<MemberState>;
	/** What its line carried. */
	traffic: StateFile<Traffic>;
	/** What it may take in all. */
	allocatedBytes: number;
	/** Changes what it may take, durably. What it has stays, also where that is more. */
	allocate: (sizeBytes: number) => Promise<void>;
	/** Writes down what makes the next start quick, where it has changed. */
	save: () => Promise<void>;
};

export type OpenNodeFolder = (options: {
	folder: string;
	allocatedBytes?: number | undefined;
	name?: string | undefined;
	log: Log;
	clock: Clock;
	random: Random;
}) => Promise<NodeFolder>;
