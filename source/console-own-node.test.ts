import path from 'node:path';
import test from 'ava';
import {memberSocketOf, thisMachine} from './member-socket.js';
import {openNodeFolder} from '../daemon/adapters/disk-shards-folder.js';
import {systemClock, systemRandom} from '../daemon/adapters/system.js';
import {startNode} from '../daemon/node/start.js';
import {silentLog} from '../daemon/testing/silent-log.js';
import {temporaryFolder} from '../daemon/testing/processes.js';
import {PjasError} from './protocol/errors.js';
import {openConsole} from './testing/console-program.js';
import {createGolden, type Size} from './testing/golden-screens.js';
import {startOwnNode} from './testing/own-node.suite.js';
import {runProgram} from './testing/program.js';

const sizes: readonly Size[] = [
	{columns: 60, rows: 15},
	{columns: 80, rows: 24},
	{columns: 120, rows: 40},
];

for (const size of sizes) {
	test(`at ${size.columns}x${size.rows} a member's console looks as it should`, async t => {
		const node = await startOwnNode(t);
		const problems: string[] = [];
		const pty = openConsole({node: node.folder, home: temporaryFolder(t), ...size});
		t.teardown(pty.close);
		const golden = createGolden(pty, size, problems);
		const back = async (until: RegExp) => {
			pty.press('escape');
			await pty.waitFor(until);
		};

		await golden('own-node', /LIVE[^]*takes part/);
		pty.press('?');
		await golden('own-node-help', /Help: Node/);
		await back(/state +takes part/);
		pty.press('L');
		await golden('own-node-leave', /Type leave to leave/);
		await back(/state +takes part/);
		pty.press('T');
		await golden('own-safe-asking', /The node asks its coordinator/);
		const few = {success: true, safe: false, shards: 4915, min_copies: 2, at_risk: 12, fewest_copies: 0} as const;
		node.tell(few);
		await golden('own-safe-no', /NO[^]*12 of its 4915 shards/);
		pty.press('T');
		await pty.waitFor(/The node asks its coordinator/);
		node.tell(new PjasError('COORDINATOR_UNREACHABLE', "The coordinator can't be asked now (ECONNREFUSED)"));
		await golden('own-safe-unknown', /NOT KNOWN[^]*ECONNREFUSED/);
		await back(/state +takes part/);
		pty.press('2');
		await golden('own-limits', /LIMIT +NOW[^]*monthly-cap +500 GiB/);
		pty.press('c');
		await golden('own-limits-form', /Change the limits/);
		await back(/LIMIT +NOW/);
		pty.press('3');
		await golden('own-log', /a scrub of all shards is done/);
		pty.press('4');
		await golden('own-doctor-never', /has not looked/);
		pty.press('e');
		await golden('own-doctor', /WRONG +coordinator/);
		pty.press('1', 'p');
		await pty.waitFor(/state +paused/);
		t.deepEqual(node.deeds, ['pause']);
		node.put({
			leaving: 'asked',
			drain: {
				...{started_at: Date.now(), by: 'its member', leaves: true, shards_total: 4915, shards_left: 1200},
				...{bytes_left: 12 * 1024 ** 3, eta_s: 5400, reason: null},
			},
		});
		// So that what was said of the pause is gone.
		pty.press('g');
		await golden('own-node-leaving', /1200 of 4915 shards left/);
		t.is(problems.length, 0, `These screens differ:\n${problems.join('\n\n')}`);
		pty.press('q');
		await pty.exit;
	});
}

test('a member’s console waits for the node, follows it, and waits again', async t => {
	const home = temporaryFolder(t);
	const storagePath = path.join(home, 'storage');
	const pty = openConsole({node: storagePath, home});
	t.teardown(pty.close);
	await pty.waitFor(/The node does not answer[^]*No node runs on/);
	const start = async () =>
		startNode({
			openFolder: openNodeFolder,
			memberSocket: memberSocketOf(storagePath, thisMachine()),
			...{storagePath, allocatedBytes: 1024 ** 3, host: '127.0.0.1', port: 0, name: 'attic'},
			...{log: silentLog, clock: systemClock, random: systemRandom},
		});
	const node = await start();
	t.teardown(async () => node.close());
	await pty.waitFor(/LIVE[^]*0% of 1 GiB/);
	pty.press('2', 'j', 'enter');
	await pty.waitFor(/Change up/);
	pty.press('ctrl-u');
	pty.type('3MB\r');
	await pty.waitFor(/up +3 MiB\/s +any/);
	t.is(node.member.limits().up, 3 * 1024 ** 2);
	pty.press('3');
	await pty.waitFor(/set: up 3 MiB\/s/);
	await node.close();
	await pty.waitFor(/STALE/);
	const again = await start();
	t.teardown(async () => again.close());
	await pty.waitFor(/LIVE[^]*as it was set while the node ran/);
	pty.press('q');
	await pty.exit;
});

test('what can be no node is refused before the console opens, with what can', async t => {
	const folder = temporaryFolder(t);
	const refused = async (...argv: string[]) => {
		const {code, stderr} = await runProgram(argv, {folder});
		t.is(code, 2, stderr);
		return stderr;
	};

	t.regex(await refused('--node', 'http://example.org:3000', '--screen-reader'), /never over a network.*ssh -N -L/);
	t.regex(await refused('--node', 'https://127.0.0.1', '--screen-reader'), /name its folder/);
	t.regex(await refused('--node', '.', '--coordinator', 'http://x', '--screen-reader'), /leave one of them out/);
	t.regex(await refused('--node', '.'), /needs a terminal.*pjas-daemon status FOLDER --json/);
});
