import {z} from 'zod';
import {visibilities} from './people.js';
import {chunkIdPattern, digestPattern, fileIdPattern, nodeIdPattern} from './ids.js';
import {MOST_KEYRING_LENGTH} from './keyring-limit.js';
import {copyObstacleSchema, heardCare, lineSchema, nodeCare, scrubFaults} from './node-care.js';
import {e2eSchema} from './sealed-details.js';

/**
A schema for every body that goes over the API, and for every query. What the prototype had keeps its shape and its
names; fields that it didn't have are marked so. Sizes are bytes and times milliseconds since the epoch, unless a
description says otherwise.
*/

const bytes = z.number().int().nonnegative();
const timeMs = z.number().int().nonnegative();
const success = z.literal(true);

export const fileIdSchema = z.string().regex(fileIdPattern).meta({description: '32 hex digits'});
export const digestSchema = z.string().regex(digestPattern).meta({description: 'SHA-256, 64 lower-case hex digits'});
export const nodeIdSchema = z.string().regex(nodeIdPattern).meta({description: '`pjas-` and 8 to 32 hex digits'});

export const errorSchema = z.object({
	success: z.literal(false),
	error: z.string().meta({description: 'What happened and what to do about it'}),
	code: z.string().meta({description: 'Stable; what programs should look at'}),
});

export const storageStatsSchema = z.object({
	used_bytes: bytes,
	allocated_bytes: bytes,
	free_bytes: bytes,
	chunk_count: z.number().int().nonnegative(),
	usage_percent: z.number().nonnegative(),
});
export type StorageStats = z.infer<typeof storageStatsSchema>;

const isBaseUrl = (text: string): boolean => {
	if (!URL.canParse(text)) return false;
	const url = new URL(text);
	return url.username === '' && url.password === '' && url.search === '' && url.hash === '';
};

const label = z.string().trim().min(1).max(100);

const keyText = z.string().regex(/^[\w-]{43}$/);
const publicKeysSchema = z
	.object({signing: keyText, exchange: keyText})
	.meta({description: 'Ed25519 and X25519, raw, base64url'});
const fingerprints = z.array(z.string().max(64)).max(20);

export const registerSchema = z.object({
	node_id: nodeIdSchema,
	address: z
		.url({protocol: /^https?$/})
		.max(500)
		.refine(isBaseUrl, {error: 'no user name, query or fragment'})
		.optional()
		.meta({description: "The node's base URL; without one it opens links"}),
	storage_stats: storageStatsSchema,
	status: z.string().max(32).optional(),
	version: z.string().max(32).optional().meta({description: '`1.0.0` is a classic node'}),
	protocol: z.int().min(1).max(1_000_000).optional().meta({description: 'What the node speaks; without it, 1'}),
	name: label.optional(),
	owner: label.optional(),
	zone: label.optional(),
	listing_digest: digestSchema.optional().meta({description: 'SHA-256 over the sorted digests, a newline after each'}),
	keys: publicKeysSchema.optional().meta({description: "The node's public keys; the request is signed by them"}),
	join_code: z
		.string()
		.max(200)
		.optional()
		.meta({description: 'Needed once, unless the coordinator runs with `--open`'}),
	trusts: fingerprints.optional().meta({description: 'The coordinator keys that the node trusts, by fingerprint'}),
	line: lineSchema.optional(),
});
export type RegisterBody = z.infer<typeof registerSchema>;

const coordinatorKeysSchema = z
	.array(publicKeysSchema.extend({not_after: timeMs.optional()}))
	.optional()
	.meta({description: "The coordinator's public keys, for a node that has keys: the newest first"});

const reach = z
	.enum(['direct', 'link'])
	.optional()
	.meta({description: 'How the coordinator reaches a node that has keys: `link` asks it to open links'});

export const registeredSchema = z.object({
	success,
	message: z.string(),
	node_id: z.string(),
	reach,
	coordinator_keys: coordinatorKeysSchema,
});

