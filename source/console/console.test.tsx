import test from 'ava';
import fc from 'fast-check';
import {createTestConsole} from '../testing/console.js';
import {renderLines, renderToText} from '../testing/render.js';
import {sampleFile, sampleNode, sampleNowMs, sampleStats} from '../testing/samples.js';
import {createManualClock} from '../testing/manual-clock.js';
import {areas, fills, hostileNames} from '../testing/areas.js';
import type {KeyEvent} from '../terminal/key.js';
import {createConfirm} from '../dialogs/confirm.js';
import {createHelp} from '../dialogs/help.js';
import {createPalette, networkPlaces} from '../dialogs/palette.js';
import {createNodesScreen} from '../screens/nodes.js';
import {createRefusedView, isRefused} from '../screens/refused.js';
import {networkTabs} from '../screens/tabs.js';
import {createController} from './controller.js';
import {parseFilter} from './filter.js';
import {type Binding, bindingOf, keymap} from './keymap.js';
import {createLineInput} from './line-input.js';
import {createTable, type Table} from './table.js';
import {placeColumns} from './table-layout.js';
import {connectionStatus, headFigures, whoPieces, whoSaid} from './status.js';
import {createTheme} from './theme.js';
import type {Action, Console, Notice, Place, View} from './view.js';
import {wrap} from './wrap.js';
import {Frame, FRAME_ROWS} from '../components/frame.js';
import {displayWidth} from '../terminal/text.js';

const key = (name: string, change: Partial<KeyEvent> = {}): KeyEvent => ({
	name,
	text: name.length === 1 ? name : '',
	ctrl: false,
	alt: false,
	shift: false,
	...change,
});
const type = (text: string) => Array.from(text, letter => key(letter === ' ' ? 'space' : letter, {text: letter}));

type Fruit = {id: number; name: string};
const fruit = (names: readonly string[]): Fruit[] => names.map((name, id) => ({id, name}));
const fruitTable = (rows: () => readonly Fruit[]): Table<Fruit> =>
	createTable<Fruit>({
		columns: [
			{id: 'name', title: 'NAME', min: 8, grow: 1, priority: 0, cell: ({name}) => name, sortBy: ({name}) => name},
			{id: 'id', title: 'ID', min: 4, priority: 1, cell: ({id}) => String(id), sortBy: ({id}) => id},
		],
		rows,
		keyOf: ({id}) => String(id),
		textOf: ({name}) => name,
		changed() {},
		canMark: true,
	});
const run = (table: Table<Fruit>, id: string): void => {
	void table
		.actions()
		.find(action => action.id === id)
		?.run();
};

test('a filter takes text, !text for without and ~text for letters in order', t => {
	const passes = (line: string, text: string) => parseFilter(line)?.(text) ?? true;
	t.true(passes('pho', 'photo.jpg'));
	t.true(passes('PHO', 'photo.jpg'));
	t.false(passes('pho', 'video.mp4'));
	t.false(passes('!pho', 'photo.jpg'));
	t.true(passes('~pjg', 'photo.jpg'));
	t.false(passes('~gjp', 'photo.jpg'));
	t.true(passes('pho !png', 'photo.jpg'));
	t.false(passes('!~pjg', 'photo.jpg'));
	t.is(parseFilter('   '), undefined);
});

test('filtering letter by letter gives what the whole filter gives', t => {
	const seed = Date.now();
	t.log(`seed ${seed}`);
	const line = fc.stringMatching(/^[ab!~ ]{0,6}$/);
	const names = fc.array(fc.stringMatching(/^[ab]{0,5}$/), {maxLength: 20});
	fc.assert(
		fc.property(line, names, (filter, list) => {
			const rows = fruit(list);
			const slowly = fruitTable(() => rows);
			for (let length = 1; length <= filter.length; length++) slowly.setFilter(filter.slice(0, length));
			slowly.setFilter(filter);
			const atOnce = fruitTable(() => rows);
			atOnce.setFilter(filter);
			t.deepEqual(slowly.rows(), atOnce.rows());
		}),
		{seed},
	);
});

