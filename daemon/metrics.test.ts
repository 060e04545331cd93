import {spawnSync} from 'node:child_process';
import {readFileSync} from 'node:fs';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import test, {type ExecutionContext} from 'ava';
import {systemClock, systemRandom} from './adapters/system.js';
import {createDurations, createTally, type Tally} from './core/metrics.js';
import {createProcessMetrics, metricsText} from './http/metrics.js';
import {type Contact, createContact} from './node/contact.js';
import {createNodeMeters} from './node/meters.js';
import {nodeMetrics} from './node/metrics.js';
import {startCoordinator} from './roles/coordinator.js';
import {startNode} from './roles/node.js';
import {type Metrics, parseMetrics} from './testing/metrics.js';
import {formOf, passwordOf, startPeopleNetwork} from './testing/people.js';
import {temporaryFolder, until} from './testing/processes.js';
import {silentLog} from './testing/silent-log.js';

const TOKEN = 'a token that Prometheus has'.replaceAll(' ', '-');
const surroundings = {log: silentLog, clock: systemClock, random: systemRandom, version: '2.0.0', host: '127.0.0.1'};

const read = async (url: string, token?: string) => {
	const answer = await fetch(`${url}/metrics`, {...(token && {headers: {authorization: `Bearer ${token}`}})});
	return {status: answer.status, type: answer.headers.get('content-type'), text: await answer.text()};
};

const fileOf = (name: string) => fileURLToPath(new URL(`../../packaging/monitoring/${name}`, import.meta.url));

/** What the dashboard, its variables aside, and the rules ask of Prometheus. */
const expressions = (): string[] => {
	const dashboard = readFileSync(fileOf('grafana-dashboard.json'), 'utf8');
	const {panels} = JSON.parse(dashboard) as {panels: {type: string; targets?: {expr: string}[]}[]};
	const asked = panels.filter(({type}) => type !== 'row').map(({targets = []}) => targets.map(({expr}) => expr));
	const rules = [...readFileSync(fileOf('alerts.yml'), 'utf8').matchAll(/^ +expr: (.+)$/gm)].map(
		([, expr = '']) => expr,
	);
	if (asked.length < 20 || asked.some(each => each.length === 0) || rules.length < 5)
		throw new Error('they are missing');
	return [...asked.flat(), ...rules];
};

/** What of that no `/metrics` gives: names, and labels that a name has not. Prometheus itself adds `up`, `job` and `instance`. */
const unknownIn = (asked: readonly string[], told: readonly Metrics[]): string[] => {
	const types = new Map(told.flatMap(metrics => [...metrics.types]));
	const labels = new Map<string, Set<string>>();
	for (const {name, labels: of} of told.flatMap(metrics => metrics.series)) {
		labels.set(name, new Set([...(labels.get(name) ?? ['job', 'instance']), ...Object.keys(of)]));
	}

	return asked.flatMap(expression =>
		[...expression.matchAll(/\b((?:pjas|process|nodejs)_\w+)(?:\{([^}]*)\})?/g)].flatMap(
			([, name = '', matchers = '']) => {
				if (!labels.has(name) && !types.has(name)) return [name];
				const keys = [...matchers.matchAll(/(\w+)[=!]/g)].map(([, key = '']) => key);
				return keys.filter(key => !labels.get(name)?.has(key)).map(key => `${name}{${key}}`);
			},
		),
	);
};

const metricsOf = async (t: ExecutionContext, url: string, token?: string) => {
	const {status, type, text} = await read(url, token);
	t.is(status, 200, text);
	t.is(type, 'text/plain; version=0.0.4; charset=utf-8');
	return {text, ...parseMetrics(text)};
};

test('a tally counts by labels, and tells of what is known before it was counted', t => {
	const tally = createTally<'result'>([{result: 'stored'}]);
	tally.add({result: 'failed'});
	tally.add({result: 'failed'}, 2);
	t.deepEqual(tally.samples(), [
		{labels: {result: 'stored'}, value: 0},
		{labels: {result: 'failed'}, value: 3},
	]);
});

test('a histogram of durations has buckets that take in the smaller ones, a sum and a count', async t => {
	const durations = createDurations<'route'>([0.1, 1]);
	for (const seconds of [0.1, 0.5, 7]) durations.add({route: '/a"\\'}, seconds);
	const text = await metricsText([{name: 'x_seconds', help: 'x', type: 'histogram', samples: durations.samples()}]);
	const {series} = parseMetrics(text);
	t.deepEqual(
		series.map(({name, labels, value}) => [name, labels['le'], value]),
		[
			['x_seconds_bucket', '0.1', 1],
			['x_seconds_bucket', '1', 2],
			['x_seconds_bucket', '+Inf', 3],
			['x_seconds_sum', undefined, 7.6],
			['x_seconds_count', undefined, 3],
		],
	);
	t.true(series.every(({labels}) => labels['route'] === String.raw`/a\"\\`));
});

