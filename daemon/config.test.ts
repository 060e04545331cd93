import {mkdirSync} from 'node:fs';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {loadConfig} from './config.js';
import {flagOf, type Mode} from './config-setting.js';
import {settingsFor} from './config-settings.js';
import {load, problemOf, test, writeConfig} from './config-testing.suite.js';

const GIB = 1024 ** 3;
const MIB = 1024 ** 2;

test('the doctor takes a role with its words and settings, as the daemon is started with them', t => {
	const {surroundings, folder} = t.context;
	const argv = ['--role', 'node', 'shards', '5', '--coordinator', 'http://127.0.0.1:3000', '--port', '8421'];
	const request = loadConfig(['doctor', ...argv, '--json'], surroundings);
	t.like(request, {kind: 'run', config: {mode: 'doctor', settings: {json: true}}});
	t.deepEqual(request.kind === 'run' && request.examined, load(t.context, argv));
	writeConfig(t.context, {storage_path: 'doctor', role: 'node'});
	const ofFile = loadConfig(['doctor'], surroundings);
	t.like(ofFile, {examined: {mode: 'node', settings: {storagePath: path.join(folder, 'doctor')}}});
	t.like(load(t.context, ['--role', 'node', 'doctor']), {mode: 'node'}, 'a folder may be called so');
	writeConfig(t.context, {});
	t.regex(problemOf(t.context, ['doctor']), /say --role coordinator or --role node/);
	t.regex(problemOf(t.context, ['doctor', '--role', 'local']), /say --role coordinator or --role node/);
	t.regex(problemOf(t.context, ['doctor', '--role', 'node']), /<storage_path> is missing/);
	t.regex(
		problemOf(t.context, ['doctor', '--role', 'coordinator', '--zone', 'a']),
		/--zone does not go with --role coord/,
	);
	t.regex(problemOf(t.context, ['--role', 'node', 'shards', '--json']), /--json does not go with --role node/);
});

test('without accounts a coordinator listens elsewhere than on loopback only when told twice', t => {
	const open = ['--role', 'coordinator', '--open'];
	for (const host of ['127.0.0.1', '127.0.0.7', 'localhost', '::1']) {
		t.notThrows(() => load(t.context, [...open, '--host', host]));
	}

	t.regex(
		problemOf(t.context, [...open, '--host', '0.0.0.0']),
		/^--open is .*Allowed: with --host 0\.0\.0\.0 only together with --open-anywhere/,
	);
	t.notThrows(() => load(t.context, [...open, '--host', '0.0.0.0', '--open-anywhere']));
	t.notThrows(() => load(t.context, ['--role', 'coordinator', '--host', '0.0.0.0']));
});

test('the defaults are those of the manual', t => {
	const common = {config: path.join(t.context.folder, 'pjas_config.json'), logFormat: 'text', logLevel: 'info'};
	const dataFolder = path.join(t.context.folder, 'pjas-data');
	const kept = {
		dataFolder,
		cors: [],
		rateLimit: 6000,
		replicas: 3,
		minReplicas: 2,
		memoryBytes: 256 * MIB,
		cacheBytes: 96 * MIB,
		nodeTimeoutMs: 15_000,
	};
	const alerts = {alertAwayMs: 900_000, alertBackupMs: 7 * 86_400_000};
	const repair = {
		...{repairGraceMs: 900_000, repairAtOnce: 4, repairBytesPerSecond: 20 * MIB, trashDays: 7, uploadDays: 7},
		...alerts,
	};
	const closed = {open: false, openAnywhere: false, allowClassic: false};
	const scrub = {scrubDays: 30, scrubBytesPerSecond: 5 * MIB};
	const loopback = {host: '127.0.0.1', port: 3000, ...closed, ...repair};
	t.deepEqual(load(t.context, ['--role', 'coordinator']), {
		mode: 'coordinator',
		settings: {role: 'coordinator', ...common, ...kept, ...loopback} as never,
	});
	t.deepEqual(load(t.context, ['--role', 'local']), {
		mode: 'local',
		settings: {role: 'local', ...common, ...kept, ...loopback, ...scrub, nodes: 3} as never,
	});
	t.deepEqual(load(t.context, ['--role', 'node', 'shards']), {
		mode: 'node',
		settings: {
			role: 'node',
			...common,
			...scrub,
			storagePath: path.join(t.context.folder, 'shards'),
			allocatedBytes: 100 * GIB,
			coordinatorUrl: 'http://127.0.0.1:3000',
			host: '127.0.0.1',
			port: 8420,
			name: 'attic',
			owner: 'attic',
			zone: 'attic',
			classic: false,
			...{up: 0, upnp: false, down: 0, schedule: 'none', monthlyCapBytes: 0, hours: 'always'},
			remoteLimits: false,
			insecure: false,
			ngrokApi: 'http://127.0.0.1:4040',
			reach: 'auto',
			links: 4,
		} as never,
	});
});

