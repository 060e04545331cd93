import test, {type ExecutionContext} from 'ava';
import {openPty, type PtyOptions} from '../testing/pty.js';
import {clipboardSequence} from './clipboard.js';
import {colorSupport, escapeDelayMs} from './environment.js';

/** A small program over Ink: counts `j`, says what was pasted, and does what a letter asks for. */
const program = `
import {createElement} from ${JSON.stringify(import.meta.resolve('react'))};
import {render, Text, Box} from ${JSON.stringify(import.meta.resolve('ink'))};
import {openTerminal} from ${JSON.stringify(import.meta.resolve('./terminal.js'))};
import {chordOf} from ${JSON.stringify(import.meta.resolve('./key.js'))};
const terminal = openTerminal({
	input: process.stdin, output: process.stdout, environment: process.env, host: process, title: 'the title',
	clock: {timer(ms, run) { const t = setTimeout(run, ms); return () => clearTimeout(t); }},
});
let count = 0, last = 'none';
const picture = () => {
	const {columns, rows} = terminal.size();
	return createElement(Box, {width: columns, height: rows, borderStyle: 'round', flexDirection: 'column'},
		createElement(Text, {}, 'ready ' + columns + 'x' + rows), createElement(Text, {}, 'count ' + count + ' last ' + last));
};
const ink = render(picture(), {stdout: terminal.surface.stdout, stdin: process.stdin, debug: true, patchConsole: false, exitOnCtrlC: false});
const changed = () => setImmediate(() => ink.rerender(picture()));
terminal.onResize(changed);
terminal.onKey(key => {
	last = chordOf(key) + ' ' + key.text.length;
	if (key.name === 'j') count++;
	if (key.name === 'q') { ink.unmount(); void terminal.end().then(() => { process.stdout.write('bye\\n'); process.exit(0); }); }
	if (key.name === 'e') throw new Error('it broke');
	if (key.name === 'r') void Promise.reject(new Error('it was refused'));
	if (key.name === 'X') process.exit(7);
	if (key.name === 'y') terminal.copy('the id');
	if (chordOf(key) === 'ctrl-z') terminal.suspend();
	if (chordOf(key) === 'ctrl-l') terminal.redraw();
	changed();
});
`;

const node = (options: Partial<PtyOptions> = {}) => ({
	command: process.execPath,
	args: ['--input-type=module', '-e', program],
	columns: 60,
	rows: 12,
	...options,
});

const start = async (t: ExecutionContext, options: Partial<PtyOptions> = {}) => {
	const pty = openPty(node(options));
	t.teardown(pty.close);
	await pty.waitFor('ready');
	return pty;
};

const restored = {isAlternate: false, isCursorVisible: true, isWrapping: true, isPasteMarked: false};

test('it takes the terminal over, paints in one write, and writes nothing where nothing changed', async t => {
	const pty = await start(t);
	t.deepEqual(pty.modes(), {
		isAlternate: true,
		isCursorVisible: false,
		isWrapping: false,
		isPasteMarked: true,
		title: 'the title',
	});
	t.is(pty.screen()[0], `╭${'─'.repeat(58)}╮`);
	t.is(pty.screen()[11], `╰${'─'.repeat(58)}╯`);
	const recorded = pty.record();
	pty.press(...Array.from({length: 100}, () => 'j'));
	await pty.waitFor('count 100 last j 1');
	t.true(recorded().bytes < 100, String(recorded().bytes));
	const again = pty.record();
	pty.press('ctrl-l');
	await pty.waitFor('last ctrl-l');
	t.regex(again().text, /2J/);
});

test('a resize is drawn, and erases once', async t => {
	const pty = await start(t);
	const recorded = pty.record();
	pty.resize(70, 9);
	await pty.waitFor('ready 70x9');
	t.is(pty.screen()[8], `╰${'─'.repeat(68)}╯`);
	t.is(recorded().text.split('\u001B[2J').length, 2);
	pty.resize(20, 30);
	await pty.waitFor('ready 20x30');
	t.is(pty.screen()[29], `╰${'─'.repeat(18)}╯`);
});

test('escape sequences in pieces and a paste arrive as what they are', async t => {
	const pty = await start(t);
	pty.write('\u001B[200~some\r\ntext\u001B[201~');
	await pty.waitFor('last paste 9');
	pty.press('escape');
	await pty.waitFor('last escape');
	pty.write('\u001B[1;');
	pty.write('5A');
	await pty.waitFor('last ctrl-up');
	const recorded = pty.record();
	pty.press('y');
	await pty.waitFor('last y');
	t.true(recorded().text.includes(clipboardSequence('the id', {}) ?? '?'));
});

const endings: {how: string; end: (pty: ReturnType<typeof openPty>) => void; code: number; says: RegExp}[] = [
	{how: 'on q', end: pty => pty.press('q'), code: 0, says: /^bye/},
	{how: 'on process.exit', end: pty => pty.press('X'), code: 7, says: /^$/},
	{how: 'on SIGTERM', end: pty => pty.kill('SIGTERM'), code: 143, says: /^$/},
	{how: 'on SIGHUP', end: pty => pty.kill('SIGHUP'), code: 129, says: /^$/},
	{how: 'on SIGINT', end: pty => pty.kill('SIGINT'), code: 130, says: /^$/},
	{how: 'on an exception', end: pty => pty.press('e'), code: 1, says: /Error: it broke\n/},
	{how: 'on an unhandled rejection', end: pty => pty.press('r'), code: 1, says: /Error: it was refused\n/},
];

