import {z} from 'zod';
import {baseUrlAllowed, parseBaseUrl, parseCoordinatorUrl} from '../source/base-url.js';
import {type LimitName, limitNames, limitRules} from '../source/protocol/member-limits.js';
import {parseDuration, parseSize} from '../source/protocol/units.js';
import {parseOrigins, parseProxies, parseWebhooks} from './config-lists.js';
import {webhookKeyIn} from './coordinator/alerts/signature.js';
import {isNearby} from './nearby.js';
import {parseJoinCode} from './trust/join-code.js';

export const roles = ['coordinator', 'node', 'local'] as const;
/** What a member says to the node that runs on this machine. */
export const memberCommands = ['status', 'pause', 'resume', 'leave'] as const;
export const commands = [
	'join',
	'backup',
	'restore',
	'audit',
	'rotate-keys',
	'doctor',
	...memberCommands,
	'set',
] as const;
export const modes = [...roles, ...commands] as const;

/** What a run of `pjas-daemon` is: a part of a network that goes on, or a command that ends. */
export type Mode = (typeof modes)[number];
type Role = (typeof roles)[number];

type Given = string | number | boolean;

/** What stands in the place of a value that nobody gave, given the settings above it in the table. */
type Derived = {text: string; from: (above: Record<string, unknown>, hostname: string) => Given};

export type Setting = {
	/** In `pjas_config.json`; the flag and the `PJAS_` name follow from it, unless there is a `short` one. */
	name: string;
	short?: string;
	/** What stands for the value in `--help`. A switch has none. */
	placeholder?: string;
	help: string;
	/** Which values there are, for whoever gave another. */
	allowed: string;
	schema: z.ZodType<unknown, Given>;
	modes: readonly Mode[];
	default?: Given | Partial<Record<Mode, Given>> | Derived;
	isRequired?: true;
	/** It is the word at this place on the command line, from 0, not a flag. */
	position?: number;
	/** The place where it is another in some modes. */
	positions?: Partial<Record<Mode, number>>;
	/** Only a flag gives it. */
	isFlagOnly?: true;
	/** A path, from the working folder. */
	isPath?: true;
	/** The name under which hosting services set it for the coordinator. */
	hostedName?: string;
	/** What settings above it say of it, which goes before environment and file. */
	implied?: (above: Record<string, unknown>) => string | undefined;
	/** The console reads it as well, so a coordinator that finds it in its surroundings passes over it. */
	isShared?: true;
	/** Its value is not repeated in what is said of it: what is wrong may be nearly right. */
	isSecret?: true;
	/** What is wrong with a value that is right by itself, beside those above it. */
	conflict?: (value: unknown, above: Record<string, unknown>) => string | undefined;
};

const parsed = <Value>(parse: (text: string) => Value | undefined) =>
	z.union([z.string(), z.number()]).transform((given, context) => {
		const value = parse(String(given));
		if (value === undefined) {
			context.addIssue({code: 'custom', message: 'not allowed'});
			return z.NEVER;
		}

		return value;
	});

const within = (value: number | undefined, least: number, most: number) =>
	value !== undefined && value >= least && value <= most ? value : undefined;

const wholeNumber = (least: number, most: number) =>
	parsed(text => (/^\d{1,9}$/.test(text) ? within(Number(text), least, most) : undefined));

const oneOf = <const Choices extends readonly string[]>(choices: Choices) =>
	parsed(text => choices.find((choice): choice is Choices[number] => choice === text));

const size = (key: LimitName) => parsed(text => limitRules[key].parse(text) as number | undefined);
const hours = (key: LimitName) => parsed(text => limitRules[key].parse(text) as string | undefined);

const MAX_LABEL_LENGTH = 64;

const label = parsed(text =>
	text.trim() === text && text.length > 0 && text.length <= MAX_LABEL_LENGTH && !/\p{C}/u.test(text) ? text : undefined,
);
const labelAllowed = `1 to ${MAX_LABEL_LENGTH} characters, no space at either end, no control characters`;

const filePath = parsed(text => (text.length > 0 && !text.includes('\0') ? text : undefined));

const switchSchema = z.union([
	z.boolean(),
	z.stringbool({truthy: ['true', 'yes', 'on', '1'], falsy: ['false', 'no', 'off', '0']}),
]);

