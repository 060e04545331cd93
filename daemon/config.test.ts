import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import anyTest, {type TestFn} from 'ava';
import {isPjasError} from '../source/protocol/errors.js';
import {type Config, loadConfig, type Surroundings} from './config.js';
import {environmentNameOf, flagOf, isRole, type Mode, type Setting, settings, settingsFor} from './config-settings.js';

const test = anyTest as TestFn<{folder: string; surroundings: Surroundings}>;

test.beforeEach(t => {
	const folder = mkdtempSync(path.join(tmpdir(), 'pjas-config-'));
	t.context = {folder, surroundings: {environment: {}, folder, hostname: 'attic'}};
});

test.afterEach.always(t => rmSync(t.context.folder, {recursive: true, force: true}));

type Context = {folder: string; surroundings: Surroundings};

const writeConfig = ({folder}: Context, content: unknown, name = 'pjas_config.json') => {
	const file = path.join(folder, name);
	writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
	return file;
};

const load = ({surroundings}: Context, argv: string[], environment: Surroundings['environment'] = {}): Config => {
	const request = loadConfig(argv, {...surroundings, environment});
	if (request.kind !== 'run') throw new Error(`A run was expected, not ${request.kind}`);
	return request.config;
};

/** What is said about a configuration that can't be. */
const problemOf = (context: Context, argv: string[], environment: Surroundings['environment'] = {}): string => {
	try {
		load(context, argv, environment);
	} catch (error) {
		if (isPjasError(error, 'INVALID_CONFIGURATION')) return error.message;
		throw error;
	}

	return '';
};

const GIB = 1024 ** 3;
const MIB = 1024 ** 2;

type Sample = [given: string | number | boolean, meant: unknown];
/** A value for the flag, one for the environment and one for the file, and one that can't be. */
type Samples = {flag: Sample; environment: Sample; file: Sample; wrong: string};

const webhookKey = Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64');