const scrubReportSchema = z.object({
	started_at: timeMs.meta({description: 'When the present pass over its shards began'}),
	up_to: digestSchema
		.optional()
		.meta({description: 'All shards up to this one were read in it, in the order of digests'}),
	progress: z.number().min(0).max(1),
	completed: z.object({started_at: timeMs, ended_at: timeMs}).optional().meta({description: 'The last whole pass'}),
	faults: z
		.array(z.object({digest: digestSchema, kind: z.enum(scrubFaults)}))
		.max(100)
		.meta({description: 'Bad shards that were found; told until a heartbeat with them is answered'}),
});

export const heartbeatSchema = z.object({
	node_id: nodeIdSchema,
	storage_stats: storageStatsSchema.optional(),
	timestamp: z.number().optional().meta({description: 'Seconds since the epoch, a float'}),
	scrub: scrubReportSchema.optional(),
	trusts: fingerprints.optional().meta({description: 'The coordinator keys that the node trusts, by fingerprint'}),
	line: lineSchema.optional(),
	leave: z
		.boolean()
		.optional()
		.meta({description: 'Its member wants it emptied and forgotten, or no longer; without it, as it is'}),
});
export type HeartbeatBody = z.infer<typeof heartbeatSchema>;

export const okSchema = z.object({success});

export const heardSchema = z.object({
	success,
	reach,
	coordinator_keys: coordinatorKeysSchema,
	...heardCare,
	version: z.string().optional().meta({description: 'The coordinator’s own'}),
	self_check: timeMs.optional().meta({
		description: 'The node is suspended, and should read all of its shards again at once; another number asks anew',
	}),
});

export const nodeSchema = z.object({
	node_id: nodeIdSchema,
	address: z.string(),
	storage_stats: storageStatsSchema,
	status: z.enum(['online', 'offline']),
	version: z.string(),
	protocol: z.int().optional().meta({description: 'What it speaks, where it tells'}),
	is_behind: z
		.literal(true)
		.optional()
		.meta({description: 'Its version, or the protocol that it speaks, is older than the coordinator’s'}),
	last_seen: timeMs,
	registered_at: timeMs,
	chunks_stored: z.number().int().nonnegative(),
	name: z.string(),
	owner: z.string(),
	zone: z.string(),
	kind: z.enum(['direct', 'link', 'classic']).meta({
		description: 'How the coordinator reaches it: at its address, over links that it opens, or as the prototype does',
	}),
	address_problem: z.string().optional().meta({description: 'Why it is not reached at the address that it gave'}),
	links: z.number().int().optional().meta({description: 'The links that it has open, where it is reached over links'}),
	latency_ms: z.number().nullable().meta({description: 'Recent time to read 1 MiB from it'}),
	in_flight: z.number().int().nonnegative().meta({description: 'Requests of the coordinator that it is serving now'}),
	banned_at: timeMs.optional().meta({description: 'Since then it is kept out, and its shards do not count'}),
	...nodeCare,
});
export type NodeView = z.infer<typeof nodeSchema>;

export const inviteNodeSchema = z.object({
	owner: label.optional().meta({description: 'Whose nodes they are; without it, one’s own'}),
	zone: label.optional().meta({description: 'What fails together with them; without it the node says, or the owner'}),
	uses: z.number().int().min(1).max(100).default(1).meta({description: 'How many nodes may join with the code'}),
	expires_in_s: z
		.number()
		.int()
		.min(60)
		.max(366 * 24 * 3600)
		.default(7 * 24 * 3600),
});

export const nodeInvitationSchema = z.object({
	id: z.string(),
	owner: z.string(),
	zone: z.string().nullable(),
	uses_left: z.number().int(),
	used_by: z.array(z.string()).meta({description: 'The ids of the nodes that joined with it'}),
	created_by: z.string(),
	created_at: timeMs,
	expires_at: timeMs,
});
export type NodeInvitationView = z.infer<typeof nodeInvitationSchema>;

