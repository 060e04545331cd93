import {execFileSync} from 'node:child_process';
import {once} from 'node:events';
import {
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	symlinkSync,
	utimesSync,
	writeFileSync,
} from 'node:fs';
import {createServer, type IncomingMessage, request, type ServerResponse} from 'node:http';
import type {AddressInfo} from 'node:net';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {spawn as spawnTerminal} from '@lydell/node-pty';
import anyTest, {type ExecutionContext, type TestFn} from 'ava';
import {startTestNetwork, type TestNetwork} from '../../daemon/testing/network.js';
import type {FileView, LogEntry, Uploaded} from '../client/contract.js';
import {program, runProgram, startProgram} from '../testing/program.js';

type Context = ExecutionContext<{folder: string; network: TestNetwork}>;

/** A test with a network and a folder of its own. One after the other: each runs many processes. */
const test = (title: string, implementation: (t: Context) => Promise<void>) =>
	(anyTest as TestFn<Context['context']>).serial(title, async t => {
		const folder = mkdtempSync(path.join(tmpdir(), 'pjas-tui-'));
		t.teardown(() => rmSync(folder, {recursive: true, force: true}));
		t.context = {folder, network: await startTestNetwork(t)};
		await implementation(t);
	});

const environmentOf = (t: Context) => ({PJAS_COORDINATOR: t.context.network.url});

const run = async (t: Context, argv: string[], input?: string | Uint8Array) =>
	runProgram(argv, {folder: t.context.folder, environment: environmentOf(t), ...(input !== undefined && {input})});

/** Runs it well, and gives what it printed. */
const output = async (t: Context, argv: string[], input?: string | Uint8Array): Promise<string> => {
	const {code, stdout, stderr} = await run(t, argv, input);
	t.deepEqual([code, stderr], [0, ''], argv.join(' '));
	return stdout;
};

const at = (t: Context, ...names: string[]) => path.join(t.context.folder, ...names);

const store = async (t: Context, name: string, content: string | Uint8Array = name) =>
	JSON.parse(await output(t, ['upload', '-', '--json', '--name', name], content)) as Uploaded;

const stored = async (t: Context) => JSON.parse(await output(t, ['files', '--json'])) as FileView[];

const noise = (bytes: number): Buffer =>
	Buffer.from(Uint8Array.from({length: bytes}, (_, index) => (index * 7919) >>> 5));

test('files and folders are uploaded, listed and downloaded as they were', async t => {
	mkdirSync(at(t, 'photos', 'old'), {recursive: true});
	writeFileSync(at(t, 'photos', 'b.jpg'), 'b');
	writeFileSync(at(t, 'photos', 'old', 'a.jpg'), 'a');
	writeFileSync(at(t, 'notes.txt'), noise(100_000));
	const lines = (await output(t, ['upload', 'photos', 'notes.txt'])).trimEnd().split('\n');
	t.deepEqual(
		lines.map(line => line.replace(/^[\da-f]{32} {2}/, '')),
		['photos/b.jpg', 'photos/old/a.jpg', 'notes.txt'],
	);
	t.regex(
		await output(t, ['files', '--search', 'NOTES']),
		/^FILE.*\n[\da-f]{32} +97\.7 KiB {2}\S+ \S+ {2}full +notes\.txt\n$/,
	);
	t.is(await output(t, ['files', '--search', 'nothing']), 'No file has that in its name\n');

	const id = (lines[2] ?? '').slice(0, 32);
	mkdirSync(at(t, 'here'));
	t.is(await output(t, ['download', id.slice(0, 16), '-o', 'here']), `${at(t, 'here', 'notes.txt')}\n`);
	t.deepEqual(readFileSync(at(t, 'here', 'notes.txt')), noise(100_000));
	t.is(
		await output(t, ['download', 'photos/b.jpg', '--json']),
		`${JSON.stringify({
			file_id: (lines[0] ?? '').slice(0, 32),
			filename: 'photos/b.jpg',
			path: at(t, 'photos_b.jpg'),
			size: 1,
		})}\n`,
	);
});