test('the chosen row stays chosen while others come and go, and its place where it goes', t => {
	let rows = fruit(['apple', 'banana', 'cherry']);
	const table = fruitTable(() => rows);
	run(table, 'list.down');
	t.is(table.selected()?.name, 'banana');
	rows = [{id: 9, name: 'aubergine'}, ...rows];
	t.is(table.selected()?.name, 'banana');
	rows = rows.filter(({name}) => name !== 'banana');
	t.is(table.selected()?.name, 'cherry');
	rows = [];
	t.is(table.selected(), undefined);
	run(table, 'list.down');
	rows = fruit(['kiwi']);
	t.is(table.selected()?.name, 'kiwi');
});

test('before the first key the cursor is on the first row, whatever comes above', t => {
	let rows = fruit(['banana']);
	const table = fruitTable(() => rows);
	for (const {problem} of table.actions()) t.is(problem?.(), undefined);
	rows = [{id: 9, name: 'aubergine'}, ...rows];
	t.is(table.selected()?.name, 'aubergine');
});

test('sorting goes from column to column and turns around', t => {
	const rows = fruit(['cherry', 'apple', 'banana']);
	const table = fruitTable(() => rows);
	const names = () => table.rows().map(({name}) => name);
	t.deepEqual(names(), ['cherry', 'apple', 'banana']);
	run(table, 'list.sort');
	t.deepEqual(names(), ['apple', 'banana', 'cherry']);
	run(table, 'list.reverse');
	t.deepEqual(names(), ['cherry', 'banana', 'apple']);
	run(table, 'list.sort');
	t.deepEqual(names(), ['cherry', 'apple', 'banana']);
});

test('marks choose several, and Esc takes first the filter away, then the marks', t => {
	const rows = fruit(['apple', 'banana', 'cherry']);
	const table = fruitTable(() => rows);
	run(table, 'list.mark');
	run(table, 'list.mark');
	t.deepEqual(
		table.chosen().map(({name}) => name),
		['apple', 'banana'],
	);
	table.setFilter('ch');
	t.true(table.reset());
	t.is(table.filter(), '');
	t.is(table.markedCount(), 2);
	t.true(table.reset());
	t.is(table.markedCount(), 0);
	t.false(table.reset());
});

test('a window always holds the chosen row, whatever the height', t => {
	const rows = fruit(Array.from({length: 100}, (_, index) => `fruit ${index}`));
	const table = fruitTable(() => rows);
	for (const id of ['list.last', 'list.page-up', 'list.first', 'list.page-down', 'list.down', 'list.up']) {
		for (const height of [1, 3, 10, 200]) {
			run(table, id);
			const {start, selectedIndex, rows: shown} = table.window(height);
			t.true(selectedIndex >= start && selectedIndex < start + height, `${id} at ${height}`);
			t.is(shown.length, Math.min(height, 100));
		}
	}
});

test('columns leave by priority, and what is left is shared out exactly', t => {
	const {columns} = fruitTable(() => []).options;
	const widths = (width: number) => placeColumns(columns, width).map(({column, width: wide}) => `${column.id} ${wide}`);
	t.deepEqual(widths(40), ['name 34', 'id 4']);
	t.deepEqual(widths(13), ['name 13']);
	t.deepEqual(widths(5), ['name 5']);
});

test('a line is edited as in a shell', t => {
	const input = createLineInput('one two');
	input.key(key('w', {ctrl: true}));
	t.is(input.value(), 'one ');
	for (const event of type('drei 👨‍👩‍👧')) input.key(event);
	input.key(key('backspace'));
	t.is(input.value().startsWith('one drei'), true);
	input.key(key('a', {ctrl: true}));
	input.key(key('paste', {text: 'a\nb'}));
	t.is(input.parts().before, 'a b');
	input.key(key('u', {ctrl: true}));
	t.is(input.parts().before, '');
	t.false(input.key(key('enter')));
});