export const nodeInvitedSchema = z.object({
	success,
	code: z.string().meta({description: 'For `pjas-daemon join`; told this once, only its hash is kept'}),
	invitation: nodeInvitationSchema,
});

export const checkJoinCodeSchema = z.object({
	id: z.string().regex(digestPattern).meta({
		description: 'SHA-256 over the 32 secret bytes of the code, in hex: who asks shows no code to whoever listens',
	}),
	coordinator: z.string().max(64).meta({description: 'The fingerprint in the code'}),
});

/** The most that a test of a line sends in either direction. */
export const MOST_LINE_TEST_BYTES = 8 * 1024 * 1024;

export const lineTestQuerySchema = z.object({
	down: z.coerce.number().int().min(0).max(MOST_LINE_TEST_BYTES).default(0).meta({
		description: 'How many bytes to send back',
	}),
});

export const nodeInvitationsSchema = z.object({success, invitations: z.array(nodeInvitationSchema)});

export const nodesSchema = z.object({success, nodes: z.array(nodeSchema), count: z.number().int()});

export const redundancySchema = z.object({
	full: z
		.number()
		.int()
		.meta({description: 'Chunks with all their wanted shards on nodes that are online and not suspended'}),
	partly: z.number().int().meta({description: 'Chunks with fewer, but enough to be read'}),
	none: z.number().int().meta({description: 'Chunks that cannot be read now'}),
});

export const repairObstacleSchema = copyObstacleSchema;
export type RepairObstacle = z.infer<typeof repairObstacleSchema>;

export const statsSchema = z.object({
	success,
	stats: z.object({
		totalNodes: z.number().int(),
		onlineNodes: z.number().int(),
		totalStorage: bytes,
		usedStorage: bytes,
		networkHealth: z.number().meta({description: 'Rounded percentage of nodes online; 100 where there are none'}),
		activeFiles: z.number().int().meta({description: 'Without those in the trash'}),
		freeStorage: bytes.meta({description: 'What online nodes can still take'}),
		fileBytes: bytes.meta({description: 'Sum of the sizes of all files'}),
		chunks: z.number().int(),
		redundancy: redundancySchema,
		dataHealth: z.number().meta({description: 'Percentage of chunks at full redundancy, rounded down'}),
		bytesIn: bytes.meta({description: 'Received from uploads since the coordinator started'}),
		bytesOut: bytes.meta({description: 'Sent to downloads since the coordinator started'}),
		open: z.boolean().meta({description: 'It runs without accounts: everybody may do everything'}),
		pendingRemovals: z.number().int().meta({description: 'Shards still to be removed from nodes'}),
		orphansKeptUntil: timeMs.optional().meta({
			description: 'The catalogue came out of a backup: until then, shards that it does not know are kept',
		}),
		repair: z.object({
			waiting: z.number().int().meta({description: 'Chunks that are short of copies, and wait for their repair'}),
			active: z.number().int().meta({description: 'Chunks that are being repaired'}),
			blocked: z.number().int().meta({description: 'Chunks that are short of copies, and can’t be repaired now'}),
			paused: z.boolean(),
			reason: repairObstacleSchema.nullable().meta({description: 'Why one of those that are blocked is'}),
		}),
		trash: z.object({
			files: z.number().int().meta({description: 'Deleted files that can still be brought back'}),
			bytes,
		}),
	}),
});
export type Stats = z.infer<typeof statsSchema>['stats'];

export const logEntrySchema = z.object({
	timestamp: z.string().meta({description: '`YYYY-MM-DD HH:MM:SS`, UTC'}),
	level: z.enum(['INFO', 'WARN', 'ERROR']),
	message: z.string(),
	id: z.number().int(),
	timestamp_ms: timeMs,
	node_id: z.string().optional(),
	file_id: z.string().optional(),
});
export type LogEntry = z.infer<typeof logEntrySchema>;

