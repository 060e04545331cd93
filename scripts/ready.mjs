import {spawnSync} from 'node:child_process';
import {createHash} from 'node:crypto';
import {chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {fileURLToPath} from 'node:url';

/**
Brings a checkout to where it can run: packages installed, sources compiled. Does only what is not done yet. It runs
before anything is installed, so it is plain JavaScript over Node alone; and since it may run inside `npm pack`, whose
standard output others read, everything it says goes to standard error.
*/
const root = fileURLToPath(new URL('..', import.meta.url));
const at = (...parts) => path.join(root, ...parts);

const sourceFolders = ['daemon', 'source'];
const lockfile = at('package-lock.json');
/** npm writes it last: an installation that was cut off has none, or an old one. */
const installed = at('node_modules', '.package-lock.json');
const buildInfo = at('dist', '.tsbuildinfo');
const stamp = at('dist', '.built-from');
const bundler = at('scripts', 'bundle.mjs');
const pageBuilder = at('scripts', 'page.mjs');
const bundled = [
	at('dist', 'bundle', 'pjas-tui.js'),
	at('dist', 'bundle', 'pjas-daemon.js'),
	at('dist', 'web', 'index.html'),
];
/** The web page is compiled for browsers, all but what it shares with Node. */
const page = at('source', 'web');
const isOfPage = file => file.startsWith(page + path.sep) && !file.startsWith(path.join(page, 'model') + path.sep);
/** The compiler written in Go takes a fifth of the time; the linter needs the one written in JavaScript, and has that. */
const compiler = at('node_modules', 'typescript-7', 'bin', 'tsc');

const filesIn = folder =>
	existsSync(folder)
		? readdirSync(folder, {recursive: true, withFileTypes: true})
				.filter(entry => entry.isFile())
				.map(entry => path.join(entry.parentPath, entry.name))
		: [];

const sources = () => sourceFolders.flatMap(folder => filesIn(at(folder)));

/** Declarations are only read. */
const isCode = file => /\.(ts|tsx|cts)$/.test(file) && !file.endsWith('.d.ts');

const compiledPathOf = file =>
	at(
		'dist',
		path
			.relative(root, file)
			.replace(/\.tsx?$/, '.js')
			.replace(/\.cts$/, '.cjs'),
	);

/** Whatever changes here asks for a new build. */
const fingerprint = files => {
	const hash = createHash('sha256');
	for (const file of [...files, at('tsconfig.json'), bundler, pageBuilder, installed].sort()) {
		const {size, mtimeMs} = statSync(file);
		hash.update(`${path.relative(root, file)} ${size} ${mtimeMs}\n`);
	}

	return hash.digest('hex');
};

const say = text => process.stderr.write(`${text}\n`);

/** Runs a program with its output on standard error; says whether it ended well. */
const run = (program, args, options) => {
	const env = {...process.env};
	// `npm pack --dry-run` hands its dry run down to every npm below it.
	delete env.npm_config_dry_run;
	const {status, error} = spawnSync(program, args, {cwd: root, env, stdio: ['ignore', 2, 2], ...options});
	if (error) {
		say(`${program} could not be run: ${error.message}`);
	}

	return status === 0;
};

/** The npm that started this, where one did. */
const npm = args => {
	const script = process.env.npm_execpath;
	return script?.endsWith('.js')
		? run(process.execPath, [script, ...args])
		: run('npm', args, {shell: process.platform === 'win32'});
};

const install = () => {
	if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lockfile).mtimeMs) {
		return true;
	}

	say('Installing the packages (npm ci)');
	return npm(['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error']);
};

/** What of the page is imported elsewhere, as by a test, is compiled as well: it is no leftover. */
const removeLeftovers = files => {
	const known = new Set(files.filter(file => isCode(file)).map(file => compiledPathOf(file)));
	for (const file of sourceFolders.flatMap(folder => filesIn(at('dist', folder)))) {
		if (!known.has(file)) {
			rmSync(file);
		}
	}
};

const build = () => {
	const files = sources();
	removeLeftovers(files);

	const isComplete = files
		.filter(file => isCode(file) && !isOfPage(file))
		.every(file => existsSync(compiledPathOf(file)));
	const from = fingerprint(files);
	if (
		isComplete &&
		bundled.every(file => existsSync(file)) &&
		existsSync(stamp) &&
		readFileSync(stamp, 'utf8') === from
	) {
		return true;
	}

	say('Building (tsc, esbuild, vite)');
	rmSync(stamp, {force: true});
	if (!isComplete) {
		// What the compiler remembers would keep it from writing a file again that somebody removed.
		rmSync(buildInfo, {force: true});
	}

	const steps = [[compiler], [compiler, '-p', page], [bundler], [pageBuilder]];
	if (!steps.every(step => run(process.execPath, step))) {
		return false;
	}

	mkdirSync(path.dirname(stamp), {recursive: true});
	writeFileSync(stamp, from);
	return true;
};

const makeRunnable = () => {
	for (const bin of Object.values(JSON.parse(readFileSync(at('package.json'), 'utf8')).bin)) {
		chmodSync(at(bin), 0o755);
	}

	return true;
};

export const makeReady = () => install() && build() && makeRunnable();
