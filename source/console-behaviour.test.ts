import {execFileSync} from 'node:child_process';
import {readFileSync} from 'node:fs';
import {mkdir, readFile, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {keptPort, startDaemon, temporaryFolder, until} from '../daemon/testing/processes.js';
import {type ConsoleNetwork, createConsoleNetwork} from './testing/console-network.suite.js';
import {consoleEnvironment, type ConsoleOptions, openConsole} from './testing/console-program.js';
import {program} from './testing/program.js';
import {openPty, type Pty} from './testing/pty.js';
import {screenDifference} from './testing/screen-mask.js';

const MIB = 1024 ** 2;
const PARSED_WITHIN_MS = 1_000;
const QUIET_LOOKS = 8;
const MOST_MOVES = 3;

const open = (t: ExecutionContext, options: Omit<ConsoleOptions, 'home'> & {home?: string}): Pty => {
	const pty = openConsole({home: options.home ?? temporaryFolder(t), ...options});
	t.teardown(pty.close);
	return pty;
};

/** A network with files of these names, over so many nodes. */
const networkWith = async (t: ExecutionContext, files: readonly string[], nodes = 2): Promise<ConsoleNetwork> => {
	const network = await createConsoleNetwork(t);
	await network.start();
	for (let count = 0; count < nodes; count++) await network.addNode();
	for (const name of files) await network.upload(name, `of ${name}`);
	return network;
};

const numbered = (count: number) => Array.from({length: count}, (_, index) => `item-${String(index).padStart(2, '0')}`);

/** The row with the pointer. */
const chosen = (screen: readonly string[]) => screen.find(line => /[▸>] /.test(line)) ?? '';
const choosing = (name: string) => (screen: readonly string[]) => chosen(screen).includes(name);

/** Where a frame's right border is not in the last column. */
const brokenRows = (pty: Pty, columns: number): number[] =>
	pty
		.screen()
		.map((line, row) => ({line, row}))
		.slice(2, -1)
		.filter(({line, row}) => /^[╭│╰]/.test(line) && !/^[╮│╯]$/.test(pty.cellAttributes(row, columns - 1).text))
		.map(({row}) => row);

/** All that is written when the screen is painted anew. */
const repaint = async (pty: Pty): Promise<string> => {
	const recorded = pty.record();
	pty.press('ctrl-l');
	// Erased, and the frame after that ended.
	await pty.waitFor(() => (recorded().text.split('\u001B[2J')[1] ?? '').includes('\u001B[?2026l'));
	return recorded().text;
};

/** Whether a program sleeps, where the system tells: on a busy machine one that writes nothing may wait for its turn. */
const sleeps = ({pid}: Pty): boolean =>
	process.platform !== 'linux' || / S /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));

/** Resolves once nothing was written for a while: all keys are done with. */
const quiet = async (pty: Pty) => {
	let [before, looks] = [-1, 0];
	await until('nothing is written any more', () => {
		looks = before === pty.bytes() && sleeps(pty) ? looks + 1 : 0;
		before = pty.bytes();
		return looks >= QUIET_LOOKS;
	});
};

/** The head tells the network's health, which moves on by itself. */
const bodyOf = (screen: readonly string[]) => screen.slice(1);

/** Waits until all is painted, paints the screen anew, and says in what it was another before. */
const repaintDifference = async (pty: Pty): Promise<string> => {
	await quiet(pty);
	const before = bodyOf(pty.screen());
	await repaint(pty);
	const isSame = (screen: string[]) => screenDifference(before, bodyOf(screen)) === '';
	await pty.waitFor(isSame, {timeoutMs: PARSED_WITHIN_MS}).catch(() => undefined);
	return screenDifference(before, bodyOf(pty.screen()));
};