export const logsQuerySchema = z.object({
	limit: z.coerce.number().int().min(1).max(1000).default(50),
	before: z.coerce.number().int().positive().optional().meta({description: 'Only entries older than this id'}),
	level: z.enum(['INFO', 'WARN', 'ERROR']).optional(),
	q: z.string().max(200).optional().meta({description: 'Only messages that contain this text'}),
	node: nodeIdSchema.optional().meta({description: 'Only entries about this node'}),
	file: fileIdSchema.optional().meta({description: 'Only entries about this file'}),
});

export const logsSchema = z.object({
	success,
	logs: z.array(logEntrySchema).meta({description: 'Oldest first'}),
	next_before: z.number().int().nullable().meta({description: 'The next page’s `before`; null at the oldest entry'}),
});

export const fileSchema = z.object({
	file_id: fileIdSchema,
	filename: z.string(),
	size: bytes,
	uploaded_at: timeMs,
	status: z.enum(['processing', 'completed']),
	chunks_count: z.number().int(),
	type: z.string(),
	owner: z.string().meta({description: 'The account that uploaded it; empty where there was none'}),
	visibility: z.enum(visibilities),
	shared_with: z.array(z.string()).meta({description: 'Accounts that may read it while it is private'}),
	redundancy: redundancySchema,
	copies: z
		.object({
			wanted: z.number().int(),
			fewest: z.number().int().meta({description: 'Sound copies that the weakest chunk has on nodes that are online'}),
			homes: z.number().int().meta({description: 'In how many zones the copies of a chunk are, at least'}),
		})
		.optional()
		.meta({description: 'Left out where the file has no chunks'}),
	chunks_sha256: z
		.string()
		.regex(/^[0-9a-f]{64}$/)
		.optional()
		.meta({description: 'SHA-256 over the SHA-256s of its pieces of 10 MiB, where the coordinator knows it'}),
	e2e: e2eSchema.optional().meta({description: 'Where the uploader sealed it end to end'}),
});
export type FileView = z.infer<typeof fileSchema>;

export const filesQuerySchema = z.object({
	limit: z.coerce.number().int().min(1).max(1000).default(1000),
	before: fileIdSchema.optional().meta({description: 'Only files older than this one'}),
	q: z.string().max(200).optional().meta({description: 'Only names that contain this text, whatever its case'}),
});

export const filesSchema = z.object({
	success,
	files: z.array(fileSchema).meta({description: 'Newest first'}),
	count: z.number().int().meta({description: 'How many files this page has'}),
	total: z.number().int().meta({description: 'How many files there are that match'}),
	next_before: fileIdSchema.nullable().meta({description: 'The next page’s `before`; null on the last page'}),
});

/** A zip is asked for by an address, and those are not to be longer than a few kilobytes. */
export const MOST_ZIPPED = 200;

export const zipQuerySchema = z.object({
	ids: z
		.string()
		.regex(new RegExp(`^[0-9a-f]{32}(,[0-9a-f]{32}){0,${MOST_ZIPPED - 1}}$`), {
			error: `1 to ${MOST_ZIPPED} ids of files, with commas between`,
		})
		.meta({description: `Ids of files, at most ${MOST_ZIPPED}, with commas between`}),
});

export const fileAnswerSchema = z.object({success, file: fileSchema});

export const uploadedSchema = z.object({
	success,
	file_id: fileIdSchema,
	message: z.string(),
	chunks: z.number().int(),
	size: bytes,
	filename: z.string(),
	redundancy: z.object({
		wanted: z.number().int(),
		lowest: z.number().int().meta({description: 'Shards of the chunk that has fewest'}),
	}),
});
export type Uploaded = z.infer<typeof uploadedSchema>;

export const keyringSchema = z.object({
	success,
	blob: z.string().nullable().meta({description: 'What the account last stored; null where it never did'}),
	revision: z.number().int().nonnegative().meta({description: '0 where there is none'}),
});

export const putKeyringSchema = z.object({
	blob: z
		.string()
		.min(1)
		.max(MOST_KEYRING_LENGTH)
		.meta({description: 'Sealed by the client: the coordinator cannot read it'}),
	revision: z.number().int().nonnegative().meta({description: 'Of what this replaces; 0 for the first'}),
});