/** Paths are meant from the working folder; `{folder}` stands for it. */
const samples: Record<keyof typeof settings, Samples> = {
	role: {flag: ['local', 'local'], environment: ['local', 'local'], file: ['local', 'local'], wrong: 'boss'},
	config: {flag: ['a.json', '{folder}/a.json'], environment: ['b.json', '{folder}/b.json'], file: ['', ''], wrong: ''},
	storagePath: {
		flag: ['a', '{folder}/a'],
		environment: ['/b', '/b'],
		file: ['x/../c', '{folder}/c'],
		wrong: '\0',
	},
	allocatedBytes: {
		flag: ['0.5', GIB / 2],
		environment: ['500MB', 500 * MIB],
		file: [200, 200 * GIB],
		wrong: '12 apples',
	},
	repairGraceMs: {
		flag: ['0s', 0],
		environment: ['90s', 90_000],
		file: ['2d', 172_800_000],
		wrong: '31d',
	},
	metricsToken: {
		flag: ['sixteen-letters!', 'sixteen-letters!'],
		environment: ['0123456789abcdef', '0123456789abcdef'],
		file: ['{$(0123456789)}~', '{$(0123456789)}~'],
		wrong: 'fifteen-letters',
	},
	webhookKey: {
		flag: ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', webhookKey],
		environment: ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', webhookKey],
		file: ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', webhookKey],
		wrong: 'whsec_c2hvcnQ=',
	},
	webhooks: {
		flag: ['https://a.example/x?y=z', ['https://a.example/x?y=z']],
		environment: ['http://127.0.0.1:1/a, https://b.example', ['http://127.0.0.1:1/a', 'https://b.example']],
		file: ['https://c.example', ['https://c.example']],
		wrong: 'https://ann:secret@d.example',
	},
	alertAwayMs: {flag: ['1min', 60_000], environment: ['4h', 14_400_000], file: ['2d', 172_800_000], wrong: '59s'},
	alertBackupMs: {
		flag: ['1h', 3_600_000],
		environment: ['7d', 604_800_000],
		file: ['30d', 2_592_000_000],
		wrong: '366d',
	},
	repairAtOnce: {flag: ['1', 1], environment: ['64', 64], file: [2, 2], wrong: '65'},
	repairBytesPerSecond: {flag: ['0', 0], environment: ['500KB', 500 * 1024], file: [1000, 1000], wrong: '-1'},
	scrubDays: {flag: ['1', 1], environment: ['365', 365], file: [7, 7], wrong: '0'},
	scrubBytesPerSecond: {flag: ['0', 0], environment: ['500KB', 500 * 1024], file: ['1GB', 1024 ** 3], wrong: '-1'},
	uploadDays: {flag: ['1', 1], environment: ['365', 365], file: [30, 30], wrong: '0'},
	trashDays: {flag: ['0', 0], environment: ['3650', 3650], file: [30, 30], wrong: '-1'},
	coordinatorUrl: {
		flag: ['https://a.example/api/', 'https://a.example'],
		environment: ['http://192.168.1.2:81', 'http://192.168.1.2:81'],
		file: ['https://c.example/pjas/api', 'https://c.example/pjas'],
		wrong: 'localhost:3000',
	},
	host: {
		flag: ['0.0.0.0', '0.0.0.0'],
		environment: ['::1', '::1'],
		file: ['attic.local', 'attic.local'],
		wrong: 'two words',
	},
	port: {flag: ['1', 1], environment: ['0', 0], file: [65_535, 65_535], wrong: '65536'},
	tlsCertFile: {
		flag: ['a.pem', '{folder}/a.pem'],
		environment: ['/b.pem', '/b.pem'],
		file: ['c.pem', '{folder}/c.pem'],
		wrong: '\0',
	},
	tlsKeyFile: {
		flag: ['a.pem', '{folder}/a.pem'],
		environment: ['/b.pem', '/b.pem'],
		file: ['c.pem', '{folder}/c.pem'],
		wrong: '\0',
	},
	trustProxy: {
		flag: ['loopback', ['loopback']],
		environment: ['192.0.2.1, 10.0.0.0/8', ['192.0.2.1', '10.0.0.0/8']],
		file: ['2001:db8::/32,uniquelocal', ['2001:db8::/32', 'uniquelocal']],
		wrong: 'everybody',
	},
	cors: {
		flag: ['https://a.example', ['https://a.example']],
		environment: ['*', ['*']],
		file: ['http://127.0.0.1:8080, https://c.example', ['http://127.0.0.1:8080', 'https://c.example']],
		wrong: 'https://a.example/',
	},
	rateLimit: {flag: ['0', 0], environment: ['60', 60], file: [1200, 1200], wrong: '-1'},
	auditDeed: {flag: ['verify', 'verify'], environment: ['', ''], file: ['', ''], wrong: 'forge'},
	headFile: {flag: ['a', '{folder}/a'], environment: ['', ''], file: ['', ''], wrong: '\0'},
	dataFolder: {
		flag: ['a b', '{folder}/a b'],
		environment: ['/b', '/b'],
		file: ['./c', '{folder}/c'],
		wrong: '\0',
	},
	nodes: {flag: ['1', 1], environment: ['5', 5], file: [32, 32], wrong: '0'},
	replicas: {flag: ['4', 4], environment: ['16', 16], file: [5, 5], wrong: '17'},
	minReplicas: {flag: ['1', 1], environment: ['3', 3], file: [1, 1], wrong: '4'},
	memoryBytes: {flag: ['32MB', 32 * MIB], environment: ['1GB', GIB], file: [64 * MIB, 64 * MIB], wrong: '31MB'},
	cacheBytes: {flag: ['0B', 0], environment: ['1GB', GIB], file: [64 * MIB, 64 * MIB], wrong: '1.5.5MB'},
	nodeTimeoutMs: {flag: ['1s', 1000], environment: ['100ms', 100], file: ['10min', 600_000], wrong: '15'},
	open: {flag: [true, true], environment: ['yes', true], file: [true, true], wrong: 'maybe'},
	openAnywhere: {flag: [true, true], environment: ['on', true], file: [true, true], wrong: 'maybe'},
	allowClassic: {flag: [true, true], environment: ['1', true], file: [true, true], wrong: 'maybe'},
	ngrokApi: {
		flag: ['http://127.0.0.1:4041', 'http://127.0.0.1:4041'],
		environment: ['http://[::1]:4040', 'http://[::1]:4040'],
		file: ['http://127.0.0.1:4042/', 'http://127.0.0.1:4042'],
		wrong: '4040',
	},
	reach: {flag: ['links', 'links'], environment: ['auto', 'auto'], file: ['links', 'links'], wrong: 'tunnel'},
	links: {flag: ['1', 1], environment: ['16', 16], file: [2, 2], wrong: '17'},
	publicUrl: {
		flag: ['http://a.example/', 'http://a.example'],
		environment: ['http://b.example', 'http://b.example'],
		file: ['http://c.example', 'http://c.example'],
		wrong: 'ftp://a.example',
	},
	ngrokUrl: {
		flag: ['https://a.ngrok-free.app', 'https://a.ngrok-free.app'],
		environment: ['https://b.ngrok-free.app', 'https://b.ngrok-free.app'],
		file: ['https://c.ngrok-free.app', 'https://c.ngrok-free.app'],
		wrong: 'https://user:word@a.ngrok-free.app',
	},
	name: {flag: ['a', 'a'], environment: ['Bärbel', 'Bärbel'], file: ['c d', 'c d'], wrong: 'x'.repeat(65)},
	owner: {flag: ['a', 'a'], environment: ['b', 'b'], file: ['c', 'c'], wrong: 'bell\u0007'},
	zone: {flag: ['a', 'a'], environment: ['b', 'b'], file: ['c', 'c'], wrong: ' a'},
	insecure: {flag: [true, true], environment: ['yes', true], file: [true, true], wrong: 'maybe'},
	join: {
		flag: [`pjas-join_${'A'.repeat(64)}`, `pjas-join_${'A'.repeat(64)}`],
		environment: [`pjas-join_${'B'.repeat(64)}`, `pjas-join_${'B'.repeat(64)}`],
		file: [`pjas-join_${'C'.repeat(64)}`, `pjas-join_${'C'.repeat(64)}`],
		wrong: 'pjas-join_short',
	},
	invitation: {
		flag: [`pjas-join_${'D'.repeat(64)}@https://a.example`, `pjas-join_${'D'.repeat(64)}@https://a.example`],
		environment: ['', ''],
		file: ['', ''],
		wrong: `pjas-join_${'D'.repeat(64)}@a.example`,
	},
	upnp: {flag: [true, true], environment: ['yes', true], file: [true, true], wrong: 'maybe'},
	service: {flag: [true, true], environment: ['', ''], file: ['', ''], wrong: 'maybe'},
	limit: {flag: ['monthly-cap', 'monthly_cap'], environment: ['', ''], file: ['', ''], wrong: 'colour'},
	limitValue: {flag: ['2MB', '2MB'], environment: ['', ''], file: ['', ''], wrong: ''},
	limitStoragePath: {flag: ['a', '{folder}/a'], environment: ['', ''], file: ['', ''], wrong: '\0'},
	isCancelled: {flag: [true, true], environment: ['', ''], file: ['', ''], wrong: 'maybe'},
	up: {flag: ['2MB', 2 * MIB], environment: ['0', 0], file: [65_536, 65_536], wrong: '1KB'},
	down: {flag: ['500KB/s', 500 * 1024], environment: ['0', 0], file: ['10MB', 10 * MIB], wrong: 'fast'},
	schedule: {
		flag: ['mon-fri  8:00-18:00 up=1MB', 'mon-fri 8:00-18:00 up=1mb'],
		environment: ['none', 'none'],
		file: ['SAT down=2MB; sun up=0', 'sat down=2mb; sun up=0'],
		wrong: 'mon-fri',
	},
	monthlyCapBytes: {flag: ['500GB', 500 * GIB], environment: ['0', 0], file: [1, GIB], wrong: '1MB'},
	hours: {
		flag: ['mon-fri 18:00-23:00; sat,sun', 'mon-fri 18:00-23:00; sat,sun'],
		environment: ['always', 'always'],
		file: ['22:00-06:00', '22:00-06:00'],
		wrong: 'sat,sun',
	},
	remoteLimits: {flag: [true, true], environment: ['yes', true], file: [true, true], wrong: 'maybe'},
	acceptOldMs: {flag: ['7d', 7 * 86_400_000], environment: ['', ''], file: ['', ''], wrong: '400d'},
	classic: {flag: [true, true], environment: ['yes', true], file: [true, true], wrong: 'maybe'},
	toFile: {flag: ['a', '{folder}/a'], environment: ['', ''], file: ['', ''], wrong: '\0'},
	fromFile: {flag: ['a', '{folder}/a'], environment: ['', ''], file: ['', ''], wrong: '\0'},
	json: {flag: [true, true], environment: ['', ''], file: ['', ''], wrong: 'maybe'},
	logFormat: {flag: ['json', 'json'], environment: ['text', 'text'], file: ['json', 'json'], wrong: 'xml'},
	logLevel: {flag: ['debug', 'debug'], environment: ['warn', 'warn'], file: ['error', 'error'], wrong: 'loud'},
};

