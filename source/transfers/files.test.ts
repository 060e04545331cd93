import {execFile, spawn} from 'node:child_process';
import {once} from 'node:events';
import {appendFile, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, truncate, writeFile} from 'node:fs/promises';
import {randomBytes} from 'node:crypto';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {promisify} from 'node:util';
import test, {type ExecutionContext} from 'ava';
import fc from 'fast-check';
import {startTestNetwork} from '../../daemon/testing/network.js';
import {until} from '../../daemon/testing/processes.js';
import {createApi} from '../client/api.js';
import {UnreachableError} from '../client/errors.js';
import {discardPartial, downloadFile} from './download-file.js';
import {expandPaths} from './expand-paths.js';
import {startFront} from './front.suite.js';
import {partialOf, readNote} from './partial-file.js';
import {safeFileName} from './safe-name.js';
import {lockTarget} from './target-lock.js';
import {TransferError, type TransferErrorCode} from './transfer-error.js';
import {uploadFile} from './upload-file.js';

const MIB = 1024 * 1024;
const run = promisify(execFile);
const {signal} = new AbortController();

const temporaryFolder = async (t: ExecutionContext): Promise<string> => {
	const folder = await mkdtemp(path.join(tmpdir(), 'pjas-transfers-'));
	t.teardown(async () => rm(folder, {recursive: true, force: true}));
	return folder;
};

/** A network with a front, a folder, and a way to put a file of some size into both. */
const arrange = async (t: ExecutionContext) => {
	const network = await startTestNetwork(t);
	const front = await startFront(t, network.url);
	const api = createApi(front.url);
	const folder = await temporaryFolder(t);
	const store = async (name: string, bytes: Uint8Array) => {
		const from = path.join(folder, `source of ${name}`);
		await writeFile(from, bytes);
		const {file_id: id, size} = await uploadFile({api, path: from, name, signal});
		return {id, name, sizeBytes: size};
	};

	return {front, api, folder, store, target: path.join(folder, 'target.bin')};
};

const refusedWith = async (t: ExecutionContext, act: Promise<unknown>, code: TransferErrorCode, words: RegExp) => {
	const error = await t.throwsAsync(act, {instanceOf: TransferError});
	t.is(error.code, code, error.message);
	t.regex(error.message, words);
};

const partsIn = async (folder: string) => (await readdir(folder)).filter(name => name.includes('.part-')).sort();

const anyName = fc.oneof(
	fc.string({unit: 'binary', maxLength: 400}),
	fc.string({
		unit: fc.constantFrom('.', ' ', '/', '\\', 'a', 'é', '\u202E', '\0', '\u{1F600}', '\uD800'),
		maxLength: 400,
	}),
	fc
		.tuple(
			fc.constantFrom('con', 'NUL', 'Com1', 'lpt²', 'CONIN$', '..', '-', '~'),
			fc.constantFrom('', ' ', '.', '.txt', ' .a', `${' '.repeat(300)}x.txt`),
		)
		.map(parts => parts.join('')),
);

test('a safe name is one fit name on every system, whatever it is made of', t => {
	fc.assert(
		fc.property(anyName, name => {
			const safe = safeFileName(name);
			const bytes = Buffer.byteLength(safe);
			return (
				bytes > 0 &&
				bytes <= 255 &&
				!/[\p{Cc}\p{Surrogate}\u202A-\u202E\u2066-\u2069<>:"/\\|?*]/u.test(safe) &&
				!/^\s|[\s.]$/.test(safe) &&
				!/^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\.|$)/i.test(safe) &&
				path.dirname(path.join('/folder', safe)) === '/folder' &&
				safeFileName(safe) === safe
			);
		}),
		{numRuns: 1000},
	);
	t.pass();
});

test('a safe name keeps what can be kept', t => {
	for (const name of ['report.pdf', '.gitignore', 'ألبوم 写真.tar.gz', '👨‍👩‍👧.png', '-rf']) t.is(safeFileName(name), name);
	t.is(safeFileName('a/b\\c.txt'), 'a_b_c.txt');
	t.is(safeFileName('../../etc/passwd'), '.._.._etc_passwd');
	t.is(safeFileName('nul.txt'), '_nul.txt');
	t.is(safeFileName('..'), 'file');
	t.is(safeFileName(`${'é'.repeat(300)}.jpeg`), `${'é'.repeat(125)}.jpeg`);
});

