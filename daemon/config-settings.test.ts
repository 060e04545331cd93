import path from 'node:path';
import {environmentNameOf, flagOf, isRole, type Mode, type Setting} from './config-setting.js';
import {settings} from './config-settings.js';
import {load, problemOf, test, writeConfig} from './config-testing.suite.js';

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