/**
In what a screen that `show` brings is another than painted anew. The network itself moves on now and then, just between
the two; what is painted wrong is so each time.
*/
const lastingDifference = async (pty: Pty, show: () => Promise<void>): Promise<string> => {
	let difference = '';
	for (let tries = 0; tries < 3; tries++) {
		await show();
		difference = await repaintDifference(pty);
		if (difference === '') break;
	}

	return difference;
};

test('the story: upload from the picker, check, lose a node, download, quit', async t => {
	const network = await createConsoleNetwork(t);
	await network.start();
	await network.addNode();
	await network.addNode();
	const folder = temporaryFolder(t);
	const storage = path.join(folder, 'node-3');
	const doomed = startDaemon(
		t,
		[
			...['--role', 'node', storage, '1GB', '--name', 'node-3', '--owner', 'carol'],
			...['--coordinator', `${network.url}/api`, '--port', String(await keptPort())],
		],
		{folder},
	);
	await doomed.ready();
	const home = temporaryFolder(t);
	const content = Buffer.alloc(12 * MIB, 'a story ');
	await writeFile(path.join(home, 'story.txt'), content);
	const pty = open(t, {url: network.url, home});
	await pty.waitFor(/3 of 3 online[^]*Nothing is wrong/);
	pty.press('u');
	await pty.waitFor(choosing('story.txt'));
	pty.press('enter', '4');
	await pty.waitFor(/story\.txt .*done .*100%/);
	pty.press('3');
	await pty.waitFor(/story\.txt .*12 MiB .*full/);
	pty.press('c');
	await pty.waitFor(/2 of 2 chunks[^]*6 right, 0 missing, 0 wrong/);
	await doomed.kill();
	await network.loseSilent();
	pty.press('1');
	await pty.waitFor(/BAD +Node node-3 \(carol\) is offline/);
	await pty.waitFor(/2 chunks with fewer copies/);
	pty.press('enter');
	await pty.waitFor(/Nodes: 2 of 3 online/);
	t.regex(chosen(pty.screen()), /node-3 .*OFFLINE/);
	pty.press('3');
	await pty.waitFor(/2 of 2 short|short, 2 of 3/);
	pty.press('d');
	await pty.waitFor('─ Download');
	await mkdir(path.join(home, 'out'));
	pty.press('ctrl-u');
	pty.type('~/out/again.txt');
	await pty.waitFor('It becomes ~/out/again.txt');
	pty.press('enter');
	await pty.waitFor(screen => !screen.join('').includes('It becomes'));
	pty.press('4');
	await pty.waitFor(/again\.txt .*down .*done|story\.txt .*down .*done/);
	t.true(content.equals(await readFile(path.join(home, 'out', 'again.txt'))));
	pty.press('q');
	t.is((await pty.exit).code, 0);
});

test('no key is lost: bursts, sequences in pieces, pastes', async t => {
	const network = await networkWith(t, numbered(60));
	// The pieces of a sequence may come apart by as much as this test has to wait for its turn.
	const pty = open(t, {url: network.url, environment: {ESCDELAY: '3000'}});
	await pty.waitFor(/files +60/);
	pty.type('3jjjs/');
	await pty.waitFor(/^│ \/ /m);
	pty.press('escape');
	await pty.waitFor(screen => !/^│ \/ /m.test(screen.join('\n')));
	pty.press('g');
	await pty.waitFor(choosing('item-00'));
	pty.type('j'.repeat(40));
	await pty.waitFor(choosing('item-40'));
	pty.type(`${'\u001B[A'.repeat(50)}${'\u001B[B'.repeat(50)}`);
	await pty.waitFor(choosing('item-50'));
	pty.write('\u001B');
	// The emulator answers through the same pseudo-terminal, so another turn is another packet.
	await new Promise(resolve => setImmediate(resolve));
	pty.write('[');
	await new Promise(resolve => setImmediate(resolve));
	pty.write('A');
	await pty.waitFor(choosing('item-49'));
	pty.type('/\u001B[200~item-1\nq7\u001B[201~');
	await pty.waitFor(/\/item-1.*q7/);
	pty.press('ctrl-u');
	pty.type('item-17');
	await pty.waitFor(choosing('item-17'));
	pty.press('enter', 'u');
	await pty.waitFor('─ Upload');
	pty.type('\u001B[200~/usr/li\u001B[201~');
	await pty.waitFor(/Path \/usr\/li/);
	t.is(pty.modes().isAlternate, true);
});

