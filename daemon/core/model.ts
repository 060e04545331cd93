import type {StorageStats} from '../../source/protocol/api.js';
import type {roles, scopes, visibilities} from '../../source/protocol/people.js';
import type {ChunkId, Digest, FileId, NodeId} from '../../source/protocol/ids.js';
import type {LimitsView, Resting, suspensionReasons, Wishes} from '../../source/protocol/node-care.js';
import type {Span} from '../../source/protocol/week.js';
import type {E2e} from '../../source/protocol/sealed-details.js';

/**
The records that the catalogue keeps. Times are milliseconds since the epoch, sizes are bytes. `revision` counts a
record's versions from 1: a record with revision 0 was never stored.
*/

/** How many shards a chunk has and how many bring it back. `replicas:3` needs 1 of 3, and all three have one digest. */
export type Scheme = `replicas:${number}`;

/** A file that somebody uploaded. It is there once all its chunks are, never before. */
export type FileRecord = {
	_id: FileId;
	name: string;
	/** Media type as the uploader told it. */
	type: string;
	sizeBytes: number;
	chunkCount: number;
	/** The file's key, wrapped by the network's master key; base64. */
	wrappedKey: string;
	/** Where its content came sealed end to end: its name and type, sealed too. */
	e2e?: E2e;
	/** SHA-256, in hex, over the SHA-256s of its plain chunks one behind the other, where those are known. */
	chunksSha256?: string;
	uploadedAt: number;
	/** The account that uploaded it. Without one, nobody's: it came in before there were accounts, or without any. */
	owner?: string;
	/** Who may read it beside its owner. A file that says nothing comes from before there were accounts: `network`. */
	visibility?: Visibility;
	/** The accounts that may read a private file. */
	sharedWith?: string[];
	/** Since when it is in the trash, and by whom it was put there. What is there keeps its chunks, and nobody can read it. */
	trashed?: {at: number; by: string};
	revision: number;
};

/**
An upload that can be gone on with, on another day too. What it has so far is durable: chunks under its id, which is to be
its file's. Where it is whole its file takes its place.
*/
export type UploadRecord = Pick<FileRecord, 'name' | 'type' | 'wrappedKey' | 'e2e' | 'owner' | 'visibility'> & {
	_id: FileId;
	/** How large it will be, where that is known yet. */
	sizeBytes?: number;
	/** How many bytes from the start are durable. */
	offsetBytes: number;
	/** The last chunk, where it isn't full. It is sealed under a key of its own: the full one will have its nonce. */
	tail?: {sizeBytes: number; wrappedKey: string};
	/** What its client said of it in `Upload-Metadata`, as it did. */
	metadata: string;
	createdAt: number;
	/** When it last got further. */
	changedAt: number;
	revision: number;
};

/** Where a file stands in the trash: sorted, what was put there earlier comes first. */
export type TrashPlace = string & {readonly trashPlace: unique symbol};

const TIME_DIGITS = 14;

export const trashPlaceOf = ({_id, trashed}: Pick<FileRecord, '_id' | 'trashed'>): TrashPlace | undefined =>
	trashed && (`${trashed.at.toString(16).padStart(TIME_DIGITS, '0')}-${_id}` as TrashPlace);

/** `private`: its owner and whom it is shared with. `network`: everybody who is signed in. `public`: everybody. */
export type Visibility = (typeof visibilities)[number];

/** Why a shard doesn't count: the node lacks it, or holds other bytes under its name, or can't read them off its disk. */
export type ShardFault = {kind: 'missing' | 'corrupt'; at: number};

export type ShardRecord = {
	digest: Digest;
	node: NodeId;
	/** When the node last proved or said that its bytes are right: when it wrote them, or at a check. */
	verifiedAt: number;
	fault?: ShardFault;
};

export type ChunkRecord = {
	_id: ChunkId;
	file: FileId;
	index: number;
	/** Size of the plain chunk; its shards are larger by the seal's tag. */
	sizeBytes: number;
	/** Of the plain chunk, in base64url, where it came by an upload that can be gone on with. */
	sha256?: string;
	scheme: Scheme;
	shards: ShardRecord[];
	revision: number;
};

/**
How a node is reached: at its address, or over links that it opens itself, as where it has no address or that one does not lead
to it. A classic node speaks the prototype's protocol and is known by its address.
*/
export type NodeKind = 'direct' | 'link' | 'classic';