export const keyringStoredSchema = z.object({success, revision: z.number().int().positive()});

export const deletedSchema = z.object({
	success,
	file_id: fileIdSchema,
	message: z.string(),
	purge_at: timeMs.optional().meta({description: 'Until then it can be brought back; without it, it is gone'}),
});

export const deleteFileQuerySchema = z.object({
	forever: z.enum(['true', 'false']).default('false').meta({description: 'Past the trash: it can’t be brought back'}),
});

export const shardStateSchema = z.enum(['online', 'offline', 'suspended', 'missing', 'corrupt']);

export const replicationQuerySchema = z.object({
	limit: z.coerce.number().int().min(1).max(1000).default(1000),
	after: z.coerce.number().int().min(0).optional().meta({description: 'Only chunks after this index'}),
});

export const chunkViewSchema = z.object({
	index: z.number().int(),
	size: bytes,
	wanted: z.number().int(),
	present: z.number().int().meta({description: 'Sound shards on nodes that are online and not suspended'}),
	shards: z.array(
		z.object({
			node_id: z.string(),
			node_name: z.string(),
			digest: digestSchema,
			state: shardStateSchema,
			verified_at: timeMs.meta({
				description:
					'When its bytes were last found right: by its record, or by the scrub of its node where that is later',
			}),
		}),
	),
});
export type ChunkView = z.infer<typeof chunkViewSchema>;

export const nodeAnswerSchema = z.object({
	success,
	node: nodeSchema,
	shards: z
		.object({
			sound: z.number().int(),
			missing: z.number().int(),
			corrupt: z.number().int(),
		})
		.meta({description: 'The shards that the node should hold, by what was last seen of them'}),
});

export const auditOutcomes = [
	'passed',
	'missing',
	'corrupt',
	'no-proof',
	'unreadable',
	'silent',
	'nothing-held',
	'stale',
] as const;

export const nodeAuditSchema = z.object({
	success,
	outcome: z.enum(auditOutcomes).meta({
		description:
			'`missing`, `corrupt` and `no-proof` suspend the node. `unreadable`: its disk does not give the shard, which is replaced; `silent`: no answer came; `nothing-held`: there is nothing to prove; `stale`: the chunk changed meanwhile',
	}),
	file_id: fileIdSchema.nullable().meta({description: 'The file of the shard that was asked for'}),
	index: z.number().int().nullable(),
	read: z.boolean().meta({description: 'Whether the shard was read whole'}),
	node: nodeSchema,
});
export type NodeAuditView = z.infer<typeof nodeAuditSchema>;

export const nodeShardsQuerySchema = z.object({
	limit: z.coerce.number().int().min(1).max(1000).default(1000),
	after: z
		.string()
		.regex(chunkIdPattern)
		.optional()
		.meta({description: 'The `next_after` of the page before: only what comes after it'}),
});

export const nodeShardSchema = z.object({
	file_id: fileIdSchema,
	filename: z.string(),
	index: z.number().int().meta({description: 'The chunk’s place in its file'}),
	digest: digestSchema,
	state: shardStateSchema,
	verified_at: timeMs.meta({
		description: 'When its bytes were last found right: by its record, or by the scrub of its node where that is later',
	}),
	wanted: z.number().int().meta({description: 'Shards that the chunk should have'}),
	present: z.number().int().meta({description: 'Sound shards of the chunk on nodes that are online'}),
});
export type NodeShardView = z.infer<typeof nodeShardSchema>;

export const nodeShardsSchema = z.object({
	success,
	shards: z.array(nodeShardSchema).meta({description: 'Sorted by file and index'}),
	next_after: z.string().nullable().meta({description: 'The next page’s `after`; null on the last page'}),
});

export const replicationSchema = z.object({
	success,
	file_id: fileIdSchema,
	chunks_count: z.number().int(),
	chunks: z.array(chunkViewSchema),
	next_after: z.number().int().nullable().meta({description: 'The next page’s `after`; null on the last page'}),
});

