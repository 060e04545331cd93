import test, {type ExecutionContext} from 'ava';
import {temporaryFolder} from '../daemon/testing/processes.js';
import {openConsole} from './testing/console-program.js';
import {createGolden, type Golden, type Size} from './testing/golden-screens.js';
import {startPeopleNetwork} from './testing/people-network.suite.js';
import type {Pty} from './testing/pty.js';

const sizes: readonly Size[] = [
	{columns: 60, rows: 15},
	{columns: 80, rows: 24},
	{columns: 120, rows: 40},
	{columns: 200, rows: 60},
];

const GIB = 1024 ** 3;

type Walk = {pty: Pty; golden: Golden};

/** Opens the console as whoever has the token, and tells every screen that differs. */
const walk = async (
	t: ExecutionContext,
	{url, token, size}: {url: string; token: string | undefined; size: Size},
	steps: (walk: Walk) => Promise<void>,
) => {
	const problems: string[] = [];
	const pty = openConsole({url, home: temporaryFolder(t), environment: {PJAS_TOKEN: token}, ...size});
	t.teardown(pty.close);
	await steps({pty, golden: createGolden(pty, size, problems)});
	t.is(problems.length, 0, `These screens differ:\n${problems.join('\n\n')}`);
	pty.press('q');
	await pty.exit;
};

for (const size of sizes) {
	test(`at ${size.columns}x${size.rows} people look as they should, to admins, members and strangers`, async t => {
		const {url, token, api, join} = await startPeopleNetwork(t);
		const member = await join('ann', 'member', 10 * GIB);
		await join('bob', 'operator');
		await api.changeAccount('bob', {disabled: true});
		await api.invite({role: 'member'});

		await walk(t, {url, token, size}, async ({pty, golden}) => {
			await pty.waitFor('LIVE');
			pty.press('6');
			await golden('people', /bob +operator/);
			pty.press('i');
			await golden('people-invite', /Invite a person/);
			pty.press('escape');
			await pty.waitFor(screen => !screen.join('').includes('Invite a person'));
			pty.press('j', 'x');
			await golden('people-disable', /Disable ann/);
			pty.press('n');
			await pty.waitFor(screen => !screen.join('').includes('Disable ann'));
			pty.press('enter');
			await golden('people-account', /Tokens of ann[^]*laptop/);
			pty.press('escape');
			await pty.waitFor(/bob +operator/);
		});
		await walk(t, {url, token: member, size}, async ({pty, golden}) => {
			await pty.waitFor('LIVE');
			pty.press('6');
			await golden('people-member', /ann +member/);
			pty.press('7');
			await golden('healing-member', /Your files have all their copies/);
		});
		await walk(t, {url, token: undefined, size}, async ({golden}) => {
			await golden('signed-out', /pjas-tui login/);
		});
	});
}