test('a resize is drawn right, from small to large and back', async t => {
	const network = await networkWith(t, numbered(30));
	const pty = open(t, {url: network.url, columns: 60, rows: 15});
	await pty.waitFor('3 Files');
	pty.press('3');
	await pty.waitFor('item-29');
	const resize = async ([columns, rows]: readonly [number, number]) => {
		pty.resize(columns, rows);
		if (columns < 60) {
			await pty.waitFor('needs 60x15');
			return;
		}

		await pty.waitFor(screen => screen.length === rows && /^╰.*╯$/.test(screen[rows - 2] ?? ''));
		await pty.waitFor(() => brokenRows(pty, columns).length === 0 && chosen(pty.screen()) !== '');
	};

	let before: readonly [number, number] = [60, 15];
	for (const size of [
		[200, 60],
		[70, 16],
		[59, 20],
		[120, 40],
		[61, 15],
		[200, 15],
	] as const) {
		const difference = await lastingDifference(pty, async () => {
			await resize(before);
			await resize(size);
		});
		t.is(difference, '', size.join('x'));
		before = size;
	}
});

test('a coordinator that is killed and comes back is STALE and LIVE, and what was known stays', async t => {
	const folder = temporaryFolder(t);
	const port = await keptPort();
	const url = `http://127.0.0.1:${port}`;
	const start = async () => {
		const argv = [
			'--role',
			'coordinator',
			'--open',
			'--data',
			path.join(folder, 'coordinator'),
			'--port',
			String(port),
		];
		const daemon = startDaemon(t, argv, {folder, isShown: false});
		await daemon.ready();
		return daemon;
	};

	const coordinator = await start();
	for (const name of ['node-1', 'node-2']) {
		const argv = ['--role', 'node', path.join(folder, name), '1GB', '--name', name, '--owner', name];
		const node = startDaemon(t, [...argv, '--coordinator', `${url}/api`, '--port', String(await keptPort())], {folder});
		await node.ready();
	}

	const home = temporaryFolder(t);
	await writeFile(path.join(home, 'first.txt'), 'first');
	await writeFile(path.join(home, 'second.txt'), 'second');
	const pty = open(t, {url, home});
	await pty.waitFor(/LIVE .*nodes 2\/2/);
	const upload = async (name: string) => {
		pty.press('u');
		await pty.waitFor('second.txt');
		pty.type(`${name}\r`);
	};
	await upload('first');
	pty.press('4');
	await pty.waitFor(/first\.txt .*done/);
	pty.press('3');
	await pty.waitFor('first.txt');
	await coordinator.kill();
	await pty.waitFor(/STALE \d+ s, next try in \d+ s/);
	t.regex(pty.text(), /first\.txt/);
	await upload('second');
	pty.press('4');
	await pty.waitFor(/second\.txt .*waiting/);
	await start();
	await pty.waitFor('LIVE');
	await pty.waitFor(/second\.txt .*done/, {timeoutMs: 60_000});
	pty.press('3');
	await pty.waitFor(/second\.txt[^]*first\.txt/);
	pty.press('q');
	t.is((await pty.exit).code, 0);
});

const hostileNames = [
	'全角文字の名前.txt',
	'👩‍👩‍👧‍👦 family 🇩🇪.png',
	'e\u0301\u0301\u0301 combining.txt',
	'שלום مرحبا.txt',
	'\u202Eright\u202C override.txt',
	'\u001B]0;HACKED\u0007title.txt',
	'\u001B]52;c;SEFDS0VE\u0007clip.txt',
	'\u001B[31;5mred\u001B[2J.txt',
	'two\nlines\r.txt',
	'tab\there\u009B5C.txt',
	'\u200B\u200Dzero\uFEFF.txt',
	'a\u0000b'.replace('\u0000', '\u0001'),
];