test('no key means two things in one place', t => {
	const bindings: [string, Binding][] = Object.entries(keymap);
	const scopes = new Set(bindings.map(([, {scope}]) => scope));
	for (const scope of scopes) {
		// A screen's own key may stand before one that works everywhere, but not beside another of its own.
		const inScope = bindings.filter(([, binding]) => binding.scope === scope);
		const seen = new Map<string, string>();
		for (const [id, {keys}] of inScope) {
			for (const chord of keys) {
				t.is(seen.get(chord), undefined, `${chord} is ${id} and ${seen.get(chord) ?? ''} in ${scope}`);
				seen.set(chord, id);
			}
		}
	}

	const chordsOf = (scope: string) => bindings.filter(([, each]) => each.scope === scope).flatMap(([, {keys}]) => keys);
	const everywhere = new Set<string>(chordsOf('everywhere'));
	t.deepEqual(
		chordsOf('list').filter(chord => everywhere.has(chord)),
		[],
	);
});

const createTestController = (given: Parameters<typeof createTestConsole>[0] = {}) => {
	const clock = createManualClock(sampleNowMs);
	const parts = Object.assign(createTestConsole(given), {clock});
	const quits: string[] = [];
	const screen = (console: Console): View => createNodesScreen(console);
	const controller = createController<Place, Console>({
		parts,
		tabs: networkTabs,
		screens: {
			...{overview: screen, nodes: screen, files: screen, transfers: screen},
			...{activity: screen, people: screen, healing: screen},
		},
		everywhere: console => [
			{
				id: 'upload',
				run: () => console.open(createConfirm(console, {title: 'Upload', lines: ['?'], yes: 'upload', run() {}})),
				problem: () => (isRefused(console) ? 'Sign in first' : undefined),
			},
		],
		cover: console => ({view: createRefusedView(console), isNeeded: () => isRefused(console)}),
		dialogs: {
			help: createHelp,
			palette: (console, ...about) => createPalette(console, ...about, () => networkPlaces(console)),
			quit: (console, quit) =>
				parts.transfers.isBusy()
					? createConfirm(console, {title: 'Transfers are under way', lines: ['One'], yes: 'quit', run: quit})
					: undefined,
		},
		head: console => ({
			...{url: console.api.url, who: [], whoSaid: whoSaid(parts.live.get()), figures: [], badges: {}},
			connection: connectionStatus(parts.live.get(), clock.now()),
		}),
		ticking: () => ({
			isStale: () => parts.live.get().connection.state === 'stale',
			subscribe: parts.live.subscribe,
		}),
		suspend: () => quits.push('suspend'),
		redraw: () => quits.push('redraw'),
		quit: () => quits.push('quit'),
	});
	return {controller, clock, parts, quits, press: (events: readonly KeyEvent[]) => events.forEach(controller.key)};
};

const nodes = [sampleNode(1), sampleNode(2, {name: 'attic'}), sampleNode(3, {name: 'cellar'})];

test('a burst of keys does what the keys do one by one', t => {
	const {controller, press} = createTestController({live: {nodes}});
	press([key('2'), ...type('/att'), key('enter'), key('j'), key('k'), ...type('jjj')]);
	t.is(controller.shown().screen, 'nodes');
	const text = renderToText(controller.shown().view, {columns: 80, rows: 12});
	t.regex(text, /▸ .?attic/);
	t.notRegex(text, /cellar/);
	press([key('escape')]);
	t.regex(renderToText(controller.shown().view, {columns: 80, rows: 12}), /cellar/);
	controller.close();
});

test('what is typed into a field is never a shortcut', t => {
	const {controller, press, quits} = createTestController({live: {nodes}});
	press([key('2'), ...type('/q1?'), key('enter')]);
	t.is(controller.shown().screen, 'nodes');
	t.deepEqual(quits, []);
	controller.close();
});