test('a file of any size comes back as it was', async t => {
	const {api, folder, store} = await arrange(t);
	for (const sizeBytes of [0, 1, 64 * 1024, 10 * MIB, 10 * MIB + 1]) {
		const bytes = randomBytes(sizeBytes);
		const file = await store(`of ${sizeBytes}.bin`, bytes);
		const target = path.join(folder, file.name);
		const seen: number[] = [];
		t.deepEqual(await downloadFile({api, file, path: target, signal, onProgress: done => seen.push(done)}), {
			path: target,
			sizeBytes,
		});
		t.true(bytes.equals(await readFile(target)));
		t.is(seen.at(0), 0);
		t.is(seen.at(-1), sizeBytes);
	}

	t.deepEqual(await partsIn(folder), []);
	t.is((await api.file((await store('photo.JPG', Buffer.from('x'))).id)).type, 'image/jpeg');
});

test('a download that was cut off goes on where it stopped, and never with the bytes of another file', async t => {
	const {api, front, store, target, folder} = await arrange(t);
	const bytes = randomBytes(12 * MIB);
	const file = await store('long.bin', bytes);
	const other = await store('other.bin', randomBytes(12 * MIB));

	front.goAwayAfter(5 * MIB);
	await t.throwsAsync(downloadFile({api, file, path: target, signal}), {instanceOf: UnreachableError});
	t.is((await partsIn(folder)).length, 2);
	await t.throwsAsync(readFile(target), {code: 'ENOENT'});
	await front.comeBack();
	await downloadFile({api, file, path: target, signal});
	t.true(bytes.equals(await readFile(target)));
	t.regex(front.ranges.at(-1) ?? '', /^bytes=[1-9]\d*-$/);
	t.true(front.sentBytes() <= bytes.length + 2 * MIB, String(front.sentBytes()));
	t.deepEqual(await partsIn(folder), []);

	// A note that speaks of another file's bytes, or of more than there is, is not believed.
	const second = path.join(folder, 'second.bin');
	front.goAwayAfter(5 * MIB);
	await t.throwsAsync(downloadFile({api, file: other, path: second, signal}), {instanceOf: UnreachableError});
	await front.comeBack();
	for (const name of await partsIn(folder)) {
		const from = path.join(folder, name);
		const own = name.replace(other.id.slice(0, 8), file.id.slice(0, 8));
		await writeFile(path.join(folder, own), await readFile(from));
	}

	await downloadFile({api, file, path: second, signal});
	t.true(bytes.equals(await readFile(second)));
});

test('a process that was killed in the middle leaves what another goes on with', async t => {
	const {api, front, store, target, folder} = await arrange(t);
	const bytes = randomBytes(40 * MIB);
	const file = await store('killed.bin', bytes);
	front.holdAfter(36 * MIB);
	const script = `
		const {createApi} = await import(process.argv[1]);
		const {downloadFile} = await import(process.argv[2]);
		const [api, file, path] = [createApi(process.argv[3]), JSON.parse(process.argv[4]), process.argv[5]];
		await downloadFile({api, file, path, signal: new AbortController().signal});
	`;
	const modules = ['../client/api.js', './download-file.js'].map(name => new URL(name, import.meta.url).href);
	const child = spawn(process.execPath, [
		...['--input-type=module', '--eval', script, '--'],
		...[...modules, front.url, JSON.stringify(file), target],
	]);
	t.teardown(() => child.kill('SIGKILL'));
	const partial = partialOf(target, file.id);
	await until('a note on its progress', async () => readNote(partial, file.id));
	child.kill('SIGKILL');
	await once(child, 'exit');
	t.is((await partsIn(folder)).length, 3);

	front.holdAfter(undefined);
	await downloadFile({api, file, path: target, signal});
	t.true(bytes.equals(await readFile(target)));
	t.true(Number(/^bytes=(\d+)-$/.exec(front.ranges.at(-1) ?? '')?.[1]) >= 32 * MIB);
	t.deepEqual(await partsIn(folder), []);
});

test('a partial file that is whole already only waits for its name', async t => {
	const {api, front, store, target, folder} = await arrange(t);
	const bytes = randomBytes(2 * MIB);
	const file = await store('whole.bin', bytes);
	// Somebody takes the name while the bytes come.
	const takeName = (done: number, size: number) => {
		if (done === size) return;
		taken ??= writeFile(target, 'theirs');
	};
	let taken: Promise<void> | undefined;
	await refusedWith(
		t,
		downloadFile({api, file, path: target, signal, onProgress: takeName}),
		'TARGET_EXISTS',
		/target\.bin exists already/,
	);
	await taken;
	t.is(await readFile(target, 'utf8'), 'theirs');
	const before = front.sentBytes();
	await downloadFile({api, file, path: target, overwrite: true, signal});
	t.true(bytes.equals(await readFile(target)));
	t.is(front.sentBytes() - before, 1);
	t.deepEqual(await partsIn(folder), []);
});

