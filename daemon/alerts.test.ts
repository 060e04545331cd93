import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {stat, writeFile} from 'node:fs/promises';
import {createServer, type IncomingMessage, type ServerResponse} from 'node:http';
import type {AddressInfo} from 'node:net';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import test, {type ExecutionContext} from 'ava';
import {
	alertsAnswerSchema,
	alertsTestedSchema,
	type WebhookEvent,
	webhookEventSchema,
} from '../source/protocol/alerts-api.js';
import {backupCatalog, readBackedUpAt} from './adapters/catalog-backup.js';
import {post} from './adapters/post.js';
import {systemClock, systemRandom} from './adapters/system.js';
import {type AlertBook, openAlertBook} from './coordinator/alerts/alert-book.js';
import {alertFile, ALERTS_FILE, type AlertRecord} from './coordinator/alerts/alert-file.js';
import {webhookHeaders, webhookKeyIn} from './coordinator/alerts/signature.js';
import {createWebhooks} from './coordinator/alerts/webhooks.js';
import type {Post, Posted} from './ports/post.js';
import {startCoordinator} from './roles/coordinator.js';
import {manualClock} from './testing/manual-clock.js';
import {startPeopleNetwork} from './testing/people.js';
import {keptPort, temporaryFolder, until} from './testing/processes.js';
import {recordingLog} from './testing/recording-log.js';
import {silentLog} from './testing/silent-log.js';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const key = webhookKeyIn(SECRET) ?? Buffer.alloc(0);
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

