import {stat, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {type WebhookEvent, webhookEventSchema} from '../../../source/protocol/alerts-api.js';
import {systemRandom} from '../../adapters/system.js';
import {openAlertBook} from './alert-book.js';
import {alertFile, ALERTS_FILE} from './alert-file.js';
import {webhookHeaders, webhookKeyIn} from './signature.js';
import {createWebhooks} from './webhooks.js';
import type {Post, Posted} from '../../ports/post.js';
import {manualClock} from '../../testing/manual-clock.js';
import {temporaryFolder} from '../../testing/processes.js';
import {recordingLog} from '../../testing/recording-log.js';
import {silentLog} from '../../testing/silent-log.js';
import {bookOf, WEBHOOK_SECRET, webhookKey as key} from '../../testing/alerts.js';

const {signal} = new AbortController();
const MINUTE_MS = 60_000;

const eventOf = (about: string, type: WebhookEvent['type'] = 'alert.opened'): WebhookEvent => ({
	type,
	timestamp: '2026-11-27T12:00:00.000Z',
	data: {
		alert: {
			...{alert_id: about, code: 'NODE_AWAY', severity: 'warning', text: 'Node attic is away', remedy: 'Start it'},
			...{node_id: null, opened_at: 1},
		},
		resolved_at: null,
	},
});

type Sent = {url: string; headers: Readonly<Record<string, string>>; body: string; at: number};

/** Webhooks over a clock that the test moves, whose receivers answer as `answers` say. */
const startWebhooks = async (
	answer: (sent: Sent) => Promise<Posted>,
	urls = ['https://a.example/hook?token=secret'],
) => {
	const clock = manualClock();
	const book = await bookOf();
	const log = recordingLog();
	const sent: Sent[] = [];
	const told: Post = async (url, {headers, body}, aborted) => {
		const each = {url, headers, body, at: clock.now()};
		sent.push(each);
		return Promise.race([
			answer(each),
			new Promise<never>((_, reject) => {
				aborted.addEventListener('abort', () => reject(aborted.reason as Error));
			}),
		]);
	};

	const webhooks = createWebhooks({
		urls,
		key,
		book,
		post: told,
		clock,
		random: {...systemRandom, float: () => 0.5},
		log,
	});
	const put = async (event: WebhookEvent) =>
		book.change(record => ({...record, deliveries: [...record.deliveries, ...webhooks.deliveriesOf(event)]}));
	/** Takes a step every two seconds. */
	const pass = async (ms: number) => {
		for (let passed = 0; passed < ms; passed += 2_000) {
			await clock.advance(2_000);
			await webhooks.step(signal);
		}
	};

	return {clock, book, log, sent, webhooks, put, pass};
};

const fine = async (): Promise<Posted> => Promise.resolve({status: 204});

test('a delivery is signed as Standard Webhooks have it', t => {
	const body = '{"test": 2432232314}';
	const signed = {id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', timestampS: 1_614_265_330, body};
	t.deepEqual(webhookHeaders(key, signed), {
		'content-type': 'application/json',
		'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
		'webhook-timestamp': '1614265330',
		'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
	});
	for (const wrong of [
		'',
		'whsec_',
		'whsec_c2hvcnQ=',
		WEBHOOK_SECRET.slice(6),
		`${WEBHOOK_SECRET}!`,
		`whsec_${'A'.repeat(120)}`,
	]) {
		t.is(webhookKeyIn(wrong), undefined, wrong);
	}
});

test('what a receiver takes is told it once, in order, each under an id of its own', async t => {
	const {book, put, pass, sent, webhooks} = await startWebhooks(fine, ['https://a.example/x', 'https://b.example/y']);
	await put(eventOf('one'));
	await put(eventOf('one', 'alert.resolved'));
	await pass(4_000);
	const types = sent.map(({url, body}) => [new URL(url).host, webhookEventSchema.parse(JSON.parse(body)).type]);
	t.deepEqual(
		types.filter(([host]) => host === 'a.example').map(([, type]) => type),
		['alert.opened', 'alert.resolved'],
	);
	t.is(types.length, 4);
	t.is(new Set(sent.map(({headers}) => headers['webhook-id'])).size, 4);
	t.deepEqual(book.get().deliveries, []);
	await pass(10_000);
	t.is(sent.length, 4);
	t.like(webhooks.status()[0], {receiver: 'https://a.example', pending: 0, problem: null});
});

test('a receiver that fails is tried again with growing waits under the same id, and gets what came later after it', async t => {
	let isWell = false;
	const {clock, log, put, pass, sent, webhooks} = await startWebhooks(async () =>
		Promise.resolve({status: isWell ? 200 : 500}),
	);
	const startAt = clock.now();
	await put(eventOf('one'));
	await put(eventOf('one', 'alert.resolved'));
	await pass(60 * MINUTE_MS);
	const waits = sent.map(({at}, index) => at - (sent[index - 1]?.at ?? startAt));
	t.deepEqual(
		waits.slice(0, 6).map(ms => Math.round(ms / 10_000)),
		[0, 1, 3, 12, 30, 90],
	);
	t.is(new Set(sent.map(({headers}) => headers['webhook-id'])).size, 1);
	t.like(webhooks.status()[0], {pending: 2, problem: 'it answered 500'});
	const warnings = log.entries.filter(({level}) => level === 'warn');
	t.is(warnings.length, 1, 'the log is told once');
	t.false(JSON.stringify(log.entries).includes('secret'), "a receiver's path and query may be secrets");

	isWell = true;
	await pass(60 * MINUTE_MS);
	t.deepEqual(
		sent.slice(-2).map(({body}) => webhookEventSchema.parse(JSON.parse(body)).type),
		['alert.opened', 'alert.resolved'],
	);
	t.like(webhooks.status()[0], {pending: 0, problem: null});
});

test('a receiver that hangs is given up after ten seconds, and holds up no other one', async t => {
	const {clock, book, put, sent, webhooks} = await startWebhooks(
		async ({url}) => (url.includes('slow') ? new Promise(() => undefined) : fine()),
		['https://slow.example', 'https://quick.example'],
	);
	await put(eventOf('one'));
	const stepping = webhooks.step(signal);
	await clock.advance(1);
	t.is(book.get().deliveries.length, 1, 'the quick one has it');
	await clock.advance(10_000);
	await stepping;
	t.is(sent.length, 2);
	t.is(webhooks.status()[0]?.problem, 'it did not answer within 10 seconds');
});

test('a receiver that asks for time gets it, one that is gone is told no more, and after a day nobody is', async t => {
	const asked = await startWebhooks(async () => Promise.resolve({status: 429, retryAfterMs: 600_000}));
	await asked.put(eventOf('one'));
	await asked.pass(9 * MINUTE_MS);
	t.is(asked.sent.length, 1);
	await asked.pass(2 * MINUTE_MS);
	t.is(asked.sent.length, 2);
	await asked.clock.advance(25 * 60 * MINUTE_MS);
	await asked.pass(2_000);
	t.deepEqual(asked.book.get().deliveries, []);
	t.true(asked.log.entries.some(({level, message}) => level === 'error' && message.includes('in a day')));

	const gone = await startWebhooks(async () => Promise.resolve({status: 410}));
	await gone.put(eventOf('one'));
	await gone.pass(2_000);
	t.deepEqual(gone.book.get().deliveries, []);
	t.regex(gone.webhooks.status()[0]?.problem ?? '', /Take it out/);
});

test('what waits for a receiver that is no longer configured is forgotten', async t => {
	const before = await startWebhooks(async () => Promise.resolve({status: 500}));
	await before.put(eventOf('one'));
	const book = await bookOf(before.book.get());
	const options = {urls: ['https://other.example'], key, book, post: fine, clock: manualClock(), random: systemRandom};
	await createWebhooks({...options, log: silentLog}).step(signal);
	t.deepEqual(book.get().deliveries, []);
});

test('a book that can not be read or written keeps nobody from being told', async t => {
	const folder = temporaryFolder(t);
	const log = recordingLog();
	const file = alertFile({folder, log});
	t.deepEqual(await file.read(), {open: [], deliveries: []});
	t.is(log.entries.length, 0);
	await writeFile(path.join(folder, ALERTS_FILE), '{"version": 1, "open": [{"co');
	t.deepEqual(await file.read(), {open: [], deliveries: []});
	t.regex(log.entries[0]?.message ?? '', /alerts\.json can't be read/);
	const record = {
		open: [
			{
				...({id: 'alert_1', code: 'NODE_AWAY', severity: 'warning', text: 'a', remedy: 'b', openedAt: 5} as const),
			},
		],
		deliveries: [{id: 'msg_1', to: 'x', about: 'alert_1', body: '{}', createdAt: 1, tries: 2, dueAt: 3}],
	};
	await file.write(record);
	t.deepEqual(await file.read(), record);
	t.is((await stat(path.join(folder, ALERTS_FILE))).mode & 0o777, 0o600);

	const full = await openAlertBook(
		{read: file.read, write: async () => Promise.reject(new Error('no space left'))},
		log,
	);
	await full.change(({deliveries}) => ({open: [], deliveries}));
	await full.change(({open}) => ({open, deliveries: []}));
	t.deepEqual(full.get(), {open: [], deliveries: []});
	t.is(log.entries.filter(({message}) => message.includes('can not be written down')).length, 1);
});