/** What a mode can't do without, unless it is the setting in question. */
const leastArgv = (mode: Mode, except?: Setting): string[] => {
	const start = isRole(mode) ? (except === settings.role ? [] : ['--role', mode]) : [mode];
	const needed: Partial<Record<Mode, [Setting, string[]]>> = {
		node: [settings.storagePath, ['shards']],
		join: [settings.invitation, [`pjas-join_${'E'.repeat(64)}`]],
		backup: [settings.toFile, ['--to', 'copy']],
		restore: [settings.fromFile, ['--from', 'copy']],
		audit: [settings.auditDeed, ['verify']],
		doctor: [settings.role, ['--role', 'coordinator']],
	};
	const [setting, words] = needed[mode] ?? [undefined, []];
	const beside = except === settings.webhooks ? ['--webhook-secret', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'] : [];
	return [...start, ...(setting === except ? [] : words), ...beside];
};

const argvOf = (setting: Setting, given: Sample[0]): string[] => {
	if (setting.modes[0] === 'set') return [...['up', '2MB'].slice(0, setting.position), String(given)];
	if (setting.position === 1) return ['shards', String(given)];
	if (setting.position === 0) return [String(given)];
	return typeof given === 'boolean' ? [`--${flagOf(setting)}`] : [`--${flagOf(setting)}`, given.toString()];
};

for (const [key, setting] of Object.entries<Setting>(settings)) {
	const name = key as keyof typeof settings;
	const {flag, environment, file, wrong} = samples[name];
	const mode: Mode = name === 'role' ? 'local' : (setting.modes[0] ?? 'node');
	const isSecondWord = setting.position === 1;

	test(`${setting.name} is taken from the flag, before the environment, before the file`, t => {
		const least = leastArgv(mode, isSecondWord ? settings.storagePath : setting);
		const bare = leastArgv(mode, setting);
		const withFlag = [...least, ...argvOf(setting, flag[0])];
		const inEnvironment = {[environmentNameOf(setting)]: String(environment[0])};
		const value = (argv: string[], from = {}) =>
			(load(t.context, argv, from).settings as Record<string, unknown>)[name];
		const meant = ([, expected]: Sample) =>
			setting.isPath && typeof expected === 'string'
				? path.normalize(expected.replace('{folder}', t.context.folder))
				: expected;

		if (name === 'config') {
			writeConfig(t.context, {}, 'a.json');
			writeConfig(t.context, {}, 'b.json');
			t.is(value(withFlag, inEnvironment), meant(flag));
			t.deepEqual(value(bare, inEnvironment), meant(environment));
			t.is(value(bare), path.join(t.context.folder, 'pjas_config.json'));
			return;
		}

		t.deepEqual(value(withFlag), meant(flag));
		if (setting.isFlagOnly) return;

		t.deepEqual(value(withFlag, inEnvironment), meant(flag), 'the flag goes before the environment');
		t.deepEqual(value(bare, inEnvironment), meant(environment));
		writeConfig(t.context, {[setting.name]: file[0]});
		t.deepEqual(value(withFlag), meant(flag), 'the flag goes before the file');
		t.deepEqual(value(bare, inEnvironment), meant(environment), 'the environment goes before the file');
		t.deepEqual(value(bare), meant(file));
	});

	if (wrong) {
		test(`an impossible ${setting.name} is refused with what is allowed, wherever it stands`, t => {
			const least = leastArgv(mode, isSecondWord ? settings.storagePath : setting);
			const bare = leastArgv(mode, setting);
			const check = (problem: string, label: string) => {
				t.true(problem.startsWith(`${label} is `), problem);
				t.regex(problem, /Allowed: ./);
				if (setting.isSecret) t.false(problem.includes(wrong), 'it may be part of the right one');
				t.false(/\p{Cc}/u.test(problem), 'one line, nothing that a terminal obeys');
			};
			const argv = typeof flag[0] === 'boolean' ? [`--${flagOf(setting)}=${wrong}`] : argvOf(setting, wrong);
			const label = setting.position === undefined ? `--${flagOf(setting)}` : (setting.placeholder ?? '');
			check(problemOf(t.context, [...least, ...argv]), label);
			if (setting.isFlagOnly) return;

			check(problemOf(t.context, bare, {[environmentNameOf(setting)]: wrong}), environmentNameOf(setting));
			const written = writeConfig(t.context, {[setting.name]: wrong});
			check(problemOf(t.context, bare), `"${setting.name}" in ${written}`);
			writeConfig(t.context, {[setting.name]: {deep: [null]}});
			check(problemOf(t.context, bare), `"${setting.name}" in ${written}`);
		});
	}
}

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