test('names that mean harm shift nothing and do nothing', async t => {
	const network = await networkWith(t, []);
	const home = temporaryFolder(t);
	for (const name of hostileNames) await writeFile(path.join(home, name), 'hostile');
	const columns = 80;
	const pty = open(t, {url: network.url, home, columns});
	const recorded = pty.record();
	await pty.waitFor('Nothing is wrong');
	pty.press('u');
	await pty.waitFor('red');
	t.deepEqual(brokenRows(pty, columns), []);
	pty.type(' '.repeat(hostileNames.length));
	await pty.waitFor(`uploads ${hostileNames.length} files`);
	pty.press('enter', '4');
	await pty.waitFor(`${hostileNames.length} done`);
	t.deepEqual(brokenRows(pty, columns), []);
	for (const key of ['3', '5', '1', '2']) {
		const show = async () => {
			pty.press('4', key);
			// The activity is all there when what came before has been fetched.
			await pty.waitFor({3: 'REDUNDANCY', 5: 'all is here', 1: 'Newest activity', 2: 'SHARDS'}[key] ?? '');
		};

		await show();
		t.deepEqual(brokenRows(pty, columns), [], `screen ${key}:\n${pty.text()}`);
		// The overview's graphs move on.
		if (key !== '1') t.is(await lastingDifference(pty, show), '');
	}

	pty.press('3');
	await pty.waitFor(`Files: ${hostileNames.length}`);
	for (let count = 0; count < hostileNames.length; count++) {
		pty.press('enter');
		await pty.waitFor('uploaded');
		t.is(pty.modes().title, 'PJAS');
		pty.press('escape');
		await pty.waitFor('REDUNDANCY');
		pty.press('j');
	}

	const {text} = recorded();
	t.false(text.includes('HACKED\u0007') || text.includes('\u001B]52') || text.includes('\u009B'));
	t.false(text.includes('\u001B[31;5m'));
});

/** The colours that are set in what was written, as SGR has them. */
const colorsIn = (written: string): string[] =>
	written
		.split('\u001B[')
		.flatMap(sequence => /^([\d;]*)m/.exec(sequence)?.[1]?.split(';') ?? [])
		.filter(code => /^(3[0-8]|4[0-8]|9[0-7]|10[0-7])$/.test(code));

test('NO_COLOR, an ASCII theme and a light one are obeyed', async t => {
	const network = await networkWith(t, ['plain.txt', '全角.txt'], 1);
	const plain = open(t, {url: network.url, environment: {NO_COLOR: '1'}});
	const ascii = open(t, {url: network.url, flags: ['--theme', 'ascii']});
	const light = open(t, {url: network.url, flags: ['--theme', 'light']});
	for (const pty of [plain, ascii, light]) await pty.waitFor('plain.txt');
	const screens = {1: 'Newest activity', 2: 'SHARDS', 3: 'REDUNDANCY', 5: 'MESSAGE', '?': 'Help: Activity'};
	for (const [key, text] of Object.entries(screens)) {
		for (const pty of [plain, ascii]) pty.press(key);
		await Promise.all([plain, ascii].map(pty => pty.waitFor(text)));
		t.deepEqual(colorsIn(await repaint(plain)), [], `screen ${key}`);
		// What the files are called is not the frame's.
		const bytes = (await repaint(ascii)).replaceAll('全角', '');
		const others = bytes.match(/[\u0080-\uFFFF]/g);
		t.is(others, null, `screen ${key}\n${ascii.text()}`);
	}

	const colors = colorsIn(await repaint(light));
	t.true(colors.includes('34'), 'blue accents');
	t.false(
		colors.some(color => color === '33' || color === '36'),
		'no yellow and no cyan, which nobody can read on white',
	);
});