test('what can not be a target is refused with its path and what to do', async t => {
	const {api, store, target, folder} = await arrange(t);
	const file = await store('small.bin', Buffer.from('small'));
	const to = async (at: string, overwrite = false) => downloadFile({api, file, path: at, overwrite, signal});
	await writeFile(target, 'mine');
	await refusedWith(t, to(target), 'TARGET_EXISTS', /target\.bin exists already: choose another name/);
	await refusedWith(t, to(folder, true), 'NOT_A_FILE', /is a folder: name a file in it/);
	await refusedWith(t, to(`${folder}/new/`), 'NOT_A_FILE', /names a folder/);
	await refusedWith(t, to(path.join(folder, 'no', 'x')), 'FOLDER_MISSING', /The folder .*\/no is not there: make it/);
	await refusedWith(t, to(path.join(target, 'x')), 'FOLDER_MISSING', /target\.bin is no folder/);
	await refusedWith(t, to(path.join(folder, 'x'.repeat(256))), 'NAME_NOT_ALLOWED', /choose a shorter one/);
	t.is(await readFile(target, 'utf8'), 'mine');

	const longest = path.join(folder, 'é'.repeat(127));
	await to(longest);
	t.is(await readFile(longest, 'utf8'), 'small');
	await to(target, true);
	t.is(await readFile(target, 'utf8'), 'small');

	const gone = {...file, id: '0'.repeat(32)};
	const error = await t.throwsAsync(downloadFile({api, file: gone, path: path.join(folder, 'gone'), signal}));
	t.is((error as {code?: string}).code, 'FILE_NOT_FOUND');
	t.deepEqual(await partsIn(folder), []);
});

test('of two downloads to one target the second is refused, also that of another process', async t => {
	const {api, front, store, target, folder} = await arrange(t);
	const file = await store('a.bin', randomBytes(3 * MIB));
	front.holdAfter(MIB);
	let begun: () => void = () => undefined;
	const hasBegun = new Promise<void>(resolve => (begun = resolve));
	const first = downloadFile({api, file, path: target, signal, onProgress: begun});
	await hasBegun;
	await refusedWith(t, downloadFile({api, file, path: target, signal}), 'TARGET_IN_USE', /by another download already/);
	await discardPartial(target, file.id);
	front.holdAfter(undefined);
	await first;
	t.is((await stat(target)).size, 3 * MIB);

	const lockPath = path.join(folder, 'b.bin.part-lock');
	const other = spawn('sleep', ['1000']);
	t.teardown(() => other.kill('SIGKILL'));
	const ticks = (await readFile(`/proc/${other.pid}/stat`, 'utf8')).split(') ')[1]?.split(' ')[19];
	await writeFile(lockPath, JSON.stringify({pid: other.pid, started: ticks, token: 'x'}));
	const second = path.join(folder, 'b.bin');
	await refusedWith(t, downloadFile({api, file, path: second, signal}), 'TARGET_IN_USE', /by process \d+ already/);
	other.kill('SIGKILL');
	await once(other, 'exit');
	await downloadFile({api, file, path: second, signal});
	t.deepEqual(await partsIn(folder), []);
});

test('of many that lock one target at once, after a claim whose process ended, one gets it', async t => {
	const folder = await temporaryFolder(t);
	const target = path.join(folder, 'x');
	for (let round = 0; round < 20; round++) {
		await writeFile(`${target}.part-lock`, JSON.stringify({pid: process.pid, started: 'before', token: 'x'}));
		const results = await Promise.allSettled(Array.from({length: 8}, async () => lockTarget(target)));
		const locks = results.filter(result => result.status === 'fulfilled').map(({value}) => value);
		const held = await Promise.all(locks.map(async lock => lock.isHeld()));
		t.is(held.filter(Boolean).length, 1);
		for (const lock of locks) await lock.release();
		t.deepEqual(await readdir(folder), []);
	}
});