const SMALLEST_MEMORY_BYTES = 32 * 1024 ** 2;
const LONGEST_NODE_TIMEOUT_MS = 600_000;
const LONGEST_ACCEPTANCE_MS = 365 * 24 * 60 * 60 * 1000;
const LONGEST_REPAIR_GRACE_MS = 30 * 86_400_000;

const isLoopback = (host: string): boolean => /^(localhost|127\.[\d.]+|::1)$/i.test(host);

const reaches = ['auto', 'links'] as const;

const servers = ['coordinator', 'node', 'local', 'join'] as const satisfies Mode[];
const keepers = ['coordinator', 'local'] as const satisfies Mode[];
/** What a node runs with is said when it joins, and kept. */
const nodes = ['node', 'join'] as const satisfies Mode[];

/** A join code, with the coordinator's address behind it or without. */
const parseInvitation = (text: string): string | undefined => {
	const code = parseJoinCode(text);
	return code && (code.url === undefined || parseCoordinatorUrl(code.url) !== undefined) ? text.trim() : undefined;
};

const urlBehind = (invitation: unknown): string | undefined =>
	typeof invitation === 'string' ? parseJoinCode(invitation)?.url : undefined;

/**
Every setting there is. The flags, the `PJAS_` names, the keys of `pjas_config.json`, what is allowed and `--help` all
come from here. A setting whose default follows from others stands below them.
*/
export const settings = {
	role: {
		name: 'role',
		placeholder: 'ROLE',
		help: 'Which part this daemon plays',
		allowed: roles.join(', '),
		schema: oneOf(roles),
		modes: ['coordinator', 'node', 'local', 'doctor'],
		isRequired: true,
	},
	config: {
		name: 'config',
		placeholder: 'FILE',
		help: 'The file with the settings that neither flags nor environment give',
		allowed: 'the path of a file',
		schema: filePath,
		modes,
		default: 'pjas_config.json',
		isPath: true,
	},
	invitation: {
		name: 'code',
		placeholder: 'CODE',
		help: 'The code to join with, and behind an @ where the coordinator is: pjas-join_…@https://pjas.example.org',
		allowed: 'what pjas-tui invite node and the web page give: pjas-join_, 64 characters, and @ with an address',
		schema: parsed(parseInvitation),
		isSecret: true,
		modes: ['join'],
		isRequired: true,
		position: 0,
		isFlagOnly: true,
	},
	storagePath: {
		name: 'storage_path',
		placeholder: '<storage_path>',
		help: 'The folder that keeps the shards',
		allowed: 'the path of a folder',
		schema: filePath,
		modes: ['node', 'join', ...memberCommands],
		default: Object.fromEntries(['join', ...memberCommands].map(each => [each, './storage'])),
		isRequired: true,
		position: 0,
		positions: {join: 1},
		isPath: true,
	},
	limit: {
		name: 'limit',
		placeholder: '[limit]',
		help: 'What to set, for the node that runs: space, up, down, schedule, monthly-cap, hours or remote-limits; without it, all are told',
		allowed: limitNames.map(each => each.replaceAll('_', '-')).join(', '),
		schema: parsed(text => limitNames.find(each => each === text.replaceAll('-', '_'))),
		modes: ['set'],
		position: 0,
		isFlagOnly: true,
	},
	limitValue: {
		name: 'value',
		placeholder: '[value]',
		help: 'As the flag of that name takes it, or default: what is configured. Without it, the limit is told',
		allowed: 'a value that the limit takes, or default',
		schema: parsed(text => (text.length > 0 && text.length <= 500 ? text : undefined)),
		modes: ['set'],
		position: 1,
		isFlagOnly: true,
	},
	limitStoragePath: {
		name: 'storage',
		placeholder: '[storage_path]',
		help: 'The folder of the node that runs',
		allowed: 'the path of a folder',
		schema: filePath,
		modes: ['set'],
		default: './storage',
		position: 2,
		isFlagOnly: true,
		isPath: true,
	},
	isCancelled: {
		name: 'cancel',
		help: 'Stay in the network after all; what was moved elsewhere is there',
		allowed: 'true or false',
		schema: switchSchema,
		modes: ['leave'],
		default: false,
		isFlagOnly: true,
	},
	allocatedBytes: {
		name: 'allocated_gb',
		placeholder: '[allocated_gb]',
		help: 'How much it may keep: 200, 0.5, 500MB, 2TB; a bare number counts GB (1024³ bytes)',
		allowed: limitRules.space.allowed,
		schema: size('space'),
		modes: nodes,
		default: 100,
		position: 1,
		positions: {join: 2},
	},
	join: {
		name: 'join',
		placeholder: 'CODE',
		help: 'The code to join with, needed once; pjas-daemon join does the same and more',
		allowed: 'a code as pjas-tui invite node gives it: pjas-join_ and 64 characters, and maybe @ and an address',
		schema: parsed(parseInvitation),
		isSecret: true,
		modes: ['node'],
	},
	insecure: {
		name: 'insecure',
		help: 'Join a coordinator over plain HTTP, also where others can listen on the way',
		allowed: 'true or false',
		schema: switchSchema,
		modes: nodes,
		default: false,
	},
	coordinatorUrl: {
		name: 'coordinator_url',
		short: 'coordinator',
		placeholder: 'URL',
		help: 'The coordinator to join, with or without /api at its end',
		allowed: baseUrlAllowed,
		schema: parsed(parseCoordinatorUrl),
		modes: nodes,
		default: {
			text: 'the address behind the code, else http://127.0.0.1:3000/api',
			from: ({join}) => urlBehind(join) ?? 'http://127.0.0.1:3000/api',
		},
		implied: ({invitation}) => urlBehind(invitation),
		isShared: true,
		conflict: (value, {insecure}) =>
			insecure === true || isNearby(String(value))
				? undefined
				: 'https://, or http:// to this machine or a private network; --insecure allows plain HTTP to any',
	},
	upnp: {
		name: 'upnp',
		help: 'Have the router lead a port to this node (UPnP, NAT-PMP), so that it is reached at an address',
		allowed: 'true or false',
		schema: switchSchema,
		modes: nodes,
		default: false,
	},
	host: {
		name: 'host',
		placeholder: 'ADDRESS',
		help: 'The address to listen on; 0.0.0.0 is every one of this machine',
		allowed: 'the name or address of this machine, such as 127.0.0.1, 0.0.0.0 or ::',
		schema: parsed(text => (/^[\w.:%-]{1,255}$/.test(text) ? text : undefined)),
		modes: servers,
		default: {
			text: '127.0.0.1; 0.0.0.0 with --upnp',
			from: ({upnp}) => (upnp === true ? '0.0.0.0' : '127.0.0.1'),
		},
		conflict: (value, {upnp}) =>
			upnp === true && isLoopback(String(value))
				? 'with --upnp an address that the router gets to, such as 0.0.0.0'
				: undefined,
	},
	port: {
		name: 'port',
		placeholder: 'PORT',
		help: 'The port to listen on; 0 is any free one',
		allowed: 'a whole number from 0 to 65535',
		schema: wholeNumber(0, 65_535),
		modes: servers,
		default: {coordinator: 3000, node: 8420, local: 3000, join: 8420},
		hostedName: 'PORT',
	},
	tlsCertFile: {
		name: 'tls_cert',
		placeholder: 'FILE',
		help: 'The certificate to serve HTTPS with, in PEM; looked at again while it runs',
		allowed: 'the path of a file',
		schema: filePath,
		modes: servers,
		isPath: true,
	},
	tlsKeyFile: {
		name: 'tls_key',
		placeholder: 'FILE',
		help: "The certificate's key, in PEM",
		allowed: 'the path of a file',
		schema: filePath,
		modes: servers,
		isPath: true,
	},
	trustProxy: {
		name: 'trust_proxy',
		placeholder: 'LIST',
		help: 'The proxies that are believed about whom a request comes from: addresses, networks, loopback',
		allowed: 'addresses, networks such as 192.0.2.0/24, loopback, linklocal or uniquelocal, with commas between them',
		schema: parsed(parseProxies),
		modes: keepers,
	},
	rateLimit: {
		name: 'rate_limit',
		placeholder: 'N',
		help: 'How many requests a minute one address or account may make, those of this machine aside; 0 is no limit',
		allowed: 'a whole number from 0 to 1000000',
		schema: wholeNumber(0, 1_000_000),
		modes: keepers,
		default: 6000,
	},
	dataFolder: {
		name: 'data',
		placeholder: 'DIR',
		help: 'The folder that keeps what the coordinator must not forget',
		allowed: 'the path of a folder',
		schema: filePath,
		modes: ['coordinator', 'local', 'backup', 'restore', 'audit', 'rotate-keys'],
		default: './pjas-data',
		isPath: true,
	},
	metricsToken: {
		name: 'metrics_token',
		placeholder: 'TOKEN',
		help: 'The token with which Prometheus reads /metrics; a node without one has no /metrics',
		allowed: '16 to 500 characters, none of them a space',
		schema: parsed(text => (/^[!-~]{16,500}$/.test(text) ? text : undefined)),
		modes: servers,
		isSecret: true,
	},
	webhookKey: {
		name: 'webhook_secret',
		placeholder: 'SECRET',
		help: 'What webhooks are signed with (Standard Webhooks)',
		allowed: 'whsec_ and 24 to 64 bytes in base64, as echo "whsec_$(openssl rand -base64 32)" makes one',
		schema: parsed(webhookKeyIn),
		modes: keepers,
		isSecret: true,
	},
	webhooks: {
		name: 'webhook',
		placeholder: 'URLS',
		help: 'Where alerts are sent to, at most 5 addresses; needs --webhook-secret',
		allowed: 'http:// or https:// addresses without a name and password, with commas between them',
		schema: parsed(parseWebhooks),
		modes: keepers,
		isSecret: true,
		conflict: (_, {webhookKey}) =>
			webhookKey === undefined
				? 'with --webhook-secret (or PJAS_WEBHOOK_SECRET), by which the receiver knows who tells it'
				: undefined,
	},
	alertAwayMs: {
		name: 'alert_away',
		placeholder: 'TIME',
		help: 'How long a node may be away before an alert is raised',
		allowed: 'a time from 1min to 30d with its unit, such as 15min, 4h or 2d',
		schema: parsed(text => within(parseDuration(text), 60_000, LONGEST_REPAIR_GRACE_MS)),
		modes: keepers,
		default: '15min',
	},
	alertBackupMs: {
		name: 'alert_backup',
		placeholder: 'TIME',
		help: 'How old the last backup may be before an alert is raised',
		allowed: 'a time from 1h to 365d with its unit, such as 12h or 7d',
		schema: parsed(text => within(parseDuration(text), 3_600_000, LONGEST_ACCEPTANCE_MS)),
		modes: keepers,
		default: '7d',
	},
	nodes: {
		name: 'nodes',
		placeholder: 'N',
		help: 'How many nodes to run beside the coordinator',
		allowed: 'a whole number from 1 to 32',
		schema: wholeNumber(1, 32),
		modes: ['local'],
		default: 3,
	},
	replicas: {
		name: 'replicas',
		placeholder: 'N',
		help: 'How many nodes keep each chunk',
		allowed: 'a whole number from 1 to 16',
		schema: wholeNumber(1, 16),
		modes: keepers,
		default: 3,
	},
	minReplicas: {
		name: 'min_replicas',
		placeholder: 'N',
		help: 'How many of them must have it on disk before an upload is answered',
		allowed: 'a whole number from 1 to the replicas',
		schema: wholeNumber(1, 16),
		modes: keepers,
		default: {text: '2, or the replicas where they are fewer', from: ({replicas}) => Math.min(2, Number(replicas))},
		conflict: (value, {replicas}) =>
			Number(value) > Number(replicas) ? `a whole number from 1 to the replicas (${String(replicas)})` : undefined,
	},
	memoryBytes: {
		name: 'memory',
		placeholder: 'SIZE',
		help: 'The most memory that chunks on their way may take',
		allowed: 'a size of at least 32MB, such as 256MB or 1GB',
		schema: parsed(text => within(parseSize(text, 'B'), SMALLEST_MEMORY_BYTES, Number.MAX_SAFE_INTEGER)),
		modes: keepers,
		default: '256MB',
	},
	cacheBytes: {
		name: 'cache',
		placeholder: 'SIZE',
		help: 'How much of it keeps small chunks just written or read, until it is needed',
		allowed: 'a size such as 0B, 64MB or 1GB',
		schema: parsed(text => within(parseSize(text, 'B'), 0, Number.MAX_SAFE_INTEGER)),
		modes: keepers,
		default: '96MB',
	},
	nodeTimeoutMs: {
		name: 'node_timeout',
		placeholder: 'TIME',
		help: 'How long a node may be silent before another is asked in its place',
		allowed: 'a time from 100ms to 10min with its unit, such as 500ms, 15s or 2min',
		schema: parsed(text => within(parseDuration(text), 100, LONGEST_NODE_TIMEOUT_MS)),
		modes: keepers,
		default: '15s',
	},
	repairGraceMs: {
		name: 'repair_grace',
		placeholder: 'TIME',
		help: 'How long a lost copy of a chunk is waited for while more than one is left',
		allowed: 'a time up to 30d with its unit, such as 0s, 90s, 15min or 2d',
		schema: parsed(text => within(parseDuration(text), 0, LONGEST_REPAIR_GRACE_MS)),
		modes: keepers,
		default: '15min',
	},
	repairAtOnce: {
		name: 'repair_at_once',
		placeholder: 'N',
		help: 'How many chunks are repaired at once',
		allowed: 'a whole number from 1 to 64',
		schema: wholeNumber(1, 64),
		modes: keepers,
		default: 4,
	},
	repairBytesPerSecond: {
		name: 'repair_rate',
		placeholder: 'SIZE',
		help: 'The most that repairs write to nodes in a second; 0 is any',
		allowed: '0, or a size such as 500KB, 20MB or 1GB',
		schema: parsed(text => within(parseSize(text, 'B'), 0, Number.MAX_SAFE_INTEGER)),
		modes: keepers,
		default: '20MB',
	},
	trashDays: {
		name: 'trash_days',
		placeholder: 'DAYS',
		help: 'How long deleted files can be brought back; 0 deletes at once',
		allowed: 'a whole number from 0 to 3650',
		schema: wholeNumber(0, 3650),
		modes: keepers,
		default: 7,
	},
	uploadDays: {
		name: 'upload_days',
		placeholder: 'DAYS',
		help: 'How long an upload that is not whole may rest before it is given up',
		allowed: 'a whole number from 1 to 365',
		schema: wholeNumber(1, 365),
		modes: keepers,
		default: 7,
	},
	openAnywhere: {
		name: 'open_anywhere',
		help: 'With --open, listen elsewhere than on loopback too',
		allowed: 'true or false',
		schema: switchSchema,
		modes: keepers,
		default: false,
	},
	open: {
		name: 'open',
		help: 'Run without accounts: everybody who reaches it may do everything, and every node may join',
		allowed: 'true or false',
		schema: switchSchema,
		modes: keepers,
		default: false,
		conflict: (value, {openAnywhere, host}) =>
			value === true && openAnywhere !== true && !isLoopback(String(host))
				? `with --host ${String(host)} only together with --open-anywhere, for everybody who reaches it may do everything`
				: undefined,
	},
	allowClassic: {
		name: 'allow_classic',
		help: "Let the prototype's nodes and clients in, which can't say who they are; what such a client uploads is public",
		allowed: 'true or false',
		schema: switchSchema,
		modes: keepers,
		default: false,
	},
	cors: {
		name: 'cors',
		placeholder: 'LIST',
		help: 'The origins whose pages may call, such as https://example.org; * is any',
		allowed: 'origins such as https://example.org or http://127.0.0.1:8080 with commas between them, or *',
		schema: parsed(parseOrigins),
		modes: keepers,
		default: {
			text: 'none; * with --open or --allow-classic',
			from: ({open, allowClassic}) => (open === true || allowClassic === true ? '*' : ''),
		},
	},
	publicUrl: {
		name: 'public_url',
		placeholder: 'URL',
		help: 'The address under which the coordinator reaches this node, where it is another than the one it listens on',
		allowed: baseUrlAllowed,
		schema: parsed(parseBaseUrl),
		modes: nodes,
	},
	ngrokUrl: {
		name: 'ngrok_url',
		placeholder: 'URL',
		help: 'The same, as the prototype called it; --public-url goes before it',
		allowed: baseUrlAllowed,
		schema: parsed(parseBaseUrl),
		modes: nodes,
	},
	ngrokApi: {
		name: 'ngrok_api',
		placeholder: 'URL',
		help: 'Where an ngrok agent tells of its tunnels; one that leads here is taken where no address is given',
		allowed: baseUrlAllowed,
		schema: parsed(parseBaseUrl),
		modes: nodes,
		default: 'http://127.0.0.1:4040',
	},
	reach: {
		name: 'reach',
		placeholder: 'HOW',
		help: 'auto tells the coordinator an address, if there is one; links never does: this node opens links then',
		allowed: reaches.join(' or '),
		schema: oneOf(reaches),
		modes: nodes,
		default: 'auto',
		conflict: (value, {upnp}) =>
			upnp === true && value === 'links' ? 'auto, with --upnp: it is for an address' : undefined,
	},
	links: {
		name: 'links',
		placeholder: 'N',
		help: 'How many links stay open where the coordinator reaches this node over links; more are while these are busy',
		allowed: 'a whole number from 1 to 16',
		schema: wholeNumber(1, 16),
		modes: nodes,
		default: 4,
	},
	name: {
		name: 'name',
		placeholder: 'TEXT',
		help: "This node's name, for people",
		allowed: labelAllowed,
		schema: label,
		modes: nodes,
		default: {text: "the machine's name", from: (_, hostname) => hostname.slice(0, MAX_LABEL_LENGTH) || 'node'},
	},
	owner: {
		name: 'owner',
		placeholder: 'TEXT',
		help: 'The member whose node this is; copies are kept with different owners where it can be',
		allowed: labelAllowed,
		schema: label,
		modes: nodes,
		default: {text: 'the name', from: ({name}) => String(name)},
	},
	zone: {
		name: 'zone',
		placeholder: 'TEXT',
		help: 'What fails together, a house or a line; copies are kept in different zones where it can be',
		allowed: labelAllowed,
		schema: label,
		modes: nodes,
		default: {text: 'the owner', from: ({owner}) => String(owner)},
	},
	classic: {
		name: 'classic',
		help: "Join a coordinator of the prototype's kind",
		allowed: 'true or false',
		schema: switchSchema,
		modes: ['node'],
		default: false,
	},
	scrubDays: {
		name: 'scrub_days',
		placeholder: 'N',
		help: 'Within how many days the node reads each of its shards again, to find what went bad',
		allowed: 'a whole number from 1 to 365',
		schema: wholeNumber(1, 365),
		modes: ['node', 'local', 'join'],
		default: 30,
	},
	scrubBytesPerSecond: {
		name: 'scrub_rate',
		placeholder: 'SIZE',
		help: 'The most that it reads in a second for that, while it has nothing else to do; 0 is any',
		allowed: '0, or a size such as 500KB, 5MB or 1GB',
		schema: parsed(text => within(parseSize(text, 'B'), 0, Number.MAX_SAFE_INTEGER)),
		modes: ['node', 'local', 'join'],
		default: '5MB',
	},
	up: {
		name: 'up',
		placeholder: 'RATE',
		help: 'The most that the node sends in a second; 0 is any',
		allowed: limitRules.up.allowed,
		schema: size('up'),
		modes: nodes,
		default: 0,
	},
	down: {
		name: 'down',
		placeholder: 'RATE',
		help: 'The most that it takes in in a second; 0 is any',
		allowed: limitRules.down.allowed,
		schema: size('down'),
		modes: nodes,
		default: 0,
	},
	schedule: {
		name: 'schedule',
		placeholder: 'TEXT',
		help: 'Other rates by hours of the week: "mon-fri 08:00-18:00 up=1MB down=2MB; sat,sun up=5MB"',
		allowed: limitRules.schedule.allowed,
		schema: hours('schedule'),
		modes: nodes,
		default: 'none',
	},
	monthlyCapBytes: {
		name: 'monthly_cap',
		placeholder: 'SIZE',
		help: 'The most that its line carries in a month, both ways together; 0 is any',
		allowed: limitRules.monthly_cap.allowed,
		schema: size('monthly_cap'),
		modes: nodes,
		default: 0,
	},
	hours: {
		name: 'hours',
		placeholder: 'TEXT',
		help: 'When it takes part, "mon-fri 18:00-23:00; sat,sun"; outside of that nobody minds that it is away',
		allowed: limitRules.hours.allowed,
		schema: hours('hours'),
		modes: nodes,
		default: 'always',
	},
	remoteLimits: {
		name: 'remote_limits',
		help: 'Let its owner and admins set its limits from afar, on the page or with pjas-tui nodes limits',
		allowed: 'true or false',
		schema: switchSchema,
		modes: nodes,
		default: false,
	},
	service: {
		name: 'service',
		help: 'Have this machine start the node by itself from now on; --no-service does not ask about it',
		allowed: 'true or false',
		schema: switchSchema,
		modes: ['join'],
		isFlagOnly: true,
	},
	acceptOldMs: {
		name: 'accept_old',
		placeholder: 'TIME',
		help: 'How long the keys before are accepted; nodes that are away for longer must join again',
		allowed: 'a time from 0s to 365d with its unit, such as 12h or 7d',
		schema: parsed(text => within(parseDuration(text), 0, LONGEST_ACCEPTANCE_MS)),
		modes: ['rotate-keys'],
		default: '7d',
		isFlagOnly: true,
	},
	toFile: {
		name: 'to',
		placeholder: 'FILE',
		help: 'The file to write the backup to',
		allowed: 'the path of a file',
		schema: filePath,
		modes: ['backup'],
		isRequired: true,
		isFlagOnly: true,
		isPath: true,
	},
	fromFile: {
		name: 'from',
		placeholder: 'FILE',
		help: 'The backup to bring back',
		allowed: 'the path of a file',
		schema: filePath,
		modes: ['restore'],
		isRequired: true,
		isFlagOnly: true,
		isPath: true,
	},
	auditDeed: {
		name: 'deed',
		placeholder: 'verify',
		help: 'What to do with the audit log',
		allowed: 'verify',
		schema: oneOf(['verify']),
		modes: ['audit'],
		isRequired: true,
		position: 0,
		isFlagOnly: true,
	},
	headFile: {
		name: 'head',
		placeholder: 'FILE',
		help: 'A copy of audit.head that was kept elsewhere, in place of the one in the data folder',
		allowed: 'the path of a file',
		schema: filePath,
		modes: ['audit'],
		isFlagOnly: true,
		isPath: true,
	},
	json: {
		name: 'json',
		help: 'Say what was found as JSON, for programs',
		allowed: 'true or false',
		schema: switchSchema,
		modes: ['doctor', 'status'],
		default: false,
		isFlagOnly: true,
	},
	logFormat: {
		name: 'log_format',
		placeholder: 'FORMAT',
		help: 'How the lines of the log are written: json or text',
		allowed: 'json or text',
		schema: oneOf(['json', 'text']),
		modes,
		default: 'text',
	},
	logLevel: {
		name: 'log_level',
		placeholder: 'LEVEL',
		help: 'The least that is logged: debug, info, warn or error',
		allowed: 'debug, info, warn or error',
		schema: oneOf(['debug', 'info', 'warn', 'error']),
		modes,
		default: 'info',
	},
} as const satisfies Record<string, Setting>;

