import {setImmediate as turn} from 'node:timers/promises';
import test from 'ava';
import type {Examination, MemberLog, MemberStatus} from '../protocol/member-api.js';
import {createManualClock} from '../testing/manual-clock.js';
import {sampleMemberStatus} from '../testing/own-node.js';
import type {MemberApi} from './member.js';
import {createMemberLive} from './member-live.js';

const nowMs = Date.UTC(2026, 10, 23, 12);

const neverLooked: Examination = {
	...{success: true, started_at: null, ended_at: null, planned: ['folder', 'clock'], findings: [], problem: null},
};

/** A node in memory, which is there or not. */
const createNode = () => {
	const asked: string[] = [];
	const node = {
		status: sampleMemberStatus(nowMs),
		entries: [] as MemberLog['entries'],
		startedAt: 1,
		examination: neverLooked,
		isThere: true,
		asked,
		say(message: string) {
			node.entries.push({id: node.entries.length + 1, at: nowMs, level: 'info', message});
		},
	};
	const api = {
		status: async () => Promise.resolve(node.status),
		async log({limit, after = 0}: {limit: number; after?: number}) {
			asked.push(`log after ${after}`);
			const entries = node.entries.filter(({id}) => id > after).slice(-limit);
			return Promise.resolve({success: true as const, entries, started_at: node.startedAt});
		},
		async pause(paused: boolean): Promise<MemberStatus> {
			node.status = {...node.status, paused};
			return Promise.resolve(node.status);
		},
		examination: async () => Promise.resolve(node.examination),
		async examine() {
			node.examination = {...neverLooked, started_at: nowMs};
			return Promise.resolve(node.examination);
		},
	} as unknown as MemberApi;
	const connect = () => {
		if (!node.isThere) throw new Error('No node runs on ./storage: start it');
		return api;
	};

	return {node, connect};
};

const settle = async () => {
	for (let turns = 0; turns < 20; turns++) await turn();
};

const start = async () => {
	const {node, connect} = createNode();
	const clock = createManualClock(nowMs);
	const live = createMemberLive({connect, clock});
	const pass = async (ms: number) => {
		clock.pass(ms);
		await settle();
	};

	live.start();
	await settle();
	return {node, live, clock, pass, messages: () => live.get().log?.map(({message}) => message)};
};

test('the own node is asked again and again, and its log is followed from where it is', async t => {
	const {node, live, pass, messages} = await start();
	t.is(live.get().connection.state, 'live');
	t.is(live.get().status?.name, 'attic');
	t.deepEqual(messages(), []);
	node.say('one');
	await pass(1_000);
	node.say('two');
	await pass(1_000);
	t.deepEqual(messages(), ['one', 'two']);
	t.deepEqual(node.asked.slice(-2), ['log after 0', 'log after 1']);
	const before = live.get();
	await pass(1_000);
	t.is(live.get().status, before.status);
	t.is(live.get().log, before.log);
	live.stop();
});

test('a node that is away is waited for with what was known of it, and one that was started anew is seen to be another', async t => {
	const {node, live, pass, messages} = await start();
	node.say('one');
	node.say('two');
	await pass(1_000);
	node.isThere = false;
	await pass(1_000);
	const {connection, status} = live.get();
	t.like(connection, {state: 'stale', error: 'No node runs on ./storage: start it'});
	t.is(status?.name, 'attic');
	await pass(2_000);
	t.like(live.get().connection, {state: 'stale', sinceMs: (connection as {sinceMs: number}).sinceMs});
	Object.assign(node, {isThere: true, startedAt: 2, entries: []});
	node.say('anew');
	await pass(2_000);
	t.is(live.get().connection.state, 'live');
	t.deepEqual(messages(), ['anew']);
	node.isThere = false;
	await pass(1_000);
	node.isThere = true;
	live.retryNow();
	await settle();
	t.is(live.get().connection.state, 'live');
	live.stop();
});

test('what a deed answers is shown at once, and what the line carries becomes rates', async t => {
	const {node, live, pass} = await start();
	await live.act(async api => api.pause(true));
	t.true(live.get().status?.paused);
	node.status = {...node.status, month: {...node.status.month, up: node.status.month.up + 4096}};
	await pass(1_000);
	await pass(1_000);
	t.is(
		live.get().throughput.reduce((sum, {inRate}) => sum + inRate, 0),
		4096,
	);
	node.isThere = false;
	await t.throwsAsync(async () => live.act(async api => api.pause(false)), {message: /No node runs/});
	live.stop();
});

test('while a node looks for what is wrong, each finding is seen soon', async t => {
	const {node, live, pass} = await start();
	t.is(live.get().examination?.started_at, null);
	await live.examine();
	await settle();
	t.is(live.get().examination?.started_at, nowMs);
	const finding = {check: 'folder', outcome: 'fine', tried: 'Wrote', seen: 'That works', remedy: null} as const;
	node.examination = {...node.examination, findings: [finding]};
	await pass(300);
	t.is(live.get().examination?.findings.length, 1);
	node.examination = {...node.examination, ended_at: nowMs + 400};
	await pass(300);
	t.is(live.get().examination?.ended_at, nowMs + 400);
	live.stop();
});