/** One line of a check's answer: a chunk's outcome, or the end. */
export const checkLineSchema = z.discriminatedUnion('event', [
	z.object({
		event: z.literal('chunk'),
		index: z.number().int(),
		chunks_count: z.number().int(),
		wanted: z.number().int(),
		sound: z.number().int(),
		shards: z.array(
			z.object({
				node_id: z.string(),
				digest: digestSchema,
				result: z.enum(['ok', 'missing', 'corrupt', 'unreachable']),
			}),
		),
	}),
	z.object({
		event: z.literal('done'),
		success: z.boolean().meta({description: 'Every chunk can be read'}),
		chunks_count: z.number().int(),
		ok: z.number().int().meta({description: 'Shards that are right'}),
		missing: z.number().int(),
		corrupt: z.number().int(),
		unreachable: z.number().int(),
		checked_at: timeMs,
	}),
	z.object({event: z.literal('error'), success: z.literal(false), error: z.string(), code: z.string()}),
]);
export type CheckLine = z.infer<typeof checkLineSchema>;

export const changeFileSchema = z
	.object({
		filename: z.string().trim().min(1).max(1024).meta({description: 'Another name; not where it is sealed end to end'}),
		e2e: e2eSchema.meta({
			description: 'Where it is sealed end to end: its name and type, sealed anew by who has its key',
		}),
		visibility: z.enum(visibilities),
		shared_with: z.array(z.string().max(32)).max(100).meta({description: 'Names of accounts that may read it'}),
	})
	.partial();

export const healthSchema = z.object({
	status: z.literal('healthy'),
	timestamp: timeMs,
	version: z.string(),
	protocol: z.int().meta({description: 'What it speaks with nodes; the number before it is spoken too'}),
	open: z.literal(true).optional().meta({description: 'It runs without accounts: everybody may do everything'}),
});

export const rootSchema = z.object({
	status: z.string(),
	nodes: z.number().int(),
	files: z.number().int(),
	timestamp: timeMs,
});

export const repairStatusSchema = z.object({
	paused: z.boolean(),
	grace_ms: z.number().int().meta({description: 'How long a lost copy is waited for while more than one is left'}),
	at_once: z.number().int(),
	rate: bytes.meta({description: 'The most bytes that are written to nodes in a second; 0 for any'}),
	bytes_per_s: bytes.meta({description: 'What was written of late'}),
	waiting: z.number().int(),
	blocked: z.number().int(),
	surplus: z.number().int().meta({description: 'Chunks with more shards than they want, or records of lost ones'}),
	active: z.array(
		z.object({
			file_id: fileIdSchema,
			index: z.number().int(),
			size: bytes,
			copies: z.number().int().meta({description: 'Sound copies that were left'}),
			from: z.string().nullable().meta({description: 'The node that is read; null where shards are only forgotten'}),
			to: z.array(z.string()),
			started_at: timeMs,
		}),
	),
	short: z
		.array(
			z.object({
				file_id: fileIdSchema,
				index: z.number().int(),
				copies: z.number().int(),
				reason: repairObstacleSchema.nullable(),
				due_at: timeMs.meta({description: 'When it is repaired, or tried again, at the earliest'}),
			}),
		)
		.meta({description: 'At most 100 of those that wait or are blocked, the blocked ones first'}),
	done: z
		.object({
			chunks: z.number().int(),
			shards: z.number().int(),
			bytes,
			forgotten: z.number().int().meta({description: 'Shards that were no longer needed'}),
		})
		.meta({description: 'Since the coordinator started'}),
});
export type RepairView = z.infer<typeof repairStatusSchema>;

export const repairAnswerSchema = z.object({success, repair: repairStatusSchema});

export const repairFileSchema = z.object({
	success,
	file_id: fileIdSchema,
	chunks: z.number().int().meta({description: 'How many of its chunks need it'}),
});
