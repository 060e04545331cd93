import {type ChildProcess, spawn} from 'node:child_process';
import {once} from 'node:events';
import {existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {createInterface} from 'node:readline';
import {setTimeout as delay} from 'node:timers/promises';
import anyTest, {type ExecutionContext, type TestFn} from 'ava';
import {isPjasError} from '../../source/protocol/errors.js';
import {lockFolder} from './folder-lock.js';
import {systemClock} from './system.js';

const test = anyTest as TestFn<{root: string; folder: string}>;

test.beforeEach(t => {
	const root = mkdtempSync(path.join(tmpdir(), 'pjas-lock-'));
	t.context = {root, folder: path.join(root, 'data')};
});

test.afterEach.always(t => rmSync(t.context.root, {recursive: true, force: true}));

const clock = systemClock;
const hasProc = existsSync('/proc/self/stat');
const lockModule = new URL('./folder-lock.js', import.meta.url).href;
const clockModule = new URL('./system.js', import.meta.url).href;

/** For each folder on a line of its input, a child tries to lock it and says `won` or why not. It releases nothing. */
const childCode = `
import {createInterface} from 'node:readline';
const {lockFolder} = await import(${JSON.stringify(lockModule)});
const {systemClock: clock} = await import(${JSON.stringify(clockModule)});
console.log('there');
for await (const folder of createInterface({input: process.stdin})) {
	await lockFolder(folder, {clock}).then(() => console.log('won'), error => console.log(error.message));
}`;

type Child = {process: ChildProcess; pid: number; ask: (folder: string) => Promise<string>; kill: () => Promise<void>};

const startChild = async (t: ExecutionContext): Promise<Child> => {
	const child = spawn(process.execPath, ['--input-type=module', '-e', childCode], {stdio: ['pipe', 'pipe', 'inherit']});
	const lines = createInterface({input: child.stdout})[Symbol.asyncIterator]();
	const nextLine = async () => String((await lines.next()).value);
	const kill = async () => {
		if (child.exitCode !== null || child.signalCode !== null) return;
		const exit = once(child, 'exit');
		child.kill('SIGKILL');
		await exit;
	};
	t.teardown(kill);
	t.is(await nextLine(), 'there');
	return {
		process: child,
		pid: child.pid ?? 0,
		async ask(folder) {
			child.stdin.write(`${folder}\n`);
			return nextLine();
		},
		kill,
	};
};

const lock = async (folder: string) => lockFolder(folder, {clock});

const refusalOf = async (folder: string): Promise<string> => {
	try {
		await lock(folder);
		return '';
	} catch (error) {
		if (isPjasError(error, 'FOLDER_IN_USE')) return error.message;
		throw error;
	}
};

const writeClaim = async (folder: string, claim: object | string, number = 1) => {
	await (await lock(folder)).release();
	const text = typeof claim === 'string' ? claim : JSON.stringify({token: 'other', ...claim});
	writeFileSync(path.join(folder, `daemon-${number}.lock`), text);
};

test('a lock is refused while it is held, in this process too, and free once it is released', async t => {
	const {folder} = t.context;
	const held = await lock(folder);
	t.is(
		await refusalOf(folder),
		`${folder} is in use by this process (${process.pid}) already: stop that one, or choose another folder`,
	);
	t.deepEqual(readdirSync(folder), ['daemon-1.lock']);
	await held.release();
	t.deepEqual(readdirSync(folder), []);
	await (await lock(folder)).release();
});

test('one process can hold several folders', async t => {
	const locks = await Promise.all(['a', 'b', 'c'].map(async name => lock(path.join(t.context.root, name))));
	for (const name of ['a', 'b', 'c']) t.not(await refusalOf(path.join(t.context.root, name)), '');
	for (const each of locks) await each.release();
});

test('another process is told which one holds the folder, and takes it over when that one was killed', async t => {
	const {folder} = t.context;
	const child = await startChild(t);
	t.is(await child.ask(folder), 'won');
	t.regex(await refusalOf(folder), new RegExp(`is in use by process ${child.pid}: `));
	await child.kill();
	const held = await lock(folder);
	t.deepEqual(readdirSync(folder), ['daemon-2.lock'], 'nothing of the killed one is left');
	const other = await startChild(t);
	t.regex(await other.ask(folder), new RegExp(`is in use by process ${process.pid}: `));
	await held.release();
	t.is(await other.ask(folder), 'won');
});

test('a claim of an earlier process with an id that is in use again is taken over', async t => {
	const {folder} = t.context;
	const child = await startChild(t);
	await writeClaim(folder, {pid: process.pid});
	await (await lock(folder)).release();
	if (hasProc) {
		await writeClaim(folder, {pid: child.pid, startTicks: '1'});
		await (await lock(folder)).release();
		await writeClaim(folder, {pid: child.pid, bootId: 'before the last boot'});
		await (await lock(folder)).release();
	}

	t.pass();
});

(hasProc ? test : test.skip)('a process that ended and was not asked about holds nothing', async t => {
	const {folder} = t.context;
	const parent = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 60'], {stdio: ['ignore', 'pipe', 'inherit']});
	t.teardown(() => parent.kill('SIGKILL'));
	const [line] = (await once(createInterface({input: parent.stdout}), 'line')) as [string];
	const read = (pid: string, file: string) => readFileSync(`/proc/${pid}/${file}`, 'utf8');
	// The shell would ask about its child; the program that it becomes does not.
	while (read(String(parent.pid), 'comm') !== 'sleep\n') await delay(10);
	process.kill(Number(line), 'SIGKILL');
	while (!/\) Z /.test(read(line, 'stat'))) await delay(10);
	await writeClaim(folder, {pid: Number(line)});
	t.is(await refusalOf(folder), '');
});

