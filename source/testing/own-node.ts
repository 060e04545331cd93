import type {MemberLive, MemberState} from '../client/member-live.js';
import type {MemberConsole} from '../console/view.js';
import type {MemberStatus} from '../protocol/member-api.js';
import {createTestBase, type TestBase} from './console.js';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const GIB = 1024 ** 3;
const MIB = 1024 ** 2;

/** A node that gives 200 GiB, by a line with a cap. */
export const sampleMemberStatus = (nowMs: number, change: Partial<MemberStatus> = {}): MemberStatus => ({
	success: true,
	node_id: 'pjas-0123456789abcdef0123456789abcdef',
	name: 'attic',
	version: '2.0.0',
	started_at: nowMs - 3 * DAY_MS,
	storage: {
		used_bytes: 48 * GIB,
		allocated_bytes: 200 * GIB,
		free_bytes: 152 * GIB,
		chunk_count: 4915,
		usage_percent: 24,
	},
	limits: {
		space: {value: 200 * GIB, configured: 100 * GIB},
		up: {value: 2 * MIB, configured: 2 * MIB},
		down: {value: 0, configured: 0},
		schedule: {value: 'mon-fri 08:00-18:00 up=1mb', configured: 'none'},
		monthly_cap: {value: 500 * GIB, configured: 500 * GIB},
		hours: {value: 'always', configured: 'always'},
		remote_limits: {value: 'off', configured: 'off'},
	},
	line: {up: 2 * MIB, down: 0},
	time_zone: 'Europe/Berlin',
	today: {up: 1.5 * GIB, down: 300 * MIB},
	month: {up: 100 * GIB, down: 55 * GIB},
	paused: false,
	leaving: 'no',
	coordinator: {
		...{url: 'https://pjas.example.org/api', heard_at: nowMs, problem: null},
		...{version: '2.1.0', reach: 'link', links: 4},
	},
	scrub: {started_at: nowMs - 9 * DAY_MS, progress: 0.4, completed_at: nowMs - 10 * DAY_MS, faults: 0},
	standing: {
		...{score: 87.2, audits_passed: 120, audits_failed: 1},
		...{last_audit_at: nowMs - HOUR_MS, last_passed_at: nowMs - HOUR_MS},
	},
	suspended: null,
	maintenance: null,
	drain: null,
	...change,
});

export type TestMemberConsole = MemberConsole &
	TestBase & {
		/** Replaces parts of what is known of the node. */
		put: (change: Partial<MemberState>) => void;
	};

type Given = {state?: Partial<MemberState>; node?: Partial<MemberLive>; isReadOnly?: boolean; nowMs?: number};

const initial: MemberState = {
	connection: {state: 'live'},
	status: undefined,
	log: undefined,
	throughput: [],
	examination: undefined,
};

/** A member's console without a terminal and a node. */
export const createTestMemberConsole = ({state: given = {}, node = {}, ...base}: Given = {}): TestMemberConsole => {
	let state = {...initial, ...given};
	const unexpected = (what: string) => () => {
		throw new Error(`node.${what} was not expected`);
	};

	return {
		...createTestBase(base),
		put(change) {
			state = {...state, ...change};
		},
		place: './storage',
		go: () => undefined,
		node: {
			get: () => state,
			subscribe: () => () => undefined,
			start: () => undefined,
			retryNow: () => undefined,
			act: unexpected('act'),
			ask: unexpected('ask'),
			examine: unexpected('examine'),
			stop: () => undefined,
			...node,
		},
	};
};
