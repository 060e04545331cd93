import {execFile, spawnSync} from 'node:child_process';
import {once} from 'node:events';
import {readFileSync} from 'node:fs';
import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {fileURLToPath} from 'node:url';
import test from 'ava';
import {loadConfig} from './config.js';

/** What stands around the daemon where it is installed: image, compose file, units of systemd, Railway. */

const fileOf = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const textOf = (name: string): string => readFileSync(fileOf(name), 'utf8');

/** The configuration that a command line makes, with the environment beside it. */
const configOf = (argv: string[], environment: Record<string, string> = {}) => {
	const request = loadConfig(argv, {environment, folder: '/', hostname: 'attic'});
	return request.kind === 'run' ? request : undefined;
};

/** Puts values in the place of `${NAME}`, `${NAME:-default}` and `$NAME`, as Compose and systemd do. */
const filledIn = (text: string, values: Record<string, string> = {}): string =>
	text.replaceAll(
		/\$\{?(\w+)(?::-([^}]*))?\}?/g,
		(_, name: string, otherwise = '') => values[name] ?? (otherwise as string),
	);

test('the image runs a coordinator as nobody special, over a volume, with a health check', t => {
	const text = textOf('Dockerfile');
	const command = JSON.parse(/^CMD (\[.*\])$/m.exec(text)?.[1] ?? '[]') as string[];
	t.like(configOf(command)?.config, {
		mode: 'coordinator',
		settings: {dataFolder: '/data', host: '0.0.0.0', port: 3000},
	});
	const last = text.slice(text.lastIndexOf('FROM '));
	t.regex(last, /^USER node$/m);
	t.regex(last, /^VOLUME \/data$/m);
	t.regex(last, /^HEALTHCHECK .*healthy\.mjs"\]$/m);
	const {scripts} = JSON.parse(textOf('package.json')) as {scripts: Record<string, string>};
	t.truthy(scripts['build']);
	t.regex(text, /npm ci /, 'from the lockfile');
});

test('the compose file runs a coordinator, and a node that finds it', t => {
	const text = textOf('compose.yaml');
	const commands = [...text.matchAll(/^ {4}command: (\[.*\])$/gm)].map(
		([, line]) => JSON.parse(filledIn(line ?? '').replaceAll("'", '"')) as string[],
	);
	t.is(commands.length, 2);
	const [coordinator = [], node = []] = commands;
	t.like(configOf(coordinator, {PJAS_ROLE: 'coordinator'})?.config, {settings: {dataFolder: '/data'}});
	const environment = Object.fromEntries(
		[...text.slice(text.indexOf('\n  node:')).matchAll(/^ {6}(PJAS_\w+): (.*)$/gm)].map(([, name = '', value = '']) => [
			name,
			filledIn(value),
		]),
	);
	const request = configOf(node, environment);
	t.deepEqual(request?.warnings, []);
	const address = /ipv4_address: (\S+)/.exec(text)?.[1] ?? '';
	t.like(request?.config, {
		mode: 'node',
		settings: {storagePath: '/data', allocatedBytes: 100 * 1024 ** 3, coordinatorUrl: `http://${address}:3000`},
	});
});

const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;

for (const role of ['coordinator', 'node'] as const) {
	test(`the unit of a ${role} is one that systemd and the daemon take`, t => {
		const name = `packaging/systemd/pjas-${role}.service`;
		const line = /^ExecStart=\/usr\/bin\/env pjas-daemon (.*)$/m.exec(textOf(name))?.[1] ?? '';
		const argv = filledIn(line, {STATE_DIRECTORY: `/var/lib/pjas-${role}`})
			.split(' ')
			.filter(Boolean);
		t.is(configOf(argv)?.config.mode, role);
		const ended = spawnSync('systemd-analyze', ['verify', fileOf(name)], {encoding: 'utf8'});
		if (hasSystemd) t.deepEqual([ended.status, ended.stdout], [0, '']);
	});
}

test('Railway starts a coordinator, and asks how it is', t => {
	const {deploy} = JSON.parse(textOf('railway.json')) as {deploy: Record<string, string>};
	const [program, ...argv] = (deploy['startCommand'] ?? '').split(' ');
	t.is(program, 'pjas-daemon');
	const config = configOf(argv, {PORT: '8080'})?.config;
	t.like(config, {
		mode: 'coordinator',
		settings: {port: 8080, dataFolder: deploy['requiredMountPath'], host: '0.0.0.0'},
	});
	t.is(deploy['healthcheckPath'], '/health');
});

test('the health check ends with 0 only where the daemon answers well', async t => {
	let status = 200;
	const asked: string[] = [];
	const server = createServer((request, response) => {
		asked.push(request.url ?? '');
		response.writeHead(status).end();
	});
	await once(server.listen(0, '127.0.0.1'), 'listening');
	const port = String((server.address() as AddressInfo).port);
	const check = async (environment: Record<string, string>) =>
		new Promise<number>(resolve => {
			const env = {PATH: process.env['PATH'], ...environment};
			execFile(process.execPath, [fileOf('packaging/healthy.mjs')], {env}, error => resolve(Number(error?.code ?? 0)));
		});
	t.is(await check({PORT: port}), 0);
	t.is(await check({PJAS_ROLE: 'node', PJAS_PORT: port}), 0);
	t.deepEqual(asked, ['/health', '/status']);
	status = 503;
	t.is(await check({PJAS_PORT: port}), 1);
	server.close();
	await once(server, 'close');
	t.is(await check({PJAS_PORT: port}), 1);
});