test("a coordinator's metrics are for operators and for who has their token, which opens nothing else", async t => {
	const network = await startPeopleNetwork(t, {more: {metricsToken: TOKEN}});
	const member = await network.addAccount('mia');
	const operator = await network.addAccount('otto', 'operator');
	const statuses = [];
	for (const token of [undefined, 'some-other-token-of-length', member, operator, network.adminToken, TOKEN]) {
		statuses.push((await read(network.url, token)).status);
	}

	t.deepEqual(statuses, [401, 401, 403, 200, 200, 200]);
	for (const path of ['/api/stats', '/api/nodes', '/api/files', '/api/audit', '/api/repair']) {
		t.is((await network.as(TOKEN)('GET', path)).status, 401, path);
	}

	const without = await startPeopleNetwork(t);
	t.is((await read(without.url, TOKEN)).status, 401);
	t.is((await read(without.url, without.adminToken)).status, 200);
});

test("a coordinator's metrics count what goes on, in names and units as Prometheus has them, and name nobody", async t => {
	const network = await startPeopleNetwork(t, {more: {metricsToken: TOKEN, processMetrics: createProcessMetrics()}});
	const call = network.as(await network.addAccount('secretive'));
	const uploaded = await call('POST', '/api/files/upload', {form: formOf('hidden-name.txt', 'twelve bytes')});
	const {file_id: id} = (await uploaded.json()) as {file_id: string};
	await (await call('GET', `/api/files/download/${id}`)).text();
	await call('GET', '/api/files/no-such-file');
	await call('GET', '/somewhere/else');
	await network.as(undefined)('POST', '/api/session', {json: {name: 'secretive', password: 'wrong'}});
	await network.as(undefined)('POST', '/api/session', {json: {name: 'secretive', password: passwordOf('secretive')}});

	const {text, types, series, value} = await metricsOf(t, network.url, TOKEN);
	t.is(value('pjas_http_requests_total', {route: '/api/files/upload', status: '2xx'}), 1);
	t.is(value('pjas_http_requests_total', {route: '/api/files/{id}', method: 'GET', status: '4xx'}), 1);
	t.is(value('pjas_http_requests_total', {route: 'none', status: '4xx'}), 1);
	t.is(value('pjas_http_request_duration_seconds_count', {route: '/api/files/download/{id}'}), 1);
	t.is(value('pjas_upload_bytes_total'), 12);
	t.is(value('pjas_download_bytes_total'), 12);
	t.deepEqual(
		[value('pjas_uploads_total', {result: 'stored'}), value('pjas_uploads_total', {result: 'failed'})],
		[1, 0],
	);
	t.is(value('pjas_downloads_total', {result: 'sent'}), 1);
	t.is(value('pjas_sign_ins_total', {result: 'accepted'}), 1);
	t.is(value('pjas_sign_ins_total', {result: 'refused'}), 1);
	t.is(value('pjas_nodes', {status: 'online'}), 3);
	t.is(value('pjas_chunks', {redundancy: 'full'}), 1);
	t.is(value('pjas_memory_limit_bytes'), Math.floor(0.7 * 64 * 1024 ** 2));
	t.is(value('pjas_alerts', {severity: 'critical'}), 0);
	t.true(Number.isFinite(value('process_resident_memory_bytes')));
	t.true(types.has('nodejs_eventloop_lag_p99_seconds'), 'how late the event loop is');

	for (const [name, type] of types) {
		if (!name.startsWith('pjas_')) continue;
		t.is(name.endsWith('_total'), type === 'counter', name);
		t.false(/_(ms|milliseconds|kb|mb|percent)(_|$)/.test(name), name);
	}

	for (const secret of ['secretive', 'hidden-name', id, TOKEN, 'somewhere', ...network.nodes.map(node => node.id)]) {
		t.false(text.includes(secret), secret);
	}

	t.true(series.length < 500, 'however many people, files and nodes there are');
});

const nodeText = async (contact: Contact, found: Tally<'kind'>, progress?: number) =>
	metricsText(
		await nodeMetrics({
			version: '2.0.0',
			meters: createNodeMeters(systemClock),
			shards: {figures: async () => Promise.resolve({usedBytes: 1, allocatedBytes: 3, freeBytes: 2, count: 1})},
			member: {carried: () => ({up: 5, down: 7}), resting: () => 'paused'},
			scrubber: {
				found,
				report: () => (progress === undefined ? undefined : {started_at: 1, progress, faults: []}),
			},
			links: undefined,
			contact,
		}),
	);

test('a node tells when it was last heard, how far its scrub is, and nothing of what it does not know', async t => {
	const contact = createContact({now: () => 1_700_000_000_500});
	const found = createTally<'kind'>();
	found.add({kind: 'corrupt'});
	const before = parseMetrics(await nodeText(contact, found));
	t.is(before.value('pjas_node_heartbeat_timestamp_seconds'), undefined);
	t.is(before.value('pjas_node_scrub_progress_ratio'), undefined);
	contact.heard('{}');
	const {value} = parseMetrics(await nodeText(contact, found, 0.25));
	t.is(value('pjas_node_heartbeat_timestamp_seconds'), 1_700_000_000.5);
	t.is(value('pjas_node_scrub_progress_ratio'), 0.25);
	t.is(value('pjas_node_scrub_faults_total', {kind: 'corrupt'}), 1);
	t.is(value('pjas_node_resting'), 1);
	t.is(value('pjas_node_line_bytes_total', {direction: 'down'}), 7);
});

