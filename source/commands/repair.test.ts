import test from 'ava';
import type {Api, RepairView} from '../client/contract.js';
import type {AlertsView, MovesView} from '../client/healing-contract.js';
import {createCommandContext} from '../testing/command-context.js';
import {alerts} from './alerts.js';
import {repair} from './repair.js';

const file = 'ab'.repeat(16);

const viewOf = (change: Partial<RepairView> = {}): RepairView => ({
	paused: false,
	grace_ms: 900_000,
	at_once: 4,
	rate: 20 * 1024 ** 2,
	bytes_per_s: 1024 ** 2,
	waiting: 1,
	blocked: 1,
	surplus: 0,
	active: [
		{file_id: file, index: 3, size: 1000, copies: 1, from: 'pjas-00000001', to: ['pjas-00000002'], started_at: 1},
	],
	short: [
		{file_id: file, index: 4, copies: 2, reason: 'no-space', due_at: 1_767_323_045_000},
		{file_id: file, index: 5, copies: 2, reason: null, due_at: 1_767_323_045_000},
	],
	done: {chunks: 2, shards: 3, bytes: 2048, forgotten: 0},
	...change,
});

const moves: MovesView = {
	paused: false,
	waiting: 3,
	blocked: 1,
	reason: 'no-space',
	active: [
		{
			...{file_id: file, index: 9, size: 2048, from: 'pjas-00000001', to: 'pjas-00000002'},
			...{reason: 'drain', started_at: 1},
		},
	],
	bytes_per_s: 1024,
	done: {shards: 5, bytes: 4096},
};

/** Runs the command against an API that notes what it is asked for. */
const run = async (words: readonly string[], flags: Record<string, true> = {}) => {
	const asked: string[] = [];
	const api: Partial<Api> = {
		async repair() {
			asked.push('status');
			return Promise.resolve(viewOf());
		},
		moves: async () => Promise.resolve(moves),
		async pauseRepair(isPaused) {
			asked.push(isPaused ? 'pause' : 'resume');
			return Promise.resolve(viewOf({paused: isPaused}));
		},
		async repairFile(id) {
			asked.push(id);
			return Promise.resolve(2);
		},
		file: async id => Promise.resolve({file_id: id, filename: 'bell\u0007'} as never),
		nodes: async () => Promise.resolve([{node_id: 'pjas-00000001', name: 'attic'} as never]),
	};
	const {context, printed} = createCommandContext({api, words, flags});
	const code = await repair(context);
	return {code, text: printed(), asked};
};

test('repair tells what goes on, what waits and why', async t => {
	const {code, text, asked} = await run([]);
	t.is(code, 0);
	t.deepEqual(asked, ['status']);
	t.regex(text, /^Repair +on$/m);
	t.regex(text, /^Can't be repaired now +1$/m);
	t.regex(text, /^Rate +1 MiB\/s now, at most 20 MiB\/s$/m);
	t.regex(text, new RegExp(`${file} +3 +1 .* attic +pjas-00000002`));
	t.regex(text, new RegExp(`${file} +4 +2 .*no other node has the room`));
	t.regex(text, /^Can't be moved now +1: no other node has the room/m);
	t.regex(text, new RegExp(`${file} +9 +2 KiB +attic +pjas-00000002 +drain`));
	t.deepEqual(JSON.parse((await run(['status'], {json: true})).text), {...viewOf(), moves});
});

test('it is paused and resumed, and a file is repaired now, but not with --read-only', async t => {
	const paused = await run(['pause']);
	t.deepEqual(paused.asked, ['pause']);
	t.regex(paused.text, /^Repair +paused$/m);
	t.deepEqual((await run(['resume'])).asked, ['resume']);
	const one = await run([file]);
	t.deepEqual(one.asked, [file]);
	t.is(one.text, 'bell\\u0007: 2 chunks are repaired now\n');
	for (const word of ['pause', 'resume', file]) {
		await t.throwsAsync(run([word], {'read-only': true}), {message: /--read-only refuses that/});
	}

	t.deepEqual((await run(['status'], {'read-only': true})).asked, ['status']);
});

const alarming: AlertsView = {
	open: [
		{
			...{alert_id: 'alert_1', code: 'CHUNKS_AT_ONE_COPY', severity: 'critical', node_id: null},
			...{text: '2 chunks have one copy left\u0007', remedy: 'Bring nodes back', opened_at: 1_767_323_045_000},
		},
	],
	webhooks: [
		{receiver: 'https://a.example', pending: 2, problem: 'it answered 500', delivered_at: null},
		{receiver: 'https://b.example', pending: 0, problem: null, delivered_at: null},
	],
};

const runAlerts = async (words: readonly string[], flags: Record<string, true> = {}, view = alarming) => {
	const api: Partial<Api> = {
		alerts: async () => Promise.resolve(view),
		testAlerts: async () =>
			Promise.resolve([
				{receiver: 'https://a.example', delivered: false, problem: 'it answered 500'},
				{receiver: 'https://b.example', delivered: true, problem: null},
			]),
	};
	const {context, printed} = createCommandContext({api, words, flags});
	return {code: await alerts(context), text: printed()};
};

test('alerts lists what is open with its remedy, and how it stands with who is told', async t => {
	const {code, text} = await runAlerts([]);
	t.is(code, 0);
	t.regex(text, /^CRITICAL {2}CHUNKS_AT_ONE_COPY, since 2026-/m);
	t.regex(text, /^ +2 chunks have one copy left/m);
	t.false(text.includes('\u0007'));
	t.regex(text, /^ +Bring nodes back$/m);
	t.regex(text, /^ {2}https:\/\/a\.example: it answered 500, 2 waiting$/m);
	t.regex(text, /^ {2}https:\/\/b\.example: nothing told yet$/m);
	t.deepEqual(JSON.parse((await runAlerts(['list'], {json: true})).text), alarming);
	const nothing = await runAlerts([], {}, {open: [], webhooks: []});
	t.regex(nothing.text, /^No alert is open\n\nNo webhook is told: start the coordinator with --webhook URL\n$/);
});

test('alerts test says what each receiver answered, and by its code whether all have it', async t => {
	const {code, text} = await runAlerts(['test']);
	t.deepEqual([code, text], [1, 'https://a.example: it answered 500\nhttps://b.example: has the test\n']);
	await t.throwsAsync(runAlerts(['test'], {'read-only': true}), {message: /--read-only refuses/});
	await t.throwsAsync(runAlerts(['tset']), {message: /"tset" is nothing that alerts does: list or test/});
	await t.throwsAsync(runAlerts(['list', 'all']), {message: /one word too many/});
});