const isRestored = (pty: Pty) => {
	const {isAlternate, isCursorVisible, isWrapping} = pty.modes();
	return !isAlternate && isCursorVisible && isWrapping;
};

test('however it ends, the terminal is as it was', async t => {
	const network = await networkWith(t, [], 1);
	const endings: [string, (pty: Pty) => void, number][] = [
		['q', pty => pty.press('q'), 0],
		['Ctrl-C', pty => pty.press('ctrl-c'), 0],
		['SIGTERM', pty => pty.kill('SIGTERM'), 143],
		['SIGHUP', pty => pty.kill('SIGHUP'), 129],
		['SIGINT', pty => pty.kill('SIGINT'), 130],
	];
	await Promise.all(
		endings.map(async ([name, end, code]) => {
			const pty = open(t, {url: network.url});
			await pty.waitFor('LIVE');
			t.true(pty.modes().isAlternate && !pty.modes().isCursorVisible);
			end(pty);
			t.is((await pty.exit).code, code, name);
			t.true(isRestored(pty) && !pty.modes().isPasteMarked, name);
		}),
	);
});

test('in a shell, Ctrl-Z goes to the prompt, and fg comes back to the same screen', async t => {
	const network = await networkWith(t, numbered(5), 1);
	const home = temporaryFolder(t);
	const pty = openPty({
		command: 'bash',
		args: ['--norc', '--noprofile', '-i'],
		cwd: home,
		columns: 100,
		rows: 30,
		env: {...consoleEnvironment({home}), PS1: 'prompt: ', HISTFILE: undefined},
	});
	t.teardown(pty.close);
	await pty.waitFor('prompt:');
	pty.type(`stty -a > before; '${process.execPath}' '${program}' --coordinator ${network.url}\r`);
	await pty.waitFor(/LIVE/);
	pty.press('3');
	// The foot comes last: before it, what is shown may be half of another screen.
	await pty.waitFor(/REDUNDANCY[^]*item-04[^]*item-00[^]*d download[^]*q quit/);
	const before = bodyOf(pty.screen());
	pty.press('ctrl-z');
	await pty.waitFor(/Stopped[^]*prompt:/);
	t.true(isRestored(pty));
	pty.type('echo back in $((40 + 2))\r');
	await pty.waitFor('back in 42');
	pty.resize(90, 25);
	pty.type('fg\r');
	await pty.waitFor(screen => screen.length === 25 && /^╰.*╯$/.test(screen[23] ?? ''));
	pty.resize(100, 30);
	const isBack = (screen: string[]) => screenDifference(before, bodyOf(screen)) === '';
	await pty.waitFor(isBack).catch(() => undefined);
	t.is(screenDifference(before, bodyOf(pty.screen())), '');
	pty.press('j', 'q');
	await pty.waitFor(/prompt:/);
	pty.type('stty -a > after; cmp before after && echo the same\r');
	await pty.waitFor(/^the same/m);
	t.true(isRestored(pty));
	pty.type('exit\r');
	await pty.exit;
});

test('two consoles at once see what the other does', async t => {
	const network = await networkWith(t, ['shared.txt']);
	const home = temporaryFolder(t);
	await writeFile(path.join(home, 'from the first.txt'), 'hello');
	const [first, second] = [open(t, {url: network.url, home}), open(t, {url: network.url})];
	for (const pty of [first, second]) {
		await pty.waitFor('LIVE');
		pty.press('3');
		await pty.waitFor('shared.txt');
	}

	first.press('u');
	await first.waitFor(choosing('from the first.txt'));
	first.press('enter');
	await Promise.all([first, second].map(pty => pty.waitFor(/REDUNDANCY[^]*from the first\.txt/)));
	second.type('/shared\r');
	await second.waitFor(choosing('shared.txt'));
	second.press('x');
	await second.waitFor('Delete a file');
	second.press('y');
	await Promise.all(
		[first, second].map(pty => pty.waitFor(screen => !/▸ shared|^│ {3}shared/m.test(screen.join('\n')))),
	);
	t.regex(first.text(), /Files: 1/);
});