test("a coordinator tells of its catalogue's file, and of a node's of its shards and its line", async t => {
	const folder = temporaryFolder(t);
	const coordinator = await startCoordinator({
		...surroundings,
		...{replicas: 1, minReplicas: 1, nodeTimeoutMs: 15_000, open: true, allowClassic: false, port: 0},
		...{repairGraceMs: 900_000, repairAtOnce: 4, repairBytesPerSecond: 0, trashDays: 0, uploadDays: 7},
		dataFolder: path.join(folder, 'coordinator'),
		memoryBytes: 64 * 1024 ** 2,
	});
	t.teardown(coordinator.close);
	const {url} = coordinator;
	const nodeOptions = {
		...{...surroundings, port: 0, storagePath: path.join(folder, 'node'), allocatedBytes: 1024 ** 3, name: 'attic'},
		coordinatorUrl: url,
		reach: 'links',
	} as const;
	const node = await startNode({...nodeOptions, metricsToken: TOKEN});
	t.teardown(async () => node.close({graceMs: 0}));
	await until('the node is there', () => coordinator.onlineNodes() === 1);
	const before = await metricsOf(t, url);
	const form = formOf('photo.jpg', new Uint8Array(1000));
	const answer = await fetch(`${url}/api/files/upload`, {method: 'POST', body: form});
	t.is(answer.status, 200, await answer.clone().text());
	const {file_id: id} = (await answer.json()) as {file_id: string};
	t.is((await (await fetch(`${url}/api/files/download/${id}`)).arrayBuffer()).byteLength, 1000);

	const after = await metricsOf(t, url);
	t.true((after.value('pjas_catalog_syncs_total') ?? 0) > (before.value('pjas_catalog_syncs_total') ?? 0));
	t.true((after.value('pjas_catalog_file_bytes') ?? 0) > (before.value('pjas_catalog_file_bytes') ?? 0));
	t.true((after.value('pjas_node_links') ?? 0) > 0);
	t.true((after.value('pjas_data_disk_free_bytes') ?? 0) > 0);

	const sealedBytes = 1016;
	const {value, series} = await metricsOf(t, node.url, TOKEN);
	for (const operation of ['put', 'get']) {
		t.is(value('pjas_node_shard_operations_total', {operation, result: 'done'}), 1);
		t.is(value('pjas_node_shard_bytes_total', {operation}), sealedBytes);
	}

	t.is(value('pjas_node_shards'), 1);
	t.true((value('pjas_node_line_bytes_total', {direction: 'up'}) ?? 0) > sealedBytes);
	t.true((value('pjas_node_links') ?? 0) > 0);
	t.is(value('pjas_node_allocated_bytes'), 1024 ** 3);
	t.true(series.some(({name, labels}) => name === 'pjas_node_requests_total' && labels['status'] === '2xx'));

	const contact = createContact(systemClock);
	contact.heard('{}');
	const telling = [after, await metricsOf(t, node.url, TOKEN), parseMetrics(await nodeText(contact, createTally(), 1))];
	const processes = parseMetrics(await createProcessMetrics()());
	t.deepEqual(unknownIn(expressions(), [...telling, processes]), []);

	for (const token of [undefined, 'some-other-token-of-length']) t.is((await read(node.url, token)).status, 401);
	await node.close({graceMs: 0});
	const silent = await startNode(nodeOptions);
	t.teardown(async () => silent.close({graceMs: 0}));
	t.is((await read(silent.url, TOKEN)).status, 401, 'without a token of its own nobody gets them');
});

test('what is asked of Prometheus and no metrics give is found', t => {
	const told = parseMetrics('# HELP pjas_a_total a\n# TYPE pjas_a_total counter\npjas_a_total{b="c"} 1\n');
	const asked = ['rate(pjas_a_total{b="c", job="x"}[5m])', 'pjas_a_total{d!="e"}', 'sum(pjas_b) / process_c'];
	t.deepEqual(unknownIn(asked, [told]), ['pjas_a_total{d}', 'pjas_b', 'process_c']);
});

const hasPromtool = spawnSync('promtool', ['--version']).status === 0;

test('the configuration of Prometheus and the rules are ones that it takes', t => {
	for (const words of [
		['config', '--syntax-only', fileOf('prometheus.yml')],
		['rules', fileOf('alerts.yml')],
	]) {
		const {status, stderr, stdout} = spawnSync('promtool', ['check', ...words], {encoding: 'utf8'});
		if (hasPromtool) t.is(status, 0, stdout + stderr);
		else t.log('There is no promtool here: it would parse them');
	}

	t.regex(readFileSync(fileOf('prometheus.yml'), 'utf8'), /^rule_files: \[alerts\.yml\]$/m);
});
