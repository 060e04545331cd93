import test from 'ava';
import {openPty} from './pty.js';

const shell = (script: string) => ({command: 'sh', args: ['-c', script]});

test('it shows what a program writes, how it looks, and how it ended', async t => {
	const pty = openPty({
		...shell('printf "a\\033[1;7;31mbold\\033[m \\033[38;2;1;2;3mx\\033[m"; echo "$TERM $CI $LANG"; exit 3'),
		columns: 60,
	});
	t.teardown(pty.close);
	t.deepEqual(await pty.exit, {code: 3, signal: 0});
	t.is(pty.screen()[0], 'abold xxterm-256color false C.UTF-8');
	t.like(pty.cellAttributes(0, 0), {text: 'a', bold: false, inverse: false, foreground: undefined});
	t.like(pty.cellAttributes(0, 1), {text: 'b', bold: true, inverse: true, foreground: 1, background: undefined});
	t.like(pty.cellAttributes(0, 6), {text: 'x', foreground: '#010203'});
	t.true(pty.bytes() > 60);
	t.true(pty.writes() > 0);
});

test('keys and texts reach the program, and a size can be changed', async t => {
	const pty = openPty(
		shell('trap "stty size" WINCH; echo ready; while read line; do echo "got $line"; done; echo ended'),
	);
	t.teardown(pty.close);
	await pty.waitFor('ready');
	pty.type('hello');
	pty.press('enter');
	await pty.waitFor(/^got hello$/m);
	pty.resize(50, 11);
	pty.press('x', 'enter');
	await pty.waitFor('11 50');
	pty.press('ctrl-d');
	await pty.waitFor('ended');
	t.is((await pty.exit).code, 0);
	t.throws(() => pty.press('ctrl-nothing'), {message: /no key/});
});

test('waiting in vain fails with the screen, at once where the program ended', async t => {
	const ended = openPty(shell('echo last words; exit 1'));
	t.teardown(ended.close);
	await t.throwsAsync(ended.waitFor('something else'), {
		message: /before the program ended \(code 1, signal 0\).*last words/s,
	});
	const still = openPty(shell('echo words; cat'));
	t.teardown(still.close);
	await still.waitFor('words');
	await t.throwsAsync(still.waitFor('something else', {timeoutMs: 1}), {message: /within 1 ms.*words/s});
	still.kill('SIGTERM');
	t.is((await still.exit).signal, 15);
});

test('a slow line loses nothing, and hands on a slice at a time', async t => {
	const pty = openPty({...shell('seq 1 400; echo the end; read line'), rows: 410, bytesPerSecond: 16_000});
	t.teardown(pty.close);
	await pty.waitFor('the end');
	t.is(pty.screen()[399], '400');
	t.true(pty.writes() > 1);
	t.true(pty.record()().bytes === 0);
});