export type NodeRecord = {
	_id: NodeId;
	kind: NodeKind;
	name: string;
	/** The member whose node this is. */
	owner: string;
	/** What fails together: a house, a line. Its owner by default. */
	zone: string;
	/** Base URL without a trailing slash; '' where it has none. */
	address: string;
	/** Why it is not reached at the address that it gave. */
	addressProblem?: string;
	/** What the node calls itself where that is not its record's id: a classic node draws a new one at every start. */
	classicId?: string;
	version: string;
	/** The number of what it speaks, where it tells. */
	protocol?: number;
	/** Ed25519 and X25519, raw, in base64url. A node that has keys is asked with tickets, and no other key can be it. */
	publicKeys?: {signing: string; exchange: string};
	/** What its join code named; it stands above what the node says. */
	invited?: {owner: string; zone?: string};
	/** Since then it is not let in. */
	bannedAt?: number;
	allocatedBytes: number;
	usedBytes: number;
	freeBytes: number;
	shardCount: number;
	registeredAt: number;
	lastSeenAt: number;
	/** Since when it is known to be away: when it was last heard of. A node that is there, or should be, has none. */
	awaySince?: number;
	drain?: Drain;
	maintenance?: Maintenance;
	suspension?: Suspension;
	audits?: Audits;
	scrub?: Scrub;
	line?: NodeLine;
	/** The limits that it was asked to have, the newest of each. */
	wished?: Wishes;
	revision: number;
};

/** What a node answers that is asked how it is, and what it calls itself where it says so. */
export type NodeStatus = {storage: StorageStats; claimedId?: string};

/** What a node's member lets it take of the line, as it says. Rates are bytes a second, 0 for any. */
export type NodeLine = {
	up: number;
	down: number;
	/** Why it takes no new shards for now, and is read only where no other can be. */
	resting?: Resting;
	/** When it takes part, by the clocks of its zone; outside of that it may be away. */
	hours?: {text: string; timeZone: string; spans: Span[]};
	/** All of its limits, at all hours, where it tells. */
	limits?: LimitsView;
	/** Whether limits may be set from afar, and up to which wish it has decided about them. */
	remote?: {allowed: boolean; heard: number};
};

/** A node that is being emptied: it gets no new shards, and what it has is moved elsewhere. */
export type Drain = {
	startedAt: number;
	/** The account that asked for it. */
	by: string;
	/** Shards that it had then. */
	shards: number;
	/** Whether the node is forgotten once it is empty. */
	leaves: boolean;
	/** When the log was told that it is empty. */
	emptyAt?: number;
	/** Where it leaves: since when no chunk counts on it any more, and it has only still to remove shards. */
	awaitedSince?: number;
};

/** A time in which a node may be away: that brings neither repair nor loss of reputation. */
export type Maintenance = {from: number; until: number; by: string};

/** A node that failed an audit: it gets no new shards and its copies don't count, until it has passed some in a row. */
export type Suspension = {since: number; reason: (typeof suspensionReasons)[number]; passesLeft: number};

/** What came of a node's audits. */
export type Audits = {
	passed: number;
	failed: number;
	/** Passed since the last failure. */
	inARow: number;
	lastAt: number;
	lastPassedAt?: number;
	/** What its failures weighed when the last one came; each counts 1 then, and less in time. */
	failures?: {weight: number; at: number};
};

/** How far a node says that it has re-read its shards, in the order of their digests. */
export type Scrub = {
	/** When the present pass began. */
	startedAt: number;
	/** All up to this one are read. */
	upTo?: Digest;
	/** Between 0 and 1. */
	progress: number;
	/** When the last whole pass began and ended. */
	completed?: {startedAt: number; endedAt: number};
};

/** What somebody may do; see `core/access.ts`. */
export type Role = (typeof roles)[number];

/** Somebody who may sign in. An account is never removed, only disabled, so that its name never becomes another's. */
export type AccountRecord = {
	/** The name that it signs in with. */
	_id: string;
	role: Role;
	/** Argon2id in the PHC string format. Without one, nobody can sign in with a password. */
	passwordHash?: string;
	/** The most bytes that its files may have together. Without it there is no limit. */
	quotaBytes?: number;
	disabledAt?: number;
	createdAt: number;
	revision: number;
};

/** What a token may do: everything that its account may, only read, or only upload. */
export type Scope = (typeof scopes)[number];