test('without /proc a claim holds as long as its process id is in use', async t => {
	const {folder} = t.context;
	const child = await startChild(t);
	await writeClaim(folder, {pid: child.pid});
	t.regex(await refusalOf(folder), new RegExp(`process ${child.pid}`));
	await child.kill();
	t.is(await refusalOf(folder), '');
});

test('a claim that says nothing is waited for, then taken over', async t => {
	const {folder} = t.context;
	for (const text of ['', '{"pid":', '[]', '{"pid":-1,"token":"x"}', '{"pid":1}']) {
		await writeClaim(folder, text);
		let waitedMs = 0;
		const sleep = async (ms: number) => {
			waitedMs += ms;
			return Promise.resolve();
		};
		const held = await lockFolder(folder, {clock: {sleep}});
		t.is(waitedMs > 0, text === '');
		await held.release();
	}
});

test('what a process left that was killed while it made its claim is cleared away', async t => {
	const {folder} = t.context;
	await writeClaim(folder, {pid: process.pid}, 7);
	writeFileSync(path.join(folder, 'daemon-8.lock.1234'), '');
	writeFileSync(path.join(folder, 'other.lock'), '');
	const held = await lock(folder);
	t.deepEqual(readdirSync(folder).sort(), ['daemon-8.lock', 'other.lock']);
	t.like(JSON.parse(readFileSync(path.join(folder, 'daemon-8.lock'), 'utf8')), {pid: process.pid});
	await held.release();
});

test('of several processes that start at once exactly one wins, on a new folder and on a stale lock', async t => {
	const gone = await startChild(t);
	await gone.kill();
	const children = await Promise.all(Array.from({length: 5}, async () => startChild(t)));
	for (let round = 0; round < 30; round++) {
		const folder = path.join(t.context.root, `round ${round}`);
		if (round % 2 === 1) await writeClaim(folder, {pid: gone.pid}, 1 + (round % 3));
		const answers = await Promise.all(children.map(async child => child.ask(folder)));
		const winner = children[answers.indexOf('won')];
		t.is(answers.filter(answer => answer === 'won').length, 1, answers.join('\n'));
		for (const answer of answers.filter(each => each !== 'won')) {
			t.regex(answer, new RegExp(`is in use by process ${winner?.pid ?? 0}: `));
		}
	}
});