test('the palette goes anywhere by name, completes, and remembers', t => {
	const {controller, press} = createTestController({
		live: {nodes, files: {list: [sampleFile(1)], total: 1, isComplete: true}},
	});
	press([...type(':files'), key('enter')]);
	t.is(controller.shown().screen, 'files');
	press([...type(':node att'), key('tab')]);
	t.regex(renderToText(controller.shown().view, {columns: 80, rows: 12}), /:node attic/);
	press([key('enter')]);
	t.is(controller.shown().screen, 'nodes');
	press([key(':', {text: ':'}), key('up')]);
	t.regex(renderToText(controller.shown().view, {columns: 80, rows: 12}), /:node attic/);
	press([...type('zzzzqqq'), key('enter')]);
	t.regex(controller.shown().notice?.text ?? '', /Nothing is called that/);
	controller.close();
});

test('a dialog is answered first: no screen is gone to meanwhile', t => {
	const {controller, press, quits} = createTestController({live: {nodes}, transfers: {isBusy: () => true}});
	press([key('q'), key('2')]);
	t.is(controller.shown().screen, 'overview');
	t.is(controller.shown().view.title(), 'Transfers are under way');
	press([key('n'), key('2')]);
	t.is(controller.shown().screen, 'nodes');
	press([key('c', {ctrl: true, text: ''}), key('y')]);
	return Promise.resolve().then(() => {
		t.deepEqual(quits, ['quit']);
		controller.close();
	});
});

test('--read-only hides what changes something, and says so where it is tried', t => {
	const {controller, press} = createTestController({live: {nodes}, isReadOnly: true});
	t.false(controller.shown().everywhere.some(({id}) => id === 'upload'));
	press([key('u')]);
	t.regex(controller.shown().notice?.text ?? '', /read-only/);
	controller.close();
});

test('help lists every key of the screen it was asked on, and scrolls', t => {
	const {controller, press} = createTestController({live: {nodes}});
	press([key('2'), key('?')]);
	t.is(controller.shown().view.title(), 'Help: Nodes');
	const {lines = []} = controller.shown().view.describe();
	t.true(lines.some(line => line.includes('Sort by the next column')));
	t.true(lines.some(line => line.includes('Quit')));
	const before = renderToText(controller.shown().view, {columns: 80, rows: 12});
	press([key('G')]);
	t.not(renderToText(controller.shown().view, {columns: 80, rows: 12}), before);
	press([key('escape')]);
	t.is(controller.shown().view.title(), 'Nodes');
	controller.close();
});

/** A pane that writes down what is done with it. */
const createPane = (change: Partial<View> = {}) => {
	const said: string[] = [];
	const view: View = {
		title: () => 'Pane',
		actions: () => [],
		render: () => <></>,
		describe: () => ({title: 'Pane'}),
		show: () => void said.push('show'),
		hide: () => void said.push('hide'),
		dispose: () => void said.push('dispose'),
		...change,
	};
	return {view, said};
};

const settle = async () => new Promise(resolve => setImmediate(resolve));

test('a notice goes with the next key, or by itself', t => {
	const {controller, clock, press} = createTestController();
	controller.console.notice({tone: 'ok', text: 'one'});
	clock.pass(7000);
	controller.console.notice({tone: 'ok', text: 'two'});
	clock.pass(7000);
	t.is(controller.shown().notice?.text, 'two');
	clock.pass(1000);
	t.is(controller.shown().notice, undefined);
	controller.console.notice({tone: 'ok', text: 'three'});
	press([key('j')]);
	t.is(controller.shown().notice, undefined);
	t.is(clock.waiting(), 0);
	controller.console.notice({tone: 'ok', text: 'four'});
	controller.close();
	t.is(clock.waiting(), 0);
});