test('for a screen reader lines are only appended, and what is chosen is said', async t => {
	const network = await networkWith(t, ['one.txt', 'two.txt']);
	const pty = open(t, {url: network.url, flags: ['--screen-reader'], rows: 50});
	const recorded = pty.record();
	await pty.waitFor(/Connection: LIVE/);
	pty.press('3');
	await pty.waitFor(/Selected: two\.txt/);
	pty.press('j');
	await pty.waitFor(/Selected: one\.txt/);
	pty.press('x');
	await pty.waitFor(/Delete a file\.[^]*n: leave it/);
	pty.press('n', '2');
	await pty.waitFor(/Selected: node-1, online/);
	pty.press('?');
	await pty.waitFor(/Help: Nodes/);
	pty.press('escape');
	await pty.waitFor(/Help: Nodes[^]*Nodes: 2 of 2 online/);
	pty.press('q');
	t.is((await pty.exit).code, 0);
	t.false(recorded().text.includes('\u001B'), JSON.stringify(recorded().text));
});

/** Marsaglia's xorshift: a run can be had again by its seed. */
const createChance = (seed: number) => {
	let state = seed || 1;
	return (below: number): number => {
		state ^= state << 13;
		state ^= state >>> 17;
		state ^= state << 5;
		return (state >>> 0) % below;
	};
};

const anyKeys = [
	...['up', 'down', 'left', 'right', 'home', 'end', 'pageup', 'pagedown', 'enter', 'tab', 'shift-tab', 'space'],
	...['1', '2', '3', '4', '5', 'j', 'k', 'g', 'G', 's', 'S', '/', 'f', 'v', 'w', '?', 'n', 'ctrl-d', 'ctrl-u'],
];

test('after 1,000 random keys and updates the screen is what a full repaint shows', async t => {
	const seed = Number(process.env['PJAS_SEED'] ?? Date.now() % 1_000_000);
	t.log(`PJAS_SEED=${seed}`);
	const chance = createChance(seed);
	const network = await networkWith(t, [...hostileNames.map(name => name.replace(/[\r\n]/g, ' ')), ...numbered(20)]);
	const home = temporaryFolder(t);
	const pty = open(t, {url: network.url, home});
	await pty.waitFor('LIVE');
	const sizes = [
		[100, 30],
		[60, 15],
		[133, 41],
	] as const;
	let uploaded = 0;
	const differences: string[] = [];
	for (let round = 0; round < 40; round++) {
		for (let count = 0; count < 25; count++) {
			const roll = chance(20);
			if (roll === 0) await network.upload(`update ${++uploaded} ${'長'.repeat(chance(4))}`, 'x');
			else if (roll === 1 && count < 15) pty.press('escape');
			else pty.press(anyKeys[chance(anyKeys.length)] ?? 'j');
		}

		if (chance(10) === 0) {
			const [columns, rows] = sizes[chance(sizes.length)] ?? sizes[0];
			pty.resize(columns, rows);
		}

		const difference = await repaintDifference(pty);
		if (difference !== '') differences.push(`round ${round}\n${difference}`);
	}

	// The network itself moves on now and then, just while the screen is painted anew.
	t.true(differences.length <= MOST_MOVES, `PJAS_SEED=${seed}\n${differences.join('\n\n')}`);
	if (differences.length > 0) t.log(`${differences.length} of 40 looks differed:\n${differences.join('\n\n')}`);
	t.true(pty.modes().isAlternate);
});

test('what users run is there', t => {
	t.regex(execFileSync(process.execPath, [program, '--version'], {encoding: 'utf8'}), /^\d+\.\d+\.\d+/);
});
