import {execFile} from 'node:child_process';
import {access, mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';
import test from 'ava';

const execute = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));

/** What an npm that runs this test hands down is about this package, not about the one that installs it. */
const environment = Object.fromEntries(
	Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name) || /^npm_config_(cache|registry)$/i.test(name)),
);

const npm = async (folder: string, args: string[]) => {
	const {stdout} = await execute('npm', args, {cwd: folder, env: environment, maxBuffer: 2 ** 24});
	return stdout;
};

type Packed = {filename: string; version: string; files: {path: string; mode: number}[]};

test('the package holds what runs and no tests, installs elsewhere, and runs both programs', async t => {
	t.timeout(120_000);
	const folder = await mkdtemp(path.join(tmpdir(), 'pjas-package-'));
	t.teardown(async () => rm(folder, {recursive: true, force: true}));
	// The build that this test belongs to is there already; one more would change it under the other tests.
	const output = await npm(root, ['pack', '--ignore-scripts', '--json', '--pack-destination', folder]);
	const [packed] = JSON.parse(output) as [Packed];
	const names = packed.files.map(file => file.path);
	for (const bin of ['dist/daemon/pjas-daemon.cjs', 'dist/bundle/pjas-tui.js']) {
		t.is(packed.files.find(file => file.path === bin)?.mode, 0o755, bin);
	}

	for (const name of ['package.json', 'README.md', 'LICENSE', 'pjas_config.example.json'])
		t.true(names.includes(name), name);
	const unwanted = /\.(test|suite)\.js$|\.tsx?$|\.tsbuildinfo$|^dist\/daemon\/(bench|testing|simulation)\//;
	t.deepEqual(
		names.filter(name => unwanted.test(name)),
		[],
	);
	t.true(names.every(name => name.startsWith('dist/') || !name.includes('/')));

	await writeFile(path.join(folder, 'package.json'), '{"private": true}');
	const quiet = ['--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];
	await npm(folder, ['install', ...quiet, `./${packed.filename}`]);
	await t.throwsAsync(access(path.join(folder, 'node_modules', 'typescript')), undefined, 'only what it runs with');

	const npx = async (...args: string[]) => npm(folder, ['exec', '--offline', '--loglevel=error', '--', ...args]);
	t.is(await npx('pjas-daemon', '--version'), `${packed.version}\n`);
	t.is(await npx('pjas-tui', '--version'), `${packed.version}\n`);
	t.regex(await npx('pjas-daemon', '--help'), /--role coordinator/);
	t.regex(await npx('pjas-daemon', '--role', 'node', '--help'), /allocated_gb/);
	t.regex(await npx('pjas-tui', '--help'), /pjas-tui \[--coordinator URL\]/);
});