test('what an action throws or rejects with becomes a notice, and what stands against it too', async t => {
	const {controller, press} = createTestController();
	const failing: Action[] = [
		{
			id: 'list.copy',
			run() {
				throw new Error('thrown');
			},
		},
		{id: 'list.sort', run: async () => Promise.reject(new Error('rejected'))},
		{id: 'list.mark', problem: () => 'Not now', run: () => t.fail()},
	];
	controller.console.open(createPane({actions: () => failing}).view);
	press([key('y')]);
	t.deepEqual(controller.shown().notice, {tone: 'bad', text: 'thrown'});
	press([key('s')]);
	await settle();
	t.deepEqual(controller.shown().notice, {tone: 'bad', text: 'rejected'});
	press([key('space', {text: ' '})]);
	t.deepEqual(controller.shown().notice, {tone: 'warn', text: 'Not now'});
	controller.close();
});

test('seconds are counted while the connection is gone, and only then', async t => {
	const {controller, clock, parts} = createTestController();
	let told = 0;
	controller.subscribe(() => told++);
	clock.pass(60_000);
	await settle();
	t.is(told, 0);
	t.is(clock.waiting(), 0);
	parts.put({connection: {state: 'stale', sinceMs: clock.now(), nextTryAtMs: clock.now() + 3000, error: 'It is gone'}});
	await settle();
	for (const wanted of [2, 3, 4]) {
		clock.pass(1000);
		await settle();
		t.is(told, wanted);
	}

	parts.put({connection: {state: 'live'}});
	t.is(clock.waiting(), 0);
	parts.put({connection: {state: 'stale', sinceMs: 0, nextTryAtMs: 0, error: 'It is gone'}});
	controller.close();
	t.is(clock.waiting(), 0);
});

test('a pane is shown, hidden and closed in turn, and going to a place on its screen closes it', t => {
	const {controller, press} = createTestController({live: {nodes}});
	const {view, said} = createPane();
	press([key('2')]);
	controller.console.open(view);
	t.true(controller.shown().actions.some(({id}) => id === 'back'));
	press([key('3'), key('2')]);
	t.is(controller.shown().view, view);
	t.deepEqual(said, ['show', 'hide', 'show']);
	controller.console.go({screen: 'nodes', node: sampleNode(2).node_id});
	t.is(controller.shown().view.title(), 'Nodes');
	t.false(controller.shown().actions.some(({id}) => id === 'back'));
	t.deepEqual(said.splice(0).slice(3).sort(), ['dispose', 'hide']);
	t.regex(renderToText(controller.shown().view, {columns: 80, rows: 12}), /▸ attic|▸ {2}?attic|▸ .*attic/);

	controller.console.open(view);
	press([key('escape')]);
	t.deepEqual(said.splice(0), ['show', 'dispose', 'hide']);
	controller.console.open(view);
	controller.close();
	t.deepEqual(said, ['show', 'dispose']);
});

test('closing a pane closes what was opened on it', t => {
	const {controller} = createTestController();
	const [below, above] = [createPane(), createPane()];
	controller.console.open(below.view);
	controller.console.open(above.view);
	controller.console.close(below.view);
	t.true(below.said.includes('dispose'));
	t.true(above.said.includes('dispose'));
	t.is(controller.shown().view.title(), 'Nodes');
	controller.close();
});

test('where a word must be typed, only that word does it', async t => {
	const {controller, press} = createTestController({live: {nodes}});
	let times = 0;
	const open = () =>
		controller.console.open(
			createConfirm(controller.console, {
				title: 'All?',
				lines: ['x'],
				yes: 'delete them',
				typed: '12',
				run: () => {
					times++;
				},
			}),
		);
	open();
	press([key('y'), key('q'), key('enter')]);
	t.regex(controller.shown().notice?.text ?? '', /That is not 12/);
	press([key('escape')]);
	t.is(controller.shown().view.title(), 'Nodes');
	open();
	press([...type('12'), key('enter')]);
	await settle();
	t.is(times, 1);
	controller.close();
});

type FrameGiven = {
	columns: number;
	rows: number;
	notice?: Notice;
	badge?: string;
	isAscii?: boolean;
	isTyping?: boolean;
};

