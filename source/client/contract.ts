import type {z} from 'zod';
import type {
	CheckLine,
	FileView,
	filesSchema,
	LogEntry,
	logsSchema,
	nodeAnswerSchema,
	nodeShardsSchema,
	NodeView,
	RepairView,
	replicationSchema,
	Stats,
	Uploaded,
} from '../protocol/api.js';
import type {EventData, EventName} from '../protocol/events.js';
import type {HealingApi} from './healing-contract.js';
import type {PeopleApi} from './people-contract.js';
import type {SharedFile} from '../protocol/people-api.js';
import type {emptiedTrashSchema, TrashedFile, trashSchema} from '../protocol/healing-api.js';
import type {E2e} from '../protocol/sealed-details.js';

export type {CheckLine, FileView, LogEntry, NodeView, RepairView, Stats, TrashedFile, Uploaded};

/** A node, and how many of the shards that it should hold are sound, missing or corrupt. */
export type NodeDetails = Omit<z.infer<typeof nodeAnswerSchema>, 'success'>;
export type NodeShardsPage = z.infer<typeof nodeShardsSchema>;
export type FilesPage = z.infer<typeof filesSchema>;
export type TrashPage = z.infer<typeof trashSchema>;
export type EmptiedTrash = Pick<z.infer<typeof emptiedTrashSchema>, 'files' | 'bytes'>;
export type LogsPage = z.infer<typeof logsSchema>;
export type ReplicationPage = z.infer<typeof replicationSchema>;

/** Something that changed, as the coordinator told it. With `id` as the last one seen, the telling goes on from there. */
export type ApiEvent = {[Name in EventName]: {id: string; name: Name; data: EventData<Name>}}[EventName];

export type LogsQuery = {
	limit: number;
	/** Only entries older than this id. */
	before?: number;
	level?: LogEntry['level'];
	/** Only messages that contain this text. */
	search?: string;
	node?: string;
	file?: string;
};

/** What remembers which upload goes on. */
export type Resume = {
	/** The upload that an earlier try began, if one did. */
	known: () => Promise<string | undefined>;
	begun: (id: string) => Promise<void>;
	/** It is whole, or nobody knows it any more. */
	ended: () => Promise<void>;
};

export type Outgoing = {
	/** As it is to be stored: any Unicode, quotes and line ends. */
	name: string;
	type?: string;
	/** Where it is known. The upload fails where the body has another length. */
	sizeBytes?: number;
	/** Read no faster than it is sent, and closed whatever happens. */
	body: AsyncIterable<Uint8Array>;
	/** Told how many bytes of the body went out so far. */
	onSent?: (sentBytes: number) => void;
	/** With it, and a size, the upload goes on where an earlier one of the same body broke off, and is verified whole. */
	resume?: Resume;
	/** Where the body is sealed end to end: the details that were sealed with it. */
	e2e?: E2e;
	signal: AbortSignal;
};

export type Incoming = {
	name: string;
	type: string;
	/** Of the whole file. */
	sizeBytes: number;
	/** Where the body starts in the file. */
	fromByte: number;
	/** Names this content: '' where the coordinator gave none. */
	etag: string;
	/** SHA-256 over the SHA-256s of its chunks, where the coordinator knows it. */
	chunksSha256?: string | undefined;
	/**
	The bytes from `fromByte` to the end, read from the network no faster than they are taken. To be read once; whoever
	stops earlier (`break`) closes the connection.

	@throws {UnreachableError} Where it is cut off, comes to a halt, or is shorter than promised.
	*/
	body: AsyncIterable<Uint8Array>;
};

type ApiOfNodesAndPeople = HealingApi & PeopleApi;