test('a full disk is said so, and the download goes on when there is room', async t => {
	const {api, front, store, folder} = await arrange(t);
	const disk = path.join(folder, 'disk');
	await mkdir(disk);
	try {
		await run('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', disk]);
	} catch {
		t.log('left out: this test mounts a small file system, which only root may do');
		t.pass();
		return;
	}

	t.teardown(async () => run('umount', [disk]));
	const bytes = randomBytes(6 * MIB);
	const file = await store('six.bin', bytes);
	const target = path.join(disk, 'six.bin');
	const ballast = path.join(disk, 'ballast');
	await writeFile(ballast, Buffer.alloc(4 * MIB));
	await refusedWith(
		t,
		downloadFile({api, file, path: target, signal}),
		'DISK_FULL',
		/six\.bin: \d+ bytes .* Make room/,
	);
	t.deepEqual(await partsIn(disk), []);

	// It fills up while the bytes come.
	await rm(ballast);
	let filled: Promise<void> | undefined;
	front.holdAfter(3 * MIB);
	const download = downloadFile({
		...{api, file, path: target, signal},
		onProgress(done) {
			if (done < 2 * MIB) return;
			filled ??= writeFile(ballast, Buffer.alloc(8 * MIB))
				.catch(() => undefined)
				.then(() => front.holdAfter(undefined));
		},
	});
	await refusedWith(t, download, 'DISK_FULL', /no room left for .*six\.bin: make room/);
	await filled;
	t.is((await partsIn(disk)).length, 2);
	await rm(ballast);
	await downloadFile({api, file, path: target, signal});
	t.true(bytes.equals(await readFile(target)));
	t.regex(front.ranges.at(-1) ?? '', /^bytes=[1-9]\d*-$/);
});

test('an upload of what changes, is no file or is not there is refused', async t => {
	const {api, folder} = await arrange(t);
	const from = path.join(folder, 'changing');
	const upload = async (change?: () => Promise<unknown>) => {
		await writeFile(from, randomBytes(40 * MIB));
		let changing: Promise<unknown> | undefined;
		const onProgress = (done: number) => {
			if (done > 0) changing ??= change?.();
		};
		await uploadFile({api, path: from, name: 'x', signal, onProgress}).finally(async () => changing);
	};

	await refusedWith(
		t,
		upload(async () => appendFile(from, 'more')),
		'FILE_CHANGED',
		/changing grew while it was read/,
	);
	await refusedWith(
		t,
		upload(async () => truncate(from, 1)),
		'FILE_CHANGED',
		/became shorter|was changed/,
	);
	const at = async (file: string) => uploadFile({api, path: path.join(folder, file), name: 'x', signal});
	await refusedWith(t, at('nowhere'), 'FILE_MISSING', /nowhere is not there/);
	await refusedWith(t, at('.'), 'NOT_A_FILE', /is a folder/);
	await run('mkfifo', [path.join(folder, 'pipe')]);
	await refusedWith(t, at('pipe'), 'NOT_A_FILE', /pipe is no file but a device/);
	t.is((await api.files({limit: 10})).total, 0);
});

test('a folder stands for its files, followed through links to files and not through links to folders', async t => {
	const folder = await temporaryFolder(t);
	const top = path.join(folder, 'top');
	await mkdir(path.join(top, 'b', 'c'), {recursive: true});
	await mkdir(path.join(folder, 'elsewhere'));
	await writeFile(path.join(folder, 'elsewhere', 'far'), 'far!');
	await writeFile(path.join(top, 'a'), 'a');
	await writeFile(path.join(top, 'b', 'c', 'd'), 'dd');
	await symlink('../elsewhere/far', path.join(top, 'linked'));
	await symlink('..', path.join(top, 'b', 'circle'));
	await symlink('nowhere', path.join(top, 'broken'));
	await run('mkfifo', [path.join(top, 'pipe')]);

	const all = async (...paths: string[]) => {
		const found = [];
		for await (const {name, sizeBytes, problem} of expandPaths(paths)) found.push([name, problem?.code ?? sizeBytes]);
		return found;
	};

	t.deepEqual(await all(path.join(top, 'a'), `${top}/`, path.join(folder, 'none')), [
		['a', 1],
		['top/b/c/d', 2],
		['top/broken', 'FILE_MISSING'],
		['top/linked', 4],
		['top/pipe', 'NOT_A_FILE'],
		['none', 'FILE_MISSING'],
	]);
	const bounded = async () => {
		for await (const file of expandPaths([top], {maxEntries: 3})) t.truthy(file);
	};
	await refusedWith(t, bounded(), 'TOO_MANY_FILES', /more than 3 files and folders/);
});