const frameLines = (given: FrameGiven) => {
	const {columns, rows, notice, badge, isTyping = false} = given;
	const stale = {state: 'stale' as const, sinceMs: sampleNowMs - 12_000, nextTryAtMs: sampleNowMs + 4000, error: ''};
	const parts = Object.assign(createTestConsole({live: {nodes, connection: stale}}), {
		theme: createTheme(given.isAscii === true ? 'ascii' : 'dark', {}),
	});
	const {live, theme} = parts;
	const screen = createNodesScreen(parts);
	return renderLines(
		<Frame
			area={{columns, rows}}
			theme={theme}
			head={{
				who: [{text: 'ann'}, {text: ' (member)'}],
				whoSaid: '',
				url: 'http://a-coordinator-with-a-long-name.example.org:3000',
				connection: connectionStatus(live.get(), sampleNowMs),
				figures: headFigures(live.get(), {columns, rows}, theme),
				badges: badge === undefined ? {} : {transfers: badge},
			}}
			isReadOnly
			tabs={networkTabs}
			screen="nodes"
			notice={notice}
			actions={screen.actions()}
			isTyping={isTyping}
			everywhere={[
				{id: 'help', run() {}},
				{id: 'quit', run() {}},
			]}
		>
			{screen.render({columns, rows: rows - FRAME_ROWS})}
		</Frame>,
		{columns, rows},
	);
};

test('the frame keeps what matters at 60 columns: the connection, all screens, the first keys', t => {
	for (const {columns, rows} of areas) {
		const lines = frameLines({columns, rows: rows + FRAME_ROWS, badge: '(12)'});
		t.is(lines.length, rows + FRAME_ROWS);
		t.true(lines.every(line => displayWidth(line) <= columns));
		t.regex(lines[0] ?? '', /PJAS +ann \(member\) +read-only .*STALE 12 s, next try in 4 s/);
		t.regex(lines[1] ?? '', /1 (Overview|Home) .*4 (Transfers|Queue) \(12\) +5 (Activity|Log) +6 People +7 Heal/);
		t.regex(lines.at(-1) ?? '', /^Enter open .*\? help +q quit/);
	}

	t.regex(frameLines({columns: 60, rows: 15, badge: '(3)', isAscii: true}).join('\n'), /^[ -~\n]*$/);
});

test('while something is written, the bottom line names only keys that still work', t => {
	const {controller, press} = createTestController({live: {nodes}});
	press(type('2/'));
	const {isTyping, actions} = controller.shown();
	t.true(isTyping);
	t.deepEqual(
		actions.map(({id}) => id),
		['back'],
	);
	controller.close();
	const last = frameLines({columns: 120, rows: 20, isTyping: true}).at(-1) ?? '';
	t.regex(last, /F1 help +Ctrl-c quit$/);
	t.notRegex(last, /sort|filter/);
});

test('the palette and the help name each action once', t => {
	const {controller} = createTestController({live: {nodes}});
	const about = controller.shown().view;
	const twice = [...controller.shown().everywhere, ...about.actions()];
	for (const view of [
		createPalette(controller.console, about, twice, []),
		createHelp(controller.console, about, twice),
	]) {
		const shown = renderToText(view, {columns: 120, rows: 60});
		t.is(shown.split(bindingOf('list.filter').help).length, 2);
	}

	controller.close();
});

test('a long notice is whole at 60 columns, over the end of the screen', t => {
	const text = `"photo.jpg" can't be written to /home/ann/a/rather/long/path/to/a/folder: no space is left there. Free some and press r`;
	const lines = frameLines({columns: 60, rows: 15, notice: {tone: 'bad', text}});
	t.is(lines.length, 15);
	t.regex(lines.slice(-3).join(' ').replace(/\s+/g, ' '), /Failed: "photo\.jpg" .* Free some and press r/);
	const short = frameLines({columns: 60, rows: 15, notice: {tone: 'ok', text: 'copied it'}});
	t.is(short.at(-1), 'Done: copied it');
	for (const name of hostileNames) {
		const shown = frameLines({columns: 60, rows: 15, notice: {tone: 'info', text: name.repeat(9)}});
		t.is(shown.length, 15);
		t.true(shown.every(line => displayWidth(line) <= 60));
	}
});

