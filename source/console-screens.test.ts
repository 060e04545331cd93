import {mkdir, utimes, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import type {Alert} from '../daemon/core/alerts.js';
import {temporaryFolder} from '../daemon/testing/processes.js';
import {createApi} from './client/api.js';
import {SEAL_TAG_BYTES} from './protocol/seal.js';
import {type ConsoleNetwork, createConsoleNetwork} from './testing/console-network.suite.js';
import {type ConsoleOptions, openConsole} from './testing/console-program.js';
import {createGolden, type Golden, type Size} from './testing/golden-screens.js';
import type {Pty} from './testing/pty.js';

const sizes: readonly Size[] = [
	{columns: 60, rows: 15},
	{columns: 80, rows: 24},
	{columns: 120, rows: 40},
	{columns: 200, rows: 60},
];

const MIB = 1024 ** 2;
const written = new Date(Date.UTC(2026, 0, 1));

/** A home with a few files in it, as the picker shows them. */
const createHome = async (t: ExecutionContext): Promise<string> => {
	const home = temporaryFolder(t);
	await mkdir(path.join(home, 'pictures'));
	const files = {'a letter.txt': 120, 'holiday.jpg': 34_567, '.hidden': 5, 'pictures/one.png': 999};
	for (const [name, sizeBytes] of Object.entries(files)) {
		await writeFile(path.join(home, name), Buffer.alloc(sizeBytes, 'x'));
		await utimes(path.join(home, name), written, written);
	}

	await utimes(path.join(home, 'pictures'), written, written);
	return home;
};

const alarming: Alert[] = [
	{
		...{id: 'alert_1', code: 'CHUNKS_AT_ONE_COPY', severity: 'critical', openedAt: written.getTime()},
		text: '2 chunks have one copy left that counts',
		remedy: 'They are repaired by themselves where they can be: pjas-tui repair says what is in the way',
	},
	{
		...{id: 'alert_2', code: 'BACKUP_TOO_OLD', severity: 'warning', openedAt: written.getTime()},
		text: 'The last backup is older than 7 days',
		remedy: 'Make one: pjas-daemon backup --data DIR --to FILE',
	},
];

type Walk = {pty: Pty; golden: Golden};

/** Opens the console in a terminal of that size, lets it be walked through, and tells every screen that differs. */
const walk = async (t: ExecutionContext, size: Size, options: ConsoleOptions, steps: (walk: Walk) => Promise<void>) => {
	const problems: string[] = [];
	const pty = openConsole({...options, ...size});
	t.teardown(pty.close);
	await steps({pty, golden: createGolden(pty, size, problems)});
	t.is(problems.length, 0, `These screens differ:\n${problems.join('\n\n')}`);
};

const quit = async ({pty}: Pick<Walk, 'pty'>) => {
	pty.press('q');
	await pty.exit;
};

/** A network of three nodes, one of which is lost: files with all their copies, with too few, and a chunk that is broken. */
const createLivedIn = async (t: ExecutionContext): Promise<ConsoleNetwork> => {
	const network = await createConsoleNetwork(t);
	await network.start();
	// What is repaired meanwhile would be another picture each time.
	await createApi(network.url).pauseRepair(true);
	const [first, second] = [await network.addNode(), await network.addNode()];
	await network.addNode();
	await network.upload('report.pdf', Buffer.alloc(2 * MIB, 'r'));
	await network.upload('報告書 日本語.txt', 'wide characters');
	await network.upload('nothing', '');
	await first.stop();
	await network.loseSilent();
	await network.upload('backup of the house.tar', Buffer.alloc(21 * MIB, 'b'));
	await second.corrupt(MIB + SEAL_TAG_BYTES);
	await network.upload('late.txt', 'late');
	await network.counted();
	return network;
};

/** Esc alone: what comes with it in one packet would make another key of it. */
const back = async ({pty}: Pick<Walk, 'pty'>, until: Parameters<Pty['waitFor']>[0]) => {
	pty.press('escape');
	await pty.waitFor(until);
};

const walkLists = async (step: Walk) => {
	const {pty, golden} = step;
	await golden('overview', /LIVE[^]*WHAT IS WRONG[^]*node-1/i);
	pty.press('2');
	await golden('nodes', /NAME[^]*node-3/);
	pty.press('G', 'M');
	await golden('node-maintain', /Maintenance of node-3/);
	await back(step, /NAME[^]*node-3/);
	pty.press('L');
	await golden('node-leave', /Let node-3 leave/);
	await back(step, /NAME[^]*node-3/);
	pty.press('T');
	await golden('node-safe', /Is it safe to stop node-3 now[^]*NO/);
	await back(step, /NAME[^]*node-3/);
	pty.press('g');
	pty.press('enter');
	await golden('node-facts', /sound/);
	pty.press('l');
	await golden('node-shards', /CHUNK[^]*report\.pdf/);
	pty.press('l');
	await golden('node-log', /LEVEL[^]*joined/);
	await back(step, 'Nodes: 2 of 3 online');
	pty.press('7');
	await golden('healing', /PAUSED[^]*report\.pdf/);
	pty.press('/');
	pty.type('report\r');
	pty.press('enter');
	await golden('healing-why', /Chunk \d of report\.pdf[^]*node-2/);
	await back(step, 'Under way and waiting');
	await back(step, '報告書');
	pty.press('5');
	await golden('activity', /late\.txt/);
	pty.press('w', 'v');
	await golden('activity-wide-warnings', /following, warnings/);
	pty.press('v');
	await golden('activity-no-match', /No errors/);
	pty.press('v', 'w', '1');
	await pty.waitFor('What is wrong');
};

const walkFiles = async (step: Walk, size: Size) => {
	const {pty, golden} = step;
	pty.press('3');
	await golden('files', /NAME[^]*late\.txt/);
	pty.press('/', 'r', 'e', 'p');
	await golden('files-filter', /rep/);
	pty.press('x', 'x');
	await golden('files-no-match', /passes the filter|matches/);
	await back(step, 'late.txt');
	pty.press('space', 'space');
	await golden('files-marked', /●[^]*●/);
	pty.press('x');
	await golden('delete-many', /Delete 2 files/);
	await back(step, 'NAME');
	await back(step, screen => !screen.join('').includes('●'));
	pty.press('x');
	await golden('delete-one', /Delete a file/);
	pty.press('n', 'd');
	await golden('download', /─ Download/);
	await back(step, 'NAME');
	pty.press('/');
	pty.type('backup\r');
	pty.press('enter');
	await golden('file', /its nodes|3 of 3|Chunk 0/i);
	pty.press('c');
	await pty.waitFor(/Note: .*checked/);
	// The chunks are put in order anew with it: the first is another one then.
	await pty.waitFor(/CORRUPT/);
	pty.press('g');
	await golden('file-checked', /corrupt/i);
	await back(step, 'NAME');
	await back(step, 'late.txt');
	if (size.columns >= 110) await pty.waitFor('a copy is corrupt');
};

const walkDialogs = async (step: Walk, size: Size) => {
	const {pty, golden} = step;
	pty.press('?');
	await golden('help', /Help: Files/);
	await back(step, 'NAME');
	pty.press(':');
	await golden('palette', /Palette/);
	pty.type('activ');
	await golden('palette-typed', /:activ/);
	await back(step, 'NAME');
	pty.press('4');
	await golden('transfers-empty', /Nothing is transferred/);
	pty.press('u');
	await golden('picker', /holiday\.jpg/);
	pty.press('down', 'space');
	await golden('picker-marked', /uploads 1 file/);
	pty.press('tab');
	await golden('picker-path', /Path/);
	await back(step, 'Type to narrow');
	await back(step, 'Enter opens it');
	await back(step, 'Nothing is transferred');
	pty.resize(50, 12);
	await golden('too-small', 'needs 60x15');
	pty.resize(size.columns, size.rows);
	await pty.waitFor('Nothing is transferred');
};

const walkTransfers = async (step: Walk, network: ConsoleNetwork) => {
	const {pty, golden} = step;
	pty.press('u');
	await pty.waitFor('holiday.jpg');
	pty.type('holi\r');
	await pty.waitFor(/1 done[^]*shows them/);
	pty.press('1');
	await pty.waitFor(screen => /0\/7 full/.test(screen.join('')) && !screen.join('').includes('No upload'));
	pty.press('4');
	await golden('transfers', /1 done/);
	pty.press('enter');
	await golden('transfer', /file id/);
	await back(step, '─ Transfers');
	await network.stop();
	await golden('stale-transfers', 'STALE');
	pty.press('u');
	await pty.waitFor('a letter.txt');
	pty.type('letter\r');
	await pty.waitFor(/1 waiting[^]*shows them/);
	pty.press('g');
	await golden('transfers-waiting', /1 waiting/);
	pty.press('1');
	await golden('stale-overview', /can't be reached/);
	pty.press('3');
	await golden('stale-files', 'NAME');
	pty.press('q');
	await golden('quit', 'Transfers are under way');
	pty.press('y');
	await pty.exit;
};

for (const size of sizes) {
	const name = `${size.columns}x${size.rows}`;

	test(`at ${name} a network that was lived in looks as it should, on every screen and in every dialog`, async t => {
		const network = await createLivedIn(t);
		const home = await createHome(t);
		await walk(t, size, {url: network.url, home}, async step => {
			await walkLists(step);
			await walkFiles(step, size);
			await walkDialogs(step, size);
			await walkTransfers(step, network);
		});
	});

	test(`at ${name} a coordinator that was never reached and an empty network say what to do`, async t => {
		const network = await createConsoleNetwork(t);
		const home = await createHome(t);
		await walk(t, size, {url: network.url, home}, async step => {
			const {pty, golden} = step;
			await golden('unreachable-overview', 'STALE');
			pty.press('2');
			await golden('unreachable-nodes', 'STALE');
			pty.press('3');
			await golden('unreachable-files', 'STALE');
			pty.press('5');
			await golden('unreachable-activity', 'STALE');
			pty.press('7');
			await golden('unreachable-healing', 'STALE');
			pty.press('5');
			await network.start();
			await golden('empty-activity', 'LIVE');
			pty.press('3');
			await golden('empty-files', 'LIVE');
			pty.press('2');
			await golden('empty-nodes', 'LIVE');
			pty.press('7');
			await golden('empty-healing', 'LIVE');
			pty.press('1');
			await golden('empty-overview', 'LIVE');
			await network.stop();
			await network.alarm(alarming);
			await network.start();
			await golden('alerts-overview', /LIVE[^]*one copy left/);
			await quit(step);
		});
		await walk(t, size, {url: network.url, home, flags: ['--read-only']}, async step => {
			const {pty, golden} = step;
			await network.addNode();
			await network.addNode();
			await createApi(network.url).pauseRepair(true);
			await network.upload('only.txt', 'read only');
			await network.counted();
			if (size.columns >= 80) await pty.waitFor('data 0%');
			pty.press('3');
			await golden('read-only-files', /Files: 1[^]*only\.txt/);
			pty.press('x');
			await golden('read-only-refusal', /Not with --read-only/);
			pty.press('7', 'P');
			await golden('read-only-healing', /Not with --read-only/);
			const api = createApi(network.url);
			const [node] = await api.nodes();
			await api.drainNode(node?.node_id ?? '');
			pty.press('2');
			// Beside the list of a wide screen stand audits and scrubs, which come when they come.
			if (size.columns < 150) await golden('read-only-draining', /draining 0%/);
			await api.cancelDrain(node?.node_id ?? '');
			pty.press('3', 't');
			await golden('trash-empty', /Trash: empty/);
			const {file_id: id} = await network.upload('old.txt', 'not wanted any more');
			await api.removeFile(id);
			await golden('trash', /Trash: 1 file[^]*old\.txt/);
			await quit(step);
		});
	});
}
