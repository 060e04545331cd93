import {createSocket} from 'node:dgram';
import {once} from 'node:events';
import test from 'ava';
import {systemClock, systemRandom} from '../adapters/system.js';
import {OUTSIDE, startFakeGateway} from '../testing/fake-gateway.js';
import {manualClock} from '../testing/manual-clock.js';
import {keptPort, until} from '../testing/processes.js';
import {recordingLog} from '../testing/recording-log.js';
import {startRoleNetwork} from '../testing/roles.js';
import {startNode} from '../roles/node.js';
import {type NatGateway, openNatGateway} from './nat-gateway.js';
import {createPortMapping} from './port-mapping.js';

const MINUTE_MS = 60_000;

/** A router in memory; `answers` says which of its ports it gives, and is changed by the test. */
const memoryRouter = () => {
	const router = {
		ip: '203.0.113.7' as string | undefined,
		gives: (port: number) => port > 0,
		asked: [] as string[],
		opened: 0,
	};
	const open = async (): Promise<NatGateway> => {
		router.opened++;
		return Promise.resolve({
			externalIp: async () => Promise.resolve(router.ip),
			async map(publicPort, privatePort) {
				router.asked.push(`map ${publicPort} ${privatePort}`);
				return Promise.resolve(router.gives(publicPort));
			},
			async unmap(publicPort) {
				router.asked.push(`unmap ${publicPort}`);
				return Promise.resolve();
			},
			async close() {
				router.asked.push('close');
				return Promise.resolve();
			},
		});
	};
	return {router, open};
};

const startMapping = (open: () => Promise<NatGateway>) => {
	const clock = manualClock();
	const log = recordingLog();
	const mapping = createPortMapping({port: 8420, isTls: false, open, log, clock, random: {float: () => 0.5}});
	const changes: (string | undefined)[] = [];
	mapping.onChange(() => changes.push(mapping.address()));
	const ending = new AbortController();
	const running = mapping.run(ending.signal);
	const stop = async () => {
		ending.abort(new Error('it ends'));
		await running;
	};
	return {clock, log, mapping, changes, stop};
};

test('a mapping is renewed before it ends, told once, and taken back at the end', async t => {
	const {router, open} = memoryRouter();
	const {clock, log, mapping, changes, stop} = startMapping(open);
	await clock.advance(0);
	t.is(mapping.address(), 'http://203.0.113.7:8420');
	await clock.advance(95 * MINUTE_MS);
	t.deepEqual(
		router.asked,
		Array.from({length: 4}, () => 'map 8420 8420'),
	);
	router.ip = '203.0.113.8';
	await clock.advance(30 * MINUTE_MS);
	t.deepEqual(changes, ['http://203.0.113.7:8420', 'http://203.0.113.8:8420']);
	t.is(log.messages('info').length, 2);
	await stop();
	t.deepEqual(router.asked.slice(-2), ['unmap 8420', 'close']);
	t.is(mapping.address(), undefined);
	t.is(router.opened, 1);
});

test('a port that another machine has is passed over, and what is given is kept', async t => {
	const {router, open} = memoryRouter();
	router.gives = port => port !== 8420;
	const {clock, mapping, stop} = startMapping(open);
	await clock.advance(0);
	t.is(mapping.address(), 'http://203.0.113.7:40000');
	await clock.advance(30 * MINUTE_MS);
	t.deepEqual(router.asked, ['map 8420 8420', 'map 40000 8420', 'map 40000 8420']);
	await stop();
});

test('where no router answers that is said once, and asked again now and then', async t => {
	const {router, open} = memoryRouter();
	router.ip = undefined;
	const {clock, log, mapping, changes, stop} = startMapping(open);
	await clock.advance(60 * MINUTE_MS);
	t.deepEqual(log.messages('warn').length, 1);
	t.regex(log.messages('warn')[0] ?? '', /no router here .* goes on over links/);
	t.is(mapping.address(), undefined);
	t.true(router.opened > 10);
	t.deepEqual([...new Set(router.asked)], ['close'], 'nothing is left open');
	router.ip = '203.0.113.7';
	await clock.advance(5 * MINUTE_MS);
	t.deepEqual(changes.at(-1), 'http://203.0.113.7:8420');
	await stop();
	for (const ip of ['0.0.0.0', '::', 'somewhere', '']) {
		router.ip = ip;
		const again = startMapping(open);
		await again.clock.advance(0);
		t.is(again.mapping.address(), undefined, ip);
		await again.stop();
	}
});