test('a node refuses plain HTTP beyond this machine and private networks, unless told otherwise', t => {
	const node = ['--role', 'node', 'shards', '--coordinator'];
	const near = ['localhost', '127.9.9.9', '[::1]', '10.1.2.3', '172.31.0.1', '192.168.0.9', '169.254.1.1', 'pi.local'];
	for (const host of [...near, '[fd00::1]', '[fe80::1]', 'PJAS.localhost']) {
		t.is(problemOf(t.context, [...node, `http://${host}:3000/api`]), '', host);
	}

	for (const host of [
		'pjas.example.org',
		'8.8.8.8',
		'172.32.0.1',
		'192.169.0.1',
		'[2001:db8::1]',
		'localhost.example',
	]) {
		t.regex(problemOf(t.context, [...node, `http://${host}/api`]), /--insecure/, host);
		t.is(problemOf(t.context, [...node, `https://${host}/api`]), '', host);
		t.is(problemOf(t.context, [...node, `http://${host}/api`, '--insecure']), '', host);
	}

	t.regex(problemOf(t.context, ['--role', 'node', 'shards'], {PJAS_COORDINATOR: 'http://8.8.8.8'}), /--insecure/);
});

test('owner follows the name, and zone the owner', t => {
	const names = (argv: string[]) => {
		const config = load(t.context, ['--role', 'node', 'shards', ...argv]);
		if (config.mode !== 'node') throw new Error(config.mode);
		return [config.settings.name, config.settings.owner, config.settings.zone];
	};
	t.deepEqual(names(['--name', 'a']), ['a', 'a', 'a']);
	t.deepEqual(names(['--owner', 'b']), ['attic', 'b', 'b']);
	t.deepEqual(names(['--zone', 'c']), ['attic', 'attic', 'c']);
});

test('PORT is obeyed by a coordinator, below PJAS_PORT and above the file', t => {
	const portOf = (mode: string, environment: Record<string, string>) =>
		(load(t.context, ['--role', ...mode.split(' ')], environment).settings as {port: number}).port;
	writeConfig(t.context, {port: 1});
	t.is(portOf('coordinator', {}), 1);
	t.is(portOf('coordinator', {PORT: '2'}), 2);
	t.is(portOf('coordinator', {PORT: '2', PJAS_PORT: '3'}), 3);
	t.is(portOf('coordinator --port 4', {PORT: '2', PJAS_PORT: '3'}), 4);
	t.is(portOf('local', {PORT: '2'}), 1);
	t.is(portOf('node shards', {PORT: '2'}), 1);
	t.regex(problemOf(t.context, ['--role', 'coordinator'], {PORT: 'http'}), /^PORT is "http"\. Allowed: /);
});

test('an empty variable counts as none', t => {
	t.notThrows(() => load(t.context, ['--role', 'coordinator'], {PJAS_PORT: '', PORT: '', PJAS_CONFIG: ''}));
});