type Table = typeof settings;
type Value<S extends Setting> =
	z.output<S['schema']> | (S extends {default: unknown} | {isRequired: true} ? never : undefined);

/** The settings of a mode, ready for use: paths absolute, sizes in bytes, times in milliseconds. */
export type SettingsOf<M extends Mode> = {
	[Key in keyof Table as M extends Table[Key]['modes'][number] ? Key : never]: Value<Table[Key]>;
};

export const flagOf = (setting: Setting): string => (setting.short ?? setting.name).replaceAll('_', '-');
export const environmentNameOf = (setting: Setting): string => `PJAS_${(setting.short ?? setting.name).toUpperCase()}`;

/** The place of a setting among the words of a mode; none where it is a flag. */
export const placeOf = ({position, positions}: Setting, mode: Mode): number | undefined =>
	positions?.[mode] ?? position;

export const isRole = (mode: Mode): mode is Role => (roles as readonly Mode[]).includes(mode);

/** The settings that a mode takes, in the table's order. */
export const settingsFor = (mode: Mode): [string, Setting][] =>
	Object.entries<Setting>(settings).filter(([, setting]) => setting.modes.includes(mode));

export const isDerived = (value: Setting['default']): value is Derived => typeof value === 'object' && 'from' in value;

/** The default that doesn't follow from other settings. */
export const plainDefaultOf = (setting: Setting, mode: Mode): Given | undefined => {
	if (isDerived(setting.default)) return undefined;
	return typeof setting.default === 'object' ? setting.default[mode] : setting.default;
};