for (const {how, end, code, says} of endings) {
	test(`the terminal is restored ${how}, once, and what is said comes after`, async t => {
		const pty = await start(t);
		const recorded = pty.record();
		end(pty);
		t.deepEqual(await pty.exit, {code, signal: 0});
		t.like(pty.modes(), restored);
		t.is(recorded().text.split('\u001B[?1049l').length, 2);
		t.regex(recorded().text.split('\u001B[?25h').at(-1)?.replaceAll('\r', '') ?? '', says);
	});
}

/** A shell with job control, as a person has one. */
const shell = async (t: ExecutionContext) => {
	const pty = openPty({
		...{command: 'bash', args: ['--norc', '--noprofile', '--noediting', '-i'], columns: 100, rows: 20},
		env: {PS1: 'shell> ', PROGRAM: program, NODE: process.execPath, HISTFILE: undefined},
	});
	t.teardown(pty.close);
	await pty.waitFor('shell>');
	pty.type('"$NODE" --input-type=module -e "$PROGRAM"\r');
	await pty.waitFor('ready 100x20');
	return pty;
};

/** What the shell says of the terminal's modes, in words that it was not asked in. */
const askModes = (pty: ReturnType<typeof openPty>) =>
	pty.type('echo modes: $(stty -a | grep -oE -e "-?(icanon|echo|isig|opost)\\b" | tr "\\n" " ")\r');
const cooked = /^modes: isig icanon echo opost|^modes: opost isig icanon echo/m;

test('Ctrl-Z gives the shell its terminal back, and fg comes back with the same screen', async t => {
	const pty = await shell(t);
	pty.press('j', 'j', 'ctrl-z');
	await pty.waitFor('Stopped');
	t.like(pty.modes(), restored);
	askModes(pty);
	await pty.waitFor(cooked);
	pty.type('fg\r');
	await pty.waitFor('count 2 last ctrl-z');
	t.like(pty.modes(), {isAlternate: true, isCursorVisible: false, isWrapping: false, isPasteMarked: true});
	t.is(pty.screen()[19], `╰${'─'.repeat(98)}╯`);
	pty.press('j');
	await pty.waitFor('count 3');
	pty.press('ctrl-z');
	await pty.waitFor(screen => screen.filter(line => line.includes('Stopped')).length === 2);
	pty.resize(90, 15);
	pty.type('fg\r');
	await pty.waitFor('ready 90x15');
	pty.press('q');
	await pty.waitFor('bye');
	askModes(pty);
	await pty.waitFor(cooked);
	t.like(pty.modes(), restored);
});

test('a stop from elsewhere restores too, and where no shell could continue it, it comes back by itself', async t => {
	const pty = await start(t);
	const recorded = pty.record();
	pty.kill('SIGTSTP');
	await pty.waitFor(() => recorded().text.includes('\u001B[?1049l'));
	await pty.waitFor(() => recorded().text.includes('\u001B[?1049h'));
	pty.press('j');
	await pty.waitFor('count 1');
	t.true(pty.modes().isAlternate);
});

test('a terminal that reads slowly gets the newest frame, and keys work meanwhile', async t => {
	const pty = await start(t);
	pty.pause();
	for (let turn = 0; turn < 200; turn++) pty.press('j', 'ctrl-l');
	pty.resume();
	await pty.waitFor('count 200 last ctrl-l');
	pty.press('q');
	t.is((await pty.exit).code, 0);
});

test('the clipboard is reached through tmux and screen, and refuses what is too long', t => {
	t.is(clipboardSequence('é', {}), '\u001B]52;c;w6k=\u0007');
	t.is(
		clipboardSequence('é', {TMUX: '/tmp/x'}),
		'\u001B]52;c;w6k=\u0007\u001BPtmux;\u001B\u001B]52;c;w6k=\u0007\u001B\\',
	);
	t.is(clipboardSequence('é', {STY: '1'}), '\u001BP\u001B]52;c;w6k=\u0007\u001B\\');
	const pieces = clipboardSequence('x'.repeat(1000), {STY: '1'})?.split('\u001B\\') ?? [];
	t.true(pieces.length > 5 && pieces.every(piece => piece.length < 256));
	t.is(typeof clipboardSequence('x'.repeat(74_994), {}), 'string');
	t.is(clipboardSequence('x'.repeat(74_995), {}), undefined);
});

test('colours are on unless something says otherwise', t => {
	t.true(colorSupport({TERM: 'xterm'}));
	t.true(colorSupport({TERM: 'dumb', FORCE_COLOR: '1', NO_COLOR: ''}));
	t.false(colorSupport({TERM: 'dumb'}));
	t.false(colorSupport({NO_COLOR: '1', FORCE_COLOR: '1'}));
	t.false(colorSupport({FORCE_COLOR: '0'}));
	t.is(escapeDelayMs({}), 50);
	t.is(escapeDelayMs({SSH_TTY: '/dev/pts/1'}), 100);
	t.is(escapeDelayMs({SSH_TTY: '/dev/pts/1', ESCDELAY: '250'}), 250);
	t.is(escapeDelayMs({ESCDELAY: '99999999'}), 10_000);
	for (const wrong of ['', '-1', 'long', '1.5']) t.is(escapeDelayMs({ESCDELAY: wrong}), 50);
});