test('fewer replicas lower the default of min_replicas, and a higher one is refused', t => {
	const config = load(t.context, ['--role', 'coordinator', '--replicas', '1']);
	t.is((config.settings as {minReplicas: number}).minReplicas, 1);
	const problem = problemOf(t.context, ['--role', 'coordinator', '--replicas', '2', '--min-replicas', '3']);
	t.is(problem, '--min-replicas is "3". Allowed: a whole number from 1 to the replicas (2)');
});

test('the configuration of the prototype is understood as it is', t => {
	writeConfig(t.context, {
		ngrok_url: 'https://your-url.ngrok-free.app',
		coordinator_url: 'https://pjas-production.up.railway.app/api',
		port: 8420,
	});
	const {settings: values} = load(t.context, ['--role', 'node', './storage', '100']);
	t.like(values, {
		ngrokUrl: 'https://your-url.ngrok-free.app',
		coordinatorUrl: 'https://pjas-production.up.railway.app',
		port: 8420,
		allocatedBytes: 100 * GIB,
	});
});

test('the example is a configuration that runs', t => {
	const file = fileURLToPath(new URL('../../pjas_config.example.json', import.meta.url));
	t.like(load(t.context, ['--config', file]), {mode: 'node', settings: {allocatedBytes: 200 * GIB, port: 8420}});
});