test('of a folder only what changed is uploaded again, and all of it where that is asked for', async t => {
	mkdirSync(at(t, 'photos'));
	for (const name of ['hill', 'lake', 'sea']) writeFileSync(at(t, 'photos', name), name);
	const namesOf = ({stdout}: {stdout: string}) =>
		stdout
			.split('\n')
			.filter(line => line !== '')
			.map(line => line.slice(34));
	const upload = async (...argv: string[]) => {
		const done = await run(t, ['upload', ...argv]);
		t.is(done.code, 0, done.stderr);
		return {sent: namesOf(done), said: done.stderr};
	};

	t.deepEqual(await upload('photos'), {sent: ['photos/hill', 'photos/lake', 'photos/sea'], said: ''});
	t.deepEqual(await upload('photos'), {sent: [], said: '3 files are stored already as they are here\n'});
	// Of the same size, and older than what is stored: its content tells.
	writeFileSync(at(t, 'photos', 'lake'), 'pond');
	utimesSync(at(t, 'photos', 'lake'), 1, 1);
	writeFileSync(at(t, 'photos', 'wood'), 'wood');
	t.deepEqual(await upload('photos'), {
		sent: ['photos/lake', 'photos/wood'],
		said: '2 files are stored already as they are here\n',
	});
	t.deepEqual(await upload('photos', '--all'), {
		sent: ['photos/hill', 'photos/lake', 'photos/sea', 'photos/wood'],
		said: '',
	});
});

test('one file that cannot be uploaded does not keep the others from it', async t => {
	writeFileSync(at(t, 'good'), 'good');
	const {code, stdout, stderr} = await run(t, ['upload', 'missing', 'good', '--json']);
	t.is(code, 1);
	t.like(JSON.parse(stdout), {filename: 'good', size: 4, chunks: 1, redundancy: {wanted: 3, lowest: 3}});
	t.like(JSON.parse(stderr), {code: 'FILE_MISSING'});
	symlinkSync('good', at(t, 'link'));
	t.regex(await output(t, ['upload', 'link', '--name', 'other']), / {2}other\n$/);
	const refused = async (...argv: string[]) => {
		const failure = await run(t, ['upload', ...argv]);
		t.is(failure.code, 2);
		return failure.stderr;
	};
	t.regex(await refused('-'), /Say what standard input is to be called: pjas-tui upload - --name NAME/);
	t.regex(await refused('good', 'link', '--name', 'x'), /--name is for one file/);
	t.is((await stored(t)).length, 2);
});

test('bytes come from standard input and go to standard output', async t => {
	const {file_id: id} = await store(t, 'stream', noise(300_000));
	const child = startProgram(['download', id, '-o', '-'], {folder: t.context.folder, environment: environmentOf(t)});
	const pieces: Buffer[] = [];
	child.stdout.on('data', (piece: Buffer) => pieces.push(piece));
	t.deepEqual(await once(child, 'close'), [0, null]);
	t.deepEqual(Buffer.concat(pieces), noise(300_000));
	t.is(await output(t, ['download', 'stream', '-o', '-'], ''), Buffer.concat(pieces).toString());
	t.like(await run(t, ['download', id, '-o', '-', '--json']), {code: 2});
	await output(t, ['upload', '-', '--name', 'empty']);
	t.is(await output(t, ['download', 'empty', '-o', '-']), '');
});