/** A book that is only in memory, as after a restart where `record` is given. */
const bookOf = async (record: AlertRecord = {open: [], deliveries: []}): Promise<AlertBook> =>
	openAlertBook({read: async () => Promise.resolve(record), write: async () => Promise.resolve()}, silentLog);

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
	for (const wrong of ['', 'whsec_', 'whsec_c2hvcnQ=', SECRET.slice(6), `${SECRET}!`, `whsec_${'A'.repeat(120)}`]) {
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

type Receiver = {url: string; got: {headers: IncomingMessage['headers']; body: string}[]};

/** A receiver on loopback. */
const startReceiver = async (
	t: ExecutionContext,
	answer: (response: ServerResponse, count: number) => void = response => response.writeHead(204).end(),
): Promise<Receiver> => {
	const got: Receiver['got'] = [];
	const server = createServer((request, response) => {
		let body = '';
		request.setEncoding('utf8').on('data', (piece: string) => (body += piece));
		request.on('end', () => {
			got.push({headers: request.headers, body});
			answer(response, got.length);
		});
	});
	await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
	t.teardown(() => {
		server.closeAllConnections();
		server.close();
	});
	return {url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, got};
};

const isSigned = ({headers, body}: Receiver['got'][number]): boolean => {
	const expected = webhookHeaders(key, {
		id: String(headers['webhook-id']),
		timestampS: Number(headers['webhook-timestamp']),
		body,
	});
	return headers['webhook-signature'] === expected['webhook-signature'];
};

test('a test of the webhooks says for each receiver what is wrong, and follows no redirect', async t => {
	const target = await startReceiver(t);
	const good = await startReceiver(t);
	const moved = await startReceiver(t, response => response.writeHead(307, {location: `${target.url}/secret`}).end());
	const broken = await startReceiver(t, response => response.writeHead(500).end('x'.repeat(100_000)));
	const cut = await startReceiver(t, response => response.destroy());
	const urls = [good, moved, broken, cut].map(({url}) => `${url}/hook?token=secret`);
	const more = {alerts: {urls: [...urls, 'http://127.0.0.1:1/'], key, post, ...(await restOf())}};
	const network = await startPeopleNetwork(t, {more});
	t.is((await network.as(await network.addAccount('mia'))('POST', '/api/alerts/test')).status, 403);
	const answer = await network.as(network.adminToken)('POST', '/api/alerts/test');
	const {deliveries} = alertsTestedSchema.parse(await answer.json());
	t.deepEqual(
		deliveries.map(({receiver, delivered}) => [receiver, delivered]),
		[
			[good.url, true],
			[moved.url, false],
			[broken.url, false],
			[cut.url, false],
			['http://127.0.0.1:1', false],
		],
	);
	const problems = deliveries.map(({problem}) => problem ?? '');
	t.is(problems[0], '');
	t.regex(problems[1] ?? '', new RegExp(`307 and points to ${target.url}: redirects are not followed`));
	t.is(problems[2], 'it answered 500');
	t.is(problems[3], 'the connection was cut off');
	t.true((problems[4] ?? '').length > 0);
	t.false(JSON.stringify(deliveries).includes('secret'));
	t.is(target.got.length, 0);
	t.true(good.got.every(isSigned));
	t.like(JSON.parse(good.got[0]?.body ?? ''), {type: 'alert.test', data: {alert: null}});

	const without = await startPeopleNetwork(t);
	const refused = await without.as(without.adminToken)('POST', '/api/alerts/test');
	t.is(refused.status, 400);
	t.like(await refused.json(), {code: 'INVALID_CONFIGURATION'});
});

/** What a coordinator of these tests is given beside its receivers. */
const restOf = async () => ({
	book: await bookOf(),
	limits: {awayMs: 15 * MINUTE_MS, backupMs: 7 * 24 * 60 * MINUTE_MS},
	backupAt: async () => Promise.resolve(undefined),
	disk: async () => Promise.resolve(undefined),
	heap: () => ({liveBytes: 0, limitBytes: 1}),
});

test('an alert is opened, told and taken back, and what was not delivered is after a restart', async t => {
	const clock = manualClock(Date.now());
	let isBroken = true;
	const receiver = await startReceiver(t, response => response.writeHead(isBroken ? 500 : 204).end());
	const folder = path.join(temporaryFolder(t), 'data');
	const settings = {
		...{log: silentLog, clock, random: systemRandom, version: '2.0.0', host: '127.0.0.1', port: 0},
		...{
			replicas: 3,
			minReplicas: 1,
			nodeTimeoutMs: 15_000,
			open: true,
			allowClassic: false,
			memoryBytes: 64 * 1024 ** 2,
		},
		...{repairGraceMs: 900_000, repairAtOnce: 4, repairBytesPerSecond: 0, trashDays: 0, uploadDays: 7},
		...{dataFolder: folder, webhooks: [`${receiver.url}/hook`], webhookKey: key, alertBackupMs: 10 * MINUTE_MS},
	};
	const running = await startCoordinator(settings);
	const alertsAt = async (url: string) =>
		alertsAnswerSchema.parse(await (await fetch(`${url}/api/alerts`)).json()).alerts;
	t.deepEqual((await alertsAt(running.url)).open, []);

	await backupCatalog({dataFolder: folder, toFile: path.join(folder, '..', 'copy'), clock});
	t.is(await readBackedUpAt(folder), clock.now());
	/** Lets time pass until something is so: what is done meanwhile takes real time. */
	const passUntil = async (what: string, isSo: () => Promise<boolean>) =>
		until(what, async () => {
			await clock.advance(5_000);
			return isSo();
		});
	await clock.advance(10 * MINUTE_MS);
	await passUntil('the alert is open', async () => (await alertsAt(running.url)).open.length === 1);
	await passUntil('its receiver was asked', async () => Promise.resolve(receiver.got.length > 0));
	const shown = await alertsAt(running.url);
	t.like(shown.open[0], {code: 'BACKUP_TOO_OLD', severity: 'warning', node_id: null});
	t.like(shown.webhooks, {0: {receiver: receiver.url, pending: 1}});
	await running.close();

	isBroken = false;
	const again = await startCoordinator(settings);
	t.teardown(again.close);
	t.is((await alertsAt(again.url)).open[0]?.alert_id, shown.open[0]?.alert_id);
	const delivered = () => receiver.got.map(({body}) => webhookEventSchema.parse(JSON.parse(body)));
	await passUntil('it has the alert', async () => (await alertsAt(again.url)).webhooks[0]?.pending === 0);
	const ids = new Set(receiver.got.map(({headers}) => headers['webhook-id']));
	t.is(ids.size, 1, 'the same delivery');
	t.true(receiver.got.every(isSigned));

	await backupCatalog({dataFolder: folder, toFile: path.join(folder, '..', 'copy-2'), clock});
	await passUntil('it is taken back', async () => Promise.resolve(delivered().at(-1)?.type === 'alert.resolved'));
	t.is(delivered().at(-1)?.data.alert?.alert_id, shown.open[0]?.alert_id);
	t.deepEqual((await alertsAt(again.url)).open, []);
	const {logs} = (await (await fetch(`${again.url}/api/logs`)).json()) as {logs: {message: string}[]};
	const said = logs.map(({message}) => message).filter(message => /backup/.test(message));
	t.deepEqual(said, [
		'Alert: The last backup is older than 10 minutes. Make one: pjas-daemon backup --data DIR --to FILE',
		'Over: The last backup is older than 10 minutes',
	]);
});

test('sign-ins that fail again and again, and different tokens that are wrong, are told of, and events tell operators of alerts', async t => {
	const clock = manualClock(systemClock.now());
	const network = await startPeopleNetwork(t, {clock});
	const call = network.as(network.adminToken);
	const stream = (await call('GET', '/api/events')).body?.pipeThrough(new TextDecoderStream()).getReader();
	t.teardown(async () => stream?.cancel());
	await clock.advance(90_000);
	const open = async () => {
		const {alerts} = alertsAnswerSchema.parse(await (await call('GET', '/api/alerts')).json());
		return alerts.open.map(({code}) => code);
	};
	// A program that goes on with a token that has expired guesses at nothing.
	for (let tries = 0; tries < 25; tries++) t.is((await network.as('expired')('GET', '/api/files')).status, 401);
	for (let tries = 0; tries < 10; tries++) await network.as(`guess-${tries}`)('GET', '/api/files');
	await clock.advance(30_000);
	t.deepEqual(await open(), []);
	for (let tries = 0; tries < 10; tries++) {
		await network.as(undefined)('POST', '/api/session', {json: {name: 'admin', password: `guess ${tries}`}});
	}

	let told = '';
	const reading = (async () => {
		while (!told.includes('SIGN_INS_FAIL')) {
			const {value, done} = (await stream?.read()) ?? {done: true};
			if (done) throw new Error('the events ended');
			told += value;
		}
	})();
	await until('the alert is open', async () => {
		await clock.advance(5_000);
		return (await open()).includes('SIGN_INS_FAIL');
	});
	await clock.advance(5_000);
	await reading;
	t.regex(told, /event: alerts\ndata: .*SIGN_INS_FAIL.*21 sign-ins.*guessing passwords or tokens/);
});

test('the receiver of the README takes what is signed, once, and nothing else', async t => {
	const program = fileURLToPath(new URL('../../packaging/monitoring/receiver.mjs', import.meta.url));
	const port = await keptPort();
	const environment = {...process.env, PJAS_WEBHOOK_SECRET: SECRET};
	const receiver = spawn(process.execPath, [program, String(port)], {
		env: environment,
		stdio: ['ignore', 'pipe', 'inherit'],
	});
	t.teardown(() => receiver.kill());
	let printed = '';
	receiver.stdout.setEncoding('utf8').on('data', (piece: string) => (printed += piece));
	await once(receiver.stdout, 'data');
	const body = '{"type":"alert.test"}';
	const nowS = Math.floor(systemClock.now() / 1000);
	const send = async (headers: Record<string, string>) =>
		(await post(`http://127.0.0.1:${port}/`, {headers, body}, signal)).status;
	const signed = webhookHeaders(key, {id: 'msg_1', timestampS: nowS, body});
	const old = webhookHeaders(key, {id: 'msg_2', timestampS: nowS - 600, body});
	t.is(await send(old), 401);
	t.is(await send({...signed, 'webhook-id': 'msg_3'}), 401);
	t.is(await send({}), 401);
	t.deepEqual([await send(signed), await send(signed)], [204, 204]);
	await until('it is printed', async () => Promise.resolve(printed.includes(body)));
	t.is(printed.split('alert.test').length - 1, 1);
});