/** A secret that a program calls with. Its `_id` is the secret's SHA-256 in hex: the secret itself is not kept. */
export type TokenRecord = {
	_id: string;
	account: string;
	name: string;
	scope: Scope;
	createdAt: number;
	expiresAt?: number;
	lastUsedAt?: number;
	revision: number;
};

/** A browser that signed in. Its `_id` is the SHA-256 of the cookie's secret. */
export type SessionRecord = {
	_id: string;
	account: string;
	createdAt: number;
	expiresAt: number;
	revision: number;
};

/** A secret that lets a person make an account (or set a new password for one), once. Its `_id` is its SHA-256. */
export type InvitationRecord = {
	_id: string;
	/** `account` makes one; `reset` sets the password of the account that is there. */
	purpose: 'account' | 'reset';
	/** The account's name, where it is not left to the person. */
	name?: string;
	role: Role;
	quotaBytes?: number;
	createdBy: string;
	createdAt: number;
	expiresAt: number;
	revision: number;
};

/** A secret that leads whoever has it to a file. Its `_id` is its SHA-256. */
export type LinkRecord = {
	_id: string;
	file: FileId;
	createdBy: string;
	createdAt: number;
	expiresAt: number;
	passwordHash?: string;
	/** How many whole downloads it is good for. Without it, any number. */
	mostDownloads?: number;
	/** Bytes that were sent by it, where downloads are limited. */
	sentBytes: number;
	revision: number;
};

/** A code by which nodes join. */
export type NodeInvitationRecord = {
	/** SHA-256 of the code's secret, in hex. */
	_id: string;
	/** The member whose nodes join with it. */
	owner: string;
	zone?: string;
	usesLeft: number;
	/** The nodes that joined with it. */
	usedBy: string[];
	expiresAt: number;
	createdBy: string;
	createdAt: number;
	revision: number;
};

/** The keys of all that an account sealed end to end, as its client sealed them: the coordinator can't open it. */
export type KeyringRecord = {
	/** The account's name. */
	_id: string;
	blob: string;
	revision: number;
};

/** Something that an operator switched off until it is switched on again. */
export type SwitchRecord = {
	_id: 'repair';
	isPaused: boolean;
	changedAt: number;
	changedBy: string;
	revision: number;
};

/** A node that left: with the codes of before it does not join again. Its `_id` is the node's. */
export type DepartureRecord = {_id: NodeId; leftAt: number; revision: number};

/** The records of which there are few: as many as people, programs, invitations and unfinished uploads. By their kinds. */
export type SmallRecords = {
	account: AccountRecord;
	token: TokenRecord;
	session: SessionRecord;
	invitation: InvitationRecord;
	link: LinkRecord;
	nodeInvitation: NodeInvitationRecord;
	keyring: KeyringRecord;
	switch: SwitchRecord;
	departure: DepartureRecord;
	upload: UploadRecord;
};
export type SmallKind = keyof SmallRecords;

/** A shard that a node may still hold and should not: removed once `notBefore` is past and the node is there. */
export type RemovalRecord = {
	/** `<node>/<digest>` */
	_id: string;
	node: NodeId;
	digest: Digest;
	notBefore: number;
	/**
	Orphans may turn out to be wanted: they are looked up in the catalogue again before they are removed. `surplus` is what
	a repair left, or leaves should it not come to its end.
	*/
	reason: 'deleted' | 'upload-failed' | 'orphan' | 'surplus';
};

export const removalIdOf = (node: NodeId, digest: Digest): string => `${node}/${digest}`;

export const removalOf = (
	node: NodeId,
	digest: Digest,
	notBefore: number,
	reason: RemovalRecord['reason'],
): RemovalRecord => ({_id: removalIdOf(node, digest), node, digest, notBefore, reason});

export const schemeOf = (replicas: number): Scheme => `replicas:${replicas}`;

/** How many shards a chunk of this scheme should have. */
export const wantedShards = (scheme: Scheme): number => Number(scheme.slice('replicas:'.length));

/** The shards of a chunk that count, as far as is known. */
export const soundShards = (chunk: ChunkRecord): ShardRecord[] => chunk.shards.filter(shard => !shard.fault);

/** Whether a chunk's own record says that it has too few sound shards, too many, or one that is not sound. */
export const isAmiss = (chunk: ChunkRecord): boolean =>
	chunk.shards.length !== wantedShards(chunk.scheme) || chunk.shards.some(shard => shard.fault);