test('a misspelt flag, key, role or command is answered with the one that was meant', t => {
	const node = ['--role', 'node', 'shards'];
	const cases: [string[], RegExp][] = [
		[[...node, '--prot', '3'], /no flag --prot\. Did you mean --port\?/],
		[[...node, '--minReplicas', '3'], /no flag --minReplicas\. Did you mean --min-replicas\?/],
		[[...node, '--coordinator-url=x'], /no flag --coordinator-url\. Did you mean --coordinator\?/],
		[[...node, '--xyzzy'], /no flag --xyzzy\. Known are: --role, --config/],
		[[...node, '-q', '3'], /no flag -q\. /],
		[[...node, '--no-port'], /no flag --no-port/],
		[[...node, '--__proto__', 'x'], /no flag --__proto__/],
		[[...node, '--constructor'], /no flag --constructor/],
		[[...node, '--\u001B[31m'], /no flag --\\u001b\[31m/],
		[['--role', 'nod'], /--role is "nod"\. Allowed: coordinator, node, local/],
		[['backups'], /"backups" is no command\. Say --role coordinator\|node\|local, or one of join, backup, restore/],
		[[], /--role is missing/],
	];
	for (const [argv, expected] of cases) {
		t.regex(problemOf(t.context, argv), expected);
	}

	const file = writeConfig(t.context, {coordinator: 'http://a.example'});
	t.is(problemOf(t.context, node), `"coordinator" in ${file} is no setting. Did you mean coordinator_url?`);
});

test('a flag without its value, given twice, or a switch with a value is refused', t => {
	const node = ['--role', 'node', 'shards'];
	t.is(problemOf(t.context, [...node, '--port']), '--port needs a value: --port VALUE');
	t.is(problemOf(t.context, [...node, '--port=']), '--port needs a value: --port VALUE');
	t.is(problemOf(t.context, [...node, '--name', '--classic']), '--name needs a value: --name VALUE');
	t.is(problemOf(t.context, [...node, '--port', '1', '--port=2']), '--port is given more than once');
	t.regex(problemOf(t.context, [...node, '--classic=maybe']), /^--classic is "maybe"\. Allowed: /);
});

test('a switch can be set against what stands below it', t => {
	writeConfig(t.context, {classic: true});
	const classic = (argv: string[], environment = {}) =>
		(load(t.context, ['--role', 'node', 'shards', ...argv], environment).settings as {classic: boolean}).classic;
	t.true(classic([]));
	t.false(classic(['--no-classic']));
	t.false(classic(['--classic=false']));
	t.false(classic([], {PJAS_CLASSIC: '0'}));
});

test('a setting that another role takes is refused, wherever it stands', t => {
	t.regex(
		problemOf(t.context, ['--role', 'node', 'shards', '--replicas', '2']),
		/^--replicas does not go with --role node\. It is a setting of --role coordinator and --role local/,
	);
	t.regex(problemOf(t.context, ['--role', 'coordinator'], {PJAS_NGROK_URL: 'x'}), /^PJAS_NGROK_URL does not go with/);
	t.regex(problemOf(t.context, ['backup', '--to', 'x', '--port', '1']), /^--port does not go with backup/);
	t.regex(problemOf(t.context, ['--role', 'coordinator', 'extra']), /^"extra" is one word too many/);
	t.regex(problemOf(t.context, ['--role', 'node', 'a', '1', 'b']), /^"b" is one word too many/);
	t.regex(problemOf(t.context, ['backup', '--to', 'x', 'y']), /^"y" is one word too many for backup/);
	const file = writeConfig(t.context, {zone: 'a'});
	const problem = problemOf(t.context, ['--role', 'local']);
	t.true(problem.startsWith(`"zone" in ${file} does not go with --role local`), problem);
});

test('the console and the commands share the surroundings of a coordinator', t => {
	writeConfig(t.context, {coordinator_url: 'http://a.example/api', role: 'coordinator', port: 3001, replicas: 3});
	t.is(load(t.context, [], {PJAS_COORDINATOR: 'http://b.example'}).mode, 'coordinator');
	t.is(load(t.context, ['backup', '--to', 'copy'], {PJAS_MEMORY: '1GB'}).mode, 'backup');
	t.is(load(t.context, ['--from', 'copy', 'restore']).mode, 'restore');
});

test('a configuration file that is not there, not readable, not JSON or no object is said', t => {
	const local = ['--role', 'local'];
	t.notThrows(() => load(t.context, local), 'the default one need not be there');
	t.regex(problemOf(t.context, [...local, '--config', 'none.json']), /none\.json can't be read: there is no such file/);
	t.regex(problemOf(t.context, local, {PJAS_CONFIG: t.context.folder}), /can't be read: it is a folder/);
	writeConfig(t.context, '{"port": 3000,\n}');
	t.regex(problemOf(t.context, local), /pjas_config\.json is not JSON: /);
	writeConfig(t.context, '[]');
	t.regex(problemOf(t.context, local), /must hold an object/);
	writeConfig(t.context, '\uFEFF{"port": 3001}');
	t.is((load(t.context, local).settings as {port: number}).port, 3001, 'a byte order mark is no fault');
});

test('a PJAS_ variable that nothing reads is warned of', t => {
	const request = loadConfig(['--role', 'local'], {
		...t.context.surroundings,
		environment: {PJAS_PROT: '1', PJAS_MASTER_KEY: 'secret', PATH: '/bin'},
	});
	t.like(request, {
		kind: 'run',
		warnings: ['PJAS_PROT in the environment is no setting. Did you mean PJAS_PORT?'],
	});
});

test('--help tells every setting of a role, and --version comes before all else', t => {
	const helpOf = (argv: string[]) => {
		const request = loadConfig(argv, t.context.surroundings);
		return request.kind === 'help' ? request.text : request.kind;
	};
	t.regex(helpOf(['--help']), /--role coordinator[^]*--role node <storage_path> \[allocated_gb\][^]*backup --to FILE/);
	for (const [argv, mode] of [
		[['--role', 'coordinator', '--help'], 'coordinator'],
		[['--help', '--role', 'node'], 'node'],
		[['--role', 'local', '--help'], 'local'],
		[['backup', '--help'], 'backup'],
		[['restore', '--help'], 'restore'],
	] as [string[], Mode][]) {
		const text = helpOf(argv);
		for (const [, setting] of settingsFor(mode).filter(([key]) => key !== 'role')) {
			t.true(
				text.includes(setting.position === undefined ? `--${flagOf(setting)} ` : `  ${setting.placeholder ?? ''}`),
			);
		}

		t.true(
			text.split('\n').every(line => line.length <= 80),
			'fits a terminal',
		);
	}

	t.is(helpOf(['--role', 'node', '--version']), 'version');
});

test('a node that joined is started from its own folder, below all else that says something', t => {
	const {folder} = t.context;
	mkdirSync(path.join(folder, 'shards'));
	writeConfig(
		t.context,
		{role: 'node', name: 'cellar', port: 8500, coordinator_url: 'https://a.example'},
		'shards/pjas_config.json',
	);
	const node = ['--role', 'node', 'shards'];
	t.like(load(t.context, node).settings, {name: 'cellar', port: 8500, coordinatorUrl: 'https://a.example'});
	t.like(load(t.context, [...node, '--port', '8501']).settings, {name: 'cellar', port: 8501});
	t.like(load(t.context, node, {PJAS_NAME: 'attic'}).settings, {name: 'attic', port: 8500});
	writeConfig(t.context, {name: 'roof'});
	t.like(load(t.context, node).settings, {name: 'roof', port: 8500});
	const doctor = loadConfig(['doctor', ...node], {environment: {}, folder, hostname: 'attic'});
	t.like(doctor, {examined: {settings: {name: 'roof', port: 8500}}});
	t.like(load(t.context, ['--role', 'node', 'elsewhere']).settings, {port: 8420});
	writeConfig(t.context, {colour: 'red'}, 'shards/pjas_config.json');
	t.regex(problemOf(t.context, node), /"colour" in .*shards.pjas_config\.json is no setting/);
});

test('the address behind a code is where a node joins, and a flag alone says another', t => {
	const code = `pjas-join_${'A'.repeat(64)}`;
	const urlOf = (argv: string[], environment = {}) =>
		(load(t.context, argv, environment).settings as {coordinatorUrl?: string}).coordinatorUrl;
	const join = ['join', `${code}@https://a.example/api`];
	t.is(urlOf(join), 'https://a.example');
	t.is(urlOf(join, {PJAS_COORDINATOR: 'https://b.example'}), 'https://a.example');
	t.is(urlOf([...join, '--coordinator', 'https://c.example']), 'https://c.example');
	t.is(urlOf(['join', code], {PJAS_COORDINATOR: 'https://b.example'}), 'https://b.example');
	const node = ['--role', 'node', 'shards', '--join', `${code}@https://a.example`];
	t.is(urlOf(node), 'https://a.example');
	t.is(urlOf(node, {PJAS_COORDINATOR: 'https://b.example'}), 'https://b.example', 'as in a container that has both');
	t.regex(problemOf(t.context, ['join', `${code}@http://pjas.example.org`]), /--insecure allows plain HTTP/);
	t.regex(problemOf(t.context, ['join', code, '--classic']), /--classic does not go with join/);
	t.false(problemOf(t.context, ['join', `${code}x`]).includes(code), 'a code is a secret');
});

test('a router can lead to a node only where the node listens, and is told an address by', t => {
	const node = ['--role', 'node', 'shards', '--upnp'];
	t.like(load(t.context, node).settings, {upnp: true, host: '0.0.0.0'});
	t.like(load(t.context, [...node, '--host', '192.0.2.1']).settings, {host: '192.0.2.1'});
	t.regex(problemOf(t.context, [...node, '--host', '127.0.0.1']), /--host is "127\.0\.0\.1".*with --upnp an address/);
	t.regex(problemOf(t.context, [...node, '--reach', 'links']), /--reach is "links".*auto, with --upnp/);
	t.regex(problemOf(t.context, ['--role', 'coordinator', '--upnp']), /--upnp does not go with --role coordinator/);
});