test('dialogs fill every size, whatever they say', t => {
	const {controller} = createTestController({
		live: {nodes: hostileNames.map((name, index) => sampleNode(index, {name}))},
	});
	const {console} = controller;
	const about = controller.shown().view;
	const palette = createPalette(console, about, controller.shown().everywhere, []);
	for (const event of type('node')) palette.key?.(event);
	const help = createHelp(console, about, controller.shown().everywhere);
	const lines = hostileNames.map(name => `${name} `.repeat(6));
	const confirm = createConfirm(console, {title: hostileNames[3] ?? '', lines, yes: 'do it', run() {}});
	for (const area of areas) {
		fills(t, palette, area);
		fills(t, help, area);
		for (const line of renderToText(confirm, area).split('\n')) t.true(displayWidth(line) <= area.columns, line);
	}

	t.regex(renderToText(confirm, {columns: 200, rows: 57}), /y do it +n leave it/);
	controller.close();
});

test('a line longer than its field keeps the cursor in sight', t => {
	const {controller} = createTestController({live: {nodes}});
	const palette = createPalette(controller.console, controller.shown().view, [], []);
	for (const event of type(`${'a'.repeat(100)}日本z`)) palette.key?.(event);
	t.regex(fills(t, palette, {columns: 60, rows: 12}), /日本z/);
	controller.close();
});

test('wrapping loses no letter and makes no line too long', t => {
	const seed = Date.now();
	t.log(`seed ${seed}`);
	fc.assert(
		fc.property(fc.stringMatching(/^[ab日é ]{0,40}$/), fc.integer({min: 2, max: 12}), (text, width) => {
			const lines = wrap(text, width);
			t.true(lines.every(line => displayWidth(line) <= width));
			t.is(lines.join('').replace(/ /g, ''), text.replace(/ /g, ''));
		}),
		{seed},
	);
});

test('while nobody is signed in every screen says how to, and help and quit still work', t => {
	const {controller, press, parts, quits} = createTestController({live: {nodes}});
	const text = () => renderToText({...controller.shown().view, render: controller.render}, {columns: 80, rows: 21});
	parts.put({connection: {state: 'refused', reason: 'UNAUTHENTICATED', error: 'Sign in first'}, nodes: undefined});
	for (const digit of ['1', '2', '3', '4', '5', '6']) {
		press(type(digit));
		t.regex(text(), /pjas-tui login http/);
	}

	t.deepEqual(controller.shown().actions, []);
	press(type('u'));
	t.regex(controller.shown().notice?.text ?? '', /Sign in first/);
	press(type('?'));
	t.regex(text(), /Help: Sign in/);
	press([key('escape')]);
	t.regex(controller.describe().lines?.join(' ') ?? '', /pjas-tui login/);
	parts.put({connection: {state: 'live'}, nodes});
	t.regex(text(), /attic/);
	press(type('q'));
	t.deepEqual(quits, ['quit']);
	controller.close();
});

test('the head says who is signed in, and loudly where there are no accounts', t => {
	const {live, put} = createTestConsole();
	const said = () =>
		whoPieces(live.get())
			.map(({text}) => text)
			.join('');
	t.is(said(), '');
	const me = {success: true, scope: 'full', via: 'token', quota_bytes: null, used_bytes: 0} as const;
	put({whoami: {...me, open: false, name: 'ann', role: 'member'}});
	t.is(said(), 'ann (member)');
	put({stats: sampleStats({open: true})});
	t.deepEqual(whoPieces(live.get()), [{text: 'OPEN: no accounts', tone: 'warn', isBold: true}]);
});