/**
The coordinator's API. Whatever it answers is checked with the schemas of `source/protocol` before anybody sees it.

Each call throws `UnreachableError` where the coordinator can't be reached, is too slow or cuts an answer off,
`AnswerError` where it answers with an error or with something else than was asked for, and the signal's reason where
that is aborted.
*/
export type Api = ApiOfNodesAndPeople & {
	/** The coordinator's base address. */
	url: string;
	stats: () => Promise<Stats>;
	nodes: () => Promise<NodeView[]>;
	node: (id: string) => Promise<NodeDetails>;
	/** The shards that a node should hold, sorted by file and index. */
	nodeShards: (id: string, page: {limit: number; after?: string}) => Promise<NodeShardsPage>;
	/** A page of files, the newest first, and how many there are. */
	files: (page: {limit: number; before?: string; search?: string}) => Promise<FilesPage>;
	file: (id: string) => Promise<FileView>;
	/** Into the trash, where there is one, unless `isForever`. Says until when it can be brought back, if it can. */
	removeFile: (id: string, options?: {isForever?: boolean}) => Promise<number | undefined>;
	/** A page of the trash, what was deleted last first, and how much there is. */
	trash: (page: {limit: number; before?: string}) => Promise<TrashPage>;
	/** Brings a file back from the trash. */
	restoreFile: (id: string) => Promise<FileView>;
	/** Deletes a file that is in the trash for good. */
	purgeFile: (id: string) => Promise<void>;
	/** Deletes all own files in the trash for good. */
	emptyTrash: (signal?: AbortSignal) => Promise<EmptiedTrash>;
	/** What is being repaired, what waits for it and why. */
	repair: () => Promise<RepairView>;
	/** Repairs nothing until it is resumed, or goes on. */
	pauseRepair: (isPaused: boolean) => Promise<RepairView>;
	/** Repairs a file now, whoever may come back. Says how many of its chunks need it. */
	repairFile: (id: string) => Promise<number>;
	/** The newest entries, or the newest before one; the oldest of them first. */
	logs: (page: LogsQuery) => Promise<LogsPage>;
	/** Where the shards of each chunk are. */
	replication: (id: string, page?: {limit?: number; after?: number}) => Promise<ReplicationPage>;
	/** Has every node re-hash its shards of a file. The last line is a `done` or an `error`. */
	check: (id: string, signal: AbortSignal) => AsyncIterable<CheckLine>;
	/**
	All that changes, as it comes. The connection is made when the first event is asked for.

	@throws {UnreachableError} When the connection breaks: it never ends otherwise.
	*/
	events: (options: EventsOptions) => AsyncIterable<ApiEvent>;
	upload: (file: Outgoing) => Promise<Uploaded>;
	/** Gives an unfinished upload up, where there is one of this id. */
	cancelUpload: (id: string) => Promise<void>;
	/** The account's keyring as it is kept; `null` where there is none, whose revision is 0. */
	keyring: () => Promise<{blob: string | null; revision: number}>;
	/** Replaces the keyring of this revision. Throws `CONFLICT` where another one is there. */
	putKeyring: (keyring: {blob: string; revision: number}) => Promise<{revision: number}>;
	/** From `fromByte` on; with `etag` only where the file is still that one, else from 0 again: look at `fromByte`. */
	download: (id: string, options: DownloadOptions) => Promise<Incoming>;
	/** What a link leads to. Throws `LINK_NOT_FOUND`, `LINK_PASSWORD_NEEDED`, `LINK_EXHAUSTED`. */
	sharedFile: (link: string, password?: string) => Promise<SharedFile>;
	/** As `download`, by a link. */
	sharedDownload: (link: string, options: DownloadOptions & {password?: string | undefined}) => Promise<Incoming>;
};

export type EventsOptions = {
	/** The last event that was seen: what came since is told first, or `reset` where that is no longer known. */
	lastEventId?: string;
	/** Called once the coordinator has taken the connection: nothing that changes from now on is missed. */
	onOpen?: () => void;
	/** Called with each id to go on from, also with those that come without an event. */
	onId?: (id: string) => void;
	signal: AbortSignal;
};

export type DownloadOptions = {fromByte?: number; etag?: string; signal: AbortSignal};
