import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {createInterface} from 'node:readline';
import {setTimeout as delay} from 'node:timers/promises';
import test, {type ExecutionContext} from 'ava';

const lifecycleModule = new URL('./lifecycle.js', import.meta.url).href;
const clockModule = new URL('./adapters/system.js', import.meta.url).href;

/** A program whose start and close are given as JavaScript. Its output tells how it went. */
const run = (t: ExecutionContext, {start = '', close = '', longestCloseMs = 15_000}) => {
	const code = `
import {runUntilStopped} from ${JSON.stringify(lifecycleModule)};
import {systemClock as clock} from ${JSON.stringify(clockModule)};
const say = text => console.log(text);
const sleep = ms => new Promise(resolve => setTimeout(resolve, ms));
const log = {info: say, debug: say, warn: say, error: (message, {error} = {}) => say('error: ' + message + (error ? ': ' + error.message : '')), child: () => log};
await runUntilStopped(
	async signal => { say('starting'); ${start}; say('started'); return {close: async () => { say('closing'); ${close}; say('closed'); }}; },
	{log, clock, longestCloseMs: ${longestCloseMs}},
);`;
	const child = spawn(process.execPath, ['--input-type=module', '-e', code], {stdio: ['ignore', 'pipe', 'inherit']});
	t.teardown(() => child.kill('SIGKILL'));
	const lines: string[] = [];
	const reader = createInterface({input: child.stdout}).on('line', line => lines.push(line));
	const exit = Promise.all([once(child, 'exit'), once(reader, 'close')]);
	return {
		child,
		lines,
		async saw(line: string) {
			while (!lines.includes(line) && child.exitCode === null) await delay(5);
		},
		async ended() {
			const [[exitCode]] = (await exit) as [[number | null], unknown];
			return exitCode;
		},
	};
};

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
	test(`${signal} closes what runs, waits for it, and ends with 0`, async t => {
		const program = run(t, {close: 'await sleep(300)'});
		await program.saw('started');
		program.child.kill(signal);
		t.is(await program.ended(), 0);
		t.deepEqual(program.lines.slice(-3), ['closing', 'closed', 'stopped']);
	});

	test(`a second ${signal} ends at once what does not close`, async t => {
		const program = run(t, {close: 'await sleep(60_000)'});
		await program.saw('started');
		program.child.kill(signal);
		await program.saw('closing');
		await delay(600);
		program.child.kill(signal);
		t.is(await program.ended(), signal === 'SIGINT' ? 130 : 1);
	});
}

test('a signal that comes twice at once, as npm passes it on, is one', async t => {
	const program = run(t, {close: 'await sleep(300)'});
	await program.saw('started');
	program.child.kill('SIGINT');
	await delay(30);
	program.child.kill('SIGINT');
	t.is(await program.ended(), 0);
	t.true(program.lines.includes('closed'));
});

test('a signal while it starts breaks the start off, and ends with 0', async t => {
	const start = "await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))";
	const program = run(t, {start});
	await program.saw('starting');
	program.child.kill('SIGTERM');
	t.is(await program.ended(), 0);
	t.false(program.lines.includes('started'));
});

test('what starts in spite of a signal is closed', async t => {
	const start = "await new Promise(resolve => signal.addEventListener('abort', resolve))";
	const program = run(t, {start});
	await program.saw('starting');
	program.child.kill('SIGTERM');
	t.is(await program.ended(), 0);
	t.deepEqual(program.lines.slice(-4), ['started', 'closing', 'closed', 'stopped']);
});

for (const [kind, code] of [
	['an error was not caught', "setTimeout(() => { throw new Error('oh') }, 50)"],
	['a rejection was not handled', "setTimeout(() => Promise.reject(new Error('oh')), 50)"],
] as const) {
	test(`when ${kind} it is logged, what runs is closed, and the program ends with 1`, async t => {
		const program = run(t, {start: code});
		t.is(await program.ended(), 1);
		t.deepEqual(program.lines.slice(-3), [`error: ${kind}: oh`, 'closing', 'closed']);
	});
}

test('a close that fails is logged and ends with 1', async t => {
	const program = run(t, {close: "throw new Error('disk gone')"});
	await program.saw('started');
	program.child.kill('SIGTERM');
	t.is(await program.ended(), 1);
	t.is(program.lines.at(-1), 'error: closing failed: disk gone');
});

test('a close that hangs is not waited for for ever', async t => {
	const program = run(t, {close: 'await new Promise(() => {})', longestCloseMs: 200});
	await program.saw('started');
	program.child.kill('SIGTERM');
	t.is(await program.ended(), 1);
	t.regex(program.lines.at(-1) ?? '', /closing takes too long/);
});

test('what waits for nothing in particular goes on', async t => {
	const program = run(t, {});
	await program.saw('started');
	await delay(200);
	t.is(program.child.exitCode, null);
});