test('a router that refuses later is believed to lead here until its lease ends, and one that hangs holds up nothing', async t => {
	const {router, open} = memoryRouter();
	const {clock, log, mapping, stop} = startMapping(open);
	await clock.advance(0);
	router.gives = () => false;
	await clock.advance(55 * MINUTE_MS);
	t.is(mapping.address(), 'http://203.0.113.7:8420');
	await clock.advance(15 * MINUTE_MS);
	t.is(mapping.address(), undefined);
	t.is(log.messages('warn').length, 1);
	await stop();

	const hanging = startMapping(async () => new Promise<never>(() => undefined));
	await hanging.clock.advance(MINUTE_MS);
	t.is(hanging.log.messages('warn').length, 1);
	await hanging.stop();
	const failing = startMapping(async () => Promise.reject(new Error('no such module')));
	await failing.clock.advance(MINUTE_MS);
	t.is(failing.log.messages('warn').length, 1);
	await failing.stop();
});

const GIB = 1024 ** 3;

test.serial('a router leads the coordinator to a node by UPnP, and no more once the node has stopped', async t => {
	const gateway = await startFakeGateway(t, {speaks: 'upnp'});
	const network = await startRoleNetwork(t);
	const port = await keptPort();
	gateway.taken.add(port);
	const node = await startNode({
		...{storagePath: `${network.folder}/behind`, allocatedBytes: GIB, coordinatorUrl: network.url, upnp: true, port},
		...{
			host: '127.0.0.1',
			name: 'behind',
			log: recordingLog(),
			clock: systemClock,
			random: systemRandom,
			version: '2.0.0',
		},
	});
	t.teardown(async () => node.close({graceMs: 0}));
	const view = await until('the coordinator has its address', async () =>
		(await network.nodes()).find(({address}) => address.startsWith(`http://${OUTSIDE}:`)),
	);
	t.is(view.kind, 'direct', view.address_problem);
	const publicPort = Number(new URL(view.address).port);
	t.not(publicPort, port, 'that one is taken');
	t.deepEqual(gateway.mapped(), [publicPort]);
	await node.close({graceMs: 0});
	t.deepEqual(gateway.mapped(), []);
	t.true(gateway.asked.includes(`DeletePortMapping TCP ${publicPort}`));
});

/** Maps a port by way of the library itself, and gives what came of it once something did. */
const mapHere = async (port: number) => {
	const log = recordingLog();
	const options = {port, isTls: true, open: openNatGateway, log, clock: systemClock, random: systemRandom};
	const mapping = createPortMapping(options);
	const ending = new AbortController();
	const running = mapping.run(ending.signal);
	await until('something is said', () => log.entries.length > 0);
	return {
		mapping,
		log,
		stop: async () => {
			ending.abort(new Error('it ends'));
			await running;
		},
	};
};

test.serial('a router leads others here by NAT-PMP as well', async t => {
	const gateway = await startFakeGateway(t, {speaks: 'nat-pmp'});
	const port = await keptPort();
	const {mapping, stop} = await mapHere(port);
	t.is(mapping.address(), `https://${OUTSIDE}:${port}`);
	t.deepEqual(gateway.mapped(), [port]);
	await stop();
	t.deepEqual(gateway.mapped(), []);
	t.deepEqual(gateway.asked.slice(0, 3), ['address', `map ${port} 3600`, `map ${port} 0`]);
});

test.serial('no router, one that hangs, and a port that another program has, end nothing', async t => {
	await startFakeGateway(t, {speaks: 'nothing'});
	const nobody = await mapHere(8420);
	t.deepEqual(nobody.log.messages('warn').length, 1);
	await nobody.stop();
	const hanging = await startFakeGateway(t, {speaks: 'nat-pmp'});
	hanging.hang();
	const silent = await mapHere(8420);
	t.deepEqual(silent.log.messages('warn').length, 1);
	await silent.stop();
	// Another program has the port from which NAT-PMP is spoken: the socket's error must not end the process.
	await startFakeGateway(t, {speaks: 'nothing', route: '127.0.0.1'});
	const other = createSocket('udp4');
	other.bind(5350);
	await once(other, 'listening');
	const refused = await mapHere(8420);
	t.deepEqual(refused.log.messages('warn').length, 1);
	await refused.stop();
	other.close();
});