test('a download overwrites only what it is told to', async t => {
	await store(t, 'a', 'new');
	writeFileSync(at(t, 'a'), 'old');
	const refused = await run(t, ['download', 'a']);
	t.is(refused.code, 1);
	t.regex(refused.stderr, /a" is there already\. Overwrite it with --force, or say another path with -o\n$/);
	t.is(readFileSync(at(t, 'a'), 'utf8'), 'old');
	await output(t, ['download', 'a', '-o', 'b']);
	await output(t, ['download', 'a', '--force']);
	t.is(readFileSync(at(t, 'a'), 'utf8') + readFileSync(at(t, 'b'), 'utf8'), 'newnew');
	t.like(await run(t, ['download', 'a', '-o', 'no/such/c']), {code: 1, stdout: ''});
	t.deepEqual(readdirSync(t.context.folder).sort(), ['a', 'b']);
});

/** A way to the network over which `pass` sends each answer on: all of it, or less. */
const startWay = async (
	t: Context,
	pass: (asked: IncomingMessage, answer: IncomingMessage, outgoing: ServerResponse) => void,
) => {
	const server = createServer((asked, outgoing) => {
		const target = new URL(asked.url ?? '', t.context.network.url);
		const upstream = request(target, {method: asked.method, headers: asked.headers}, answer => {
			outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
			pass(asked, answer, outgoing);
		});
		upstream.on('error', () => outgoing.destroy());
		outgoing.on('close', () => upstream.destroy());
		asked.pipe(upstream);
	}).listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.teardown(() => {
		server.closeAllConnections();
		server.close();
	});
	return {server, environment: {PJAS_COORDINATOR: `http://127.0.0.1:${(server.address() as AddressInfo).port}`}};
};

const isDownload = ({url}: IncomingMessage) => url?.includes('/download/') === true;

test('a download that broke goes on where it stopped', async t => {
	const content = noise(3_000_000);
	await store(t, 'big', content);
	const asked: (string | undefined)[] = [];
	const {environment} = await startWay(t, (incoming, answer, outgoing) => {
		if (!isDownload(incoming) || asked.push(incoming.headers.range) > 1) {
			answer.pipe(outgoing);
			return;
		}

		let leftBytes = 1_500_000;
		answer.on('data', (piece: Buffer) => {
			const part = piece.subarray(0, leftBytes);
			leftBytes -= part.length;
			outgoing.write(part, () => leftBytes === 0 && outgoing.destroy());
		});
	});
	const options = {folder: t.context.folder, environment};
	const broken = await runProgram(['download', 'big'], options);
	if (broken.code !== 0) {
		t.is(broken.code, 3);
		t.regex(broken.stderr, /The same command goes on where this one stopped\n$/);
		t.regex(readdirSync(t.context.folder).join(), /^big\.part-[\da-f]+/);
		t.like(await runProgram(['download', 'big'], options), {code: 0, stderr: ''});
	}

	t.deepEqual(readFileSync(at(t, 'big')), content);
	t.deepEqual(readdirSync(t.context.folder), ['big']);
	t.is(asked[0], undefined);
	t.regex(asked[1] ?? '', /^bytes=[1-9]\d*-$/);
});

test('who interrupts a download gets 130 and keeps what is there', async t => {
	await store(t, 'big', noise(3_000_000));
	const {server, environment} = await startWay(t, (incoming, answer, outgoing) => {
		if (!isDownload(incoming)) {
			answer.pipe(outgoing);
			return;
		}

		answer.once('data', (piece: Buffer) => {
			answer.pause();
			outgoing.write(piece, () => server.emit('stuck'));
		});
	});
	const child = startProgram(['download', 'big'], {folder: t.context.folder, environment});
	await once(server, 'stuck');
	child.kill('SIGINT');
	t.deepEqual(await once(child, 'exit'), [130, null]);
	t.false(readdirSync(t.context.folder).includes('big'));
});

test('a check says what is wrong with a file, and its exit code too', async t => {
	const {file_id: id} = await store(t, 'checked', noise(1000));
	t.is(await output(t, ['check', 'checked']), 'checked: all 3 shards are right\n');
	const [node] = t.context.network.nodes;
	const [digest] = [...(node?.shards.kept.keys() ?? [])];
	t.truthy(digest);
	if (node && digest) await node.shards.remove(digest);
	const {code, stdout, stderr} = await run(t, ['check', id]);
	t.deepEqual([code, stderr], [1, '']);
	t.regex(
		stdout,
		/^CHUNK {2}SHARD {4}NODE\n0 {6}missing {2}node 1\nchecked: 2 of 3 shards are right, 1 missing, 0 corrupt, 0 unreachable\. The file can be read\n$/,
	);
	const asJson = await run(t, ['check', id, '--json']);
	t.is(asJson.code, 1);
	const lines = asJson.stdout
		.trimEnd()
		.split('\n')
		.map(line => JSON.parse(line) as Record<string, unknown>);
	t.deepEqual(
		lines.map(({event}) => event),
		['chunk', 'done'],
	);
	t.like(lines[1], {success: true, ok: 2, missing: 1});
});

test('a name that several files have is no name for one of them', async t => {
	const first = await store(t, 'twin', '1');
	const second = await store(t, 'twin', '2');
	for (const command of [['download'], ['check'], ['rm', '--yes']]) {
		const {code, stdout, stderr} = await run(t, [...command, 'twin']);
		t.deepEqual([code, stdout], [2, '']);
		t.true(stderr.includes(first.file_id) && stderr.includes(second.file_id), stderr);
	}

	t.is((await stored(t)).length, 2);
});

test('rm deletes what it names, after a word of assent', async t => {
	await store(t, 'a');
	await store(t, 'b');
	const {file_id: id} = await store(t, 'c');
	const refused = await run(t, ['rm', 'a']);
	t.is(refused.code, 2);
	t.regex(refused.stderr, /no terminal to ask on\. Say --yes/);
	t.like(await run(t, ['rm', 'a', 'missing', '--yes']), {code: 4, stdout: ''}, 'nothing goes unless all are known');
	t.is((await stored(t)).length, 3);
	t.regex(await output(t, ['rm', '-y', 'a', 'b', 'b']), /^Deleted [\da-f]{32} {2}a\nDeleted [\da-f]{32} {2}b\n$/);
	t.deepEqual(JSON.parse(await output(t, ['rm', '--yes', '--json', id])), {file_id: id, filename: 'c', deleted: true});
	t.deepEqual(await stored(t), []);
});

/** Runs it in a terminal; `type` is told all that was shown so far, and says what to type next. */
const inTerminal = async (
	t: Context,
	file: string,
	argv: string[],
	type: (shown: string) => string | undefined,
	more = {},
) => {
	const terminal = spawnTerminal(file, argv, {
		cwd: t.context.folder,
		env: {PATH: process.env['PATH'], TERM: 'xterm', ...environmentOf(t), ...more},
		cols: 100,
		rows: 30,
	});
	let shown = '';
	terminal.onData(data => {
		shown += data;
		const typed = type(shown);
		if (typed !== undefined) terminal.write(typed);
	});
	const code = await new Promise<number>(resolve => terminal.onExit(({exitCode}) => resolve(exitCode)));
	return {code, shown};
};

test('rm asks on a terminal, and takes nothing but yes for one', async t => {
	await store(t, 'kept');
	for (const [answer, code] of [
		['n\r', 1],
		['\r', 1],
		['\u0004', 1],
		['\u0003', 130],
		['y\r', 0],
	] as const) {
		let isAsked = false;
		const result = await inTerminal(t, process.execPath, [program, 'rm', 'kept'], shown => {
			if (isAsked || !shown.includes('[y/N]')) return undefined;
			isAsked = true;
			return answer;
		});
		t.is(result.code, code, JSON.stringify(answer));
		t.regex(result.shown, / 4 B {2}kept\r\nDelete this file\? \[y\/N\] /);
		t.is((await stored(t)).length, code === 0 ? 0 : 1);
	}
});

test('progress is shown on a terminal, and gone at the end', async t => {
	writeFileSync(at(t, 'file'), noise(2_000_000));
	const argv = [program, 'upload', 'file'];
	const {code, shown} = await inTerminal(t, process.execPath, argv, () => undefined);
	t.is(code, 0);
	t.regex(shown, /\r100% {2}1\.9 MiB of 1\.9 MiB.*file/);
	t.regex(shown, /\r *\r[\da-f]{32} {2}file\r\n$/);
	t.notRegex((await inTerminal(t, process.execPath, [...argv, '-q'], () => undefined)).shown, /%/);
});

test('the log is followed, each entry once, also over a connection that breaks', async t => {
	await store(t, 'before');
	const {server, environment} = await startWay(t, (_, answer, outgoing) => void answer.pipe(outgoing));
	const child = startProgram(['logs', '-f', '--json', '--limit', '1'], {folder: t.context.folder, environment});
	const entries: LogEntry[] = [];
	let rest = '';
	child.stdout.on('data', (data: Buffer) => {
		const lines = (rest + data.toString()).split('\n');
		rest = lines.pop() ?? '';
		entries.push(...lines.map(line => JSON.parse(line) as LogEntry));
		child.emit('entry');
	});
	const until = async (part: string) => {
		while (!entries.some(({message}) => message.includes(part))) await once(child, 'entry');
	};
	await until('before');
	await store(t, 'first');
	await until('first');
	server.closeAllConnections();
	await store(t, 'second');
	await until('second');
	t.deepEqual(
		entries.map(({id}) => id),
		entries.map((_, index) => (entries[0]?.id ?? 0) + index),
		'each once, in order',
	);
	child.kill('SIGINT');
	t.deepEqual(await once(child, 'exit'), [130, null]);
	t.is(await output(t, ['logs', '--level', 'error']), '');
	t.like(await run(t, ['logs', '--limit', '0']), {code: 2});
});

/** What bash offers for a line, as the completion leaves it in COMPREPLY. */
const bashOffers = (t: Context, ...words: string[]): string[] => {
	const script = `
		pjas-tui() { ${process.execPath} ${program} "$@"; }
		source <(pjas-tui completion bash)
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*"
		_pjas_tui
		printf '%s\\n' "\${COMPREPLY[@]}"`;
	const options = {
		cwd: t.context.folder,
		env: {PATH: process.env['PATH'], ...environmentOf(t)},
		encoding: 'utf8' as const,
	};
	return execFileSync('bash', ['--norc', '-c', script, 'bash', 'pjas-tui', ...words], options)
		.trimEnd()
		.split('\n');
};

test('bash completes commands, flags, values, paths and stored files', async t => {
	await store(t, 'my file.txt');
	const {file_id: id} = await store(t, 'other');
	writeFileSync(at(t, 'local.txt'), '');
	// Bash is waited for, and the network answers out of this process: its files are asked for without one.
	t.deepEqual(bashOffers(t, 'up'), ['upload']);
	t.deepEqual(bashOffers(t, 'help', 'st'), ['stats']);
	t.deepEqual(bashOffers(t, '--th'), ['--theme']);
	t.deepEqual(bashOffers(t, '--theme', ''), ['auto', 'dark', 'light', 'ascii']);
	t.deepEqual(bashOffers(t, '--theme', '=', 'a'), ['auto', 'ascii']);
	t.deepEqual(bashOffers(t, 'logs', '--level', ''), ['INFO', 'WARN', 'ERROR']);
	t.deepEqual(bashOffers(t, '--coordinator', 'x', 'download', '--fo'), ['--force']);
	t.deepEqual(bashOffers(t, 'completion', ''), ['bash', 'zsh', 'fish']);
	t.deepEqual(bashOffers(t, 'upload', 'loc'), ['local.txt']);
	t.deepEqual(bashOffers(t, 'download', 'x', '-o', 'loc'), ['local.txt']);
	t.deepEqual(bashOffers(t, 'files', ''), ['']);
	t.deepEqual((await output(t, ['__complete', 'files', '--', 'my'])).split('\n'), ['my file.txt', '']);
	t.is(await output(t, ['__complete', 'files', id.slice(0, 20)]), `${id}\n`);
	t.deepEqual(await run(t, ['__complete', 'files', 'my', '--coordinator', 'http://127.0.0.1:1']), {
		code: 1,
		stdout: '',
		stderr: '',
	});
});

test('Tab in a real bash writes the name of a stored file, quoted', async t => {
	await store(t, 'my file.txt');
	writeFileSync(
		at(t, 'rc'),
		`
		pjas-tui() { ${process.execPath} ${program} "$@"; }
		PS1='ready> '
		source <(pjas-tui completion bash)
	`,
	);
	const steps: [string, string][] = [
		['ready> ', 'pjas-tui download m\t'],
		['my\\ file.txt ', '-o copied; exit\r'],
	];
	const {code} = await inTerminal(t, 'bash', ['--rcfile', at(t, 'rc'), '-i'], shown => {
		const [expected, typed] = steps[0] ?? [];
		if (expected === undefined || !shown.includes(expected)) return undefined;
		steps.shift();
		return typed;
	});
	t.deepEqual([code, steps], [0, []]);
	t.is(readFileSync(at(t, 'copied'), 'utf8'), 'my file.txt');
});
