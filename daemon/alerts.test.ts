import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {createServer, type IncomingMessage, type ServerResponse} from 'node:http';
import type {AddressInfo} from 'node:net';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import test, {type ExecutionContext} from 'ava';
import {alertsAnswerSchema, alertsTestedSchema, webhookEventSchema} from '../source/protocol/alerts-api.js';
import {backupCatalog, readBackedUpAt} from './adapters/catalog-backup.js';
import {post} from './adapters/post.js';
import {systemClock, systemRandom} from './adapters/system.js';
import {webhookHeaders} from './coordinator/alerts/signature.js';
import {startCoordinator} from './roles/coordinator.js';
import {manualClock} from './testing/manual-clock.js';
import {startPeopleNetwork} from './testing/people.js';
import {keptPort, temporaryFolder, until} from './testing/processes.js';
import {silentLog} from './testing/silent-log.js';
import {bookOf, WEBHOOK_SECRET, webhookKey as key} from './testing/alerts.js';

const {signal} = new AbortController();
const MINUTE_MS = 60_000;

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
	const environment = {...process.env, PJAS_WEBHOOK_SECRET: WEBHOOK_SECRET};
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
