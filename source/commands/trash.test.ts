import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {startTestNetwork} from '../../daemon/testing/network.js';
import type {FileView, TrashedFile, Uploaded} from '../client/contract.js';
import {runProgram} from '../testing/program.js';

const start = async (t: ExecutionContext, trashMs = 7 * 24 * 3600 * 1000) => {
	t.timeout(60_000);
	const folder = mkdtempSync(path.join(tmpdir(), 'pjas-trash-'));
	t.teardown(() => rmSync(folder, {recursive: true, force: true}));
	const {url} = await startTestNetwork(t, {trashMs});
	const environment = {PJAS_COORDINATOR: url};
	const run = async (argv: string[], input?: string) =>
		runProgram(argv, {folder, environment, ...(input !== undefined && {input})});
	const output = async (argv: string[], input?: string) => {
		const {code, stdout, stderr} = await run(argv, input);
		t.deepEqual([code, stderr], [0, ''], argv.join(' '));
		return stdout;
	};
	const store = async (name: string) =>
		(JSON.parse(await output(['upload', '-', '--json', '--name', name], name)) as Uploaded).file_id;
	const listed = async () => (JSON.parse(await output(['files', '--json'])) as FileView[]).map(file => file.filename);
	return {run, output, store, listed};
};

test('what rm deleted is listed with until when, brought back by name or id, and deleted for good', async t => {
	const {run, output, store, listed} = await start(t);
	t.is(await output(['trash']), 'The trash is empty\n');
	t.is(await output(['trash', 'list', '--json']), '[]\n');
	const plan = await store('plan');
	const bell = await store('bell\u0007');
	await store('kept');
	const until = /; pjas-tui trash restore brings it back, until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\n$/;
	t.regex(await output(['rm', '-y', 'plan']), until);
	const removed = JSON.parse(await output(['rm', '-y', '--json', bell])) as {purge_at: number};
	t.true(removed.purge_at > Date.now());
	t.regex(
		await output(['trash']),
		new RegExp(`^FILE.* UNTIL \\(UTC\\) +NAME\n${bell} .*bell\\\\u0007\n${plan} +4 B .* plan\n$`),
	);
	const [first] = JSON.parse(await output(['trash', '--json'])) as TrashedFile[];
	t.like(first, {file_id: bell, deleted_by: '', purge_at: removed.purge_at});

	t.like(await run(['trash', 'restore', 'kept']), {code: 4, stdout: ''}, 'it is not in the trash');
	t.is(
		await output(['trash', 'restore', 'bell\\u0007', 'plan', plan]),
		`Brought back ${bell}  bell\\u0007\nBrought back ${plan}  plan\n`,
	);
	t.deepEqual((await listed()).sort(), ['bell\u0007', 'kept', 'plan']);

	await output(['rm', '-y', 'plan', bell]);
	const refused = await run(['trash', 'purge', 'plan']);
	t.is(refused.code, 2);
	t.regex(refused.stderr, /no terminal to ask on\. Say --yes/);
	t.deepEqual(JSON.parse(await output(['trash', 'purge', '--yes', '--json', plan])), {
		...{file_id: plan, filename: 'plan', purged: true},
	});
	t.is((await run(['trash', 'empty'])).code, 2);
	t.is(await output(['trash', 'empty', '-y']), 'Deleted 1 file for good, 5 B\n');
	t.is(await output(['trash', 'empty', '-y']), 'There was nothing of yours in the trash\n');
	t.regex(await output(['stats']), /^In the trash +0 \(0 B\)$/m);
	t.deepEqual(await listed(), ['kept']);
});

test('rm --forever passes the trash, and where there is none nothing is said of one', async t => {
	const {output, store} = await start(t);
	const id = await store('a');
	t.is(await output(['rm', '-y', '--forever', 'a']), `Deleted ${id}  a\n`);
	t.is(await output(['trash']), 'The trash is empty\n');
	const without = await start(t, 0);
	const other = await without.store('b');
	t.is(await without.output(['rm', '-y', 'b']), `Deleted ${other}  b\n`);
});

test('two of a name are told apart, wrong words are refused, and --read-only lets only look', async t => {
	const {run, output, store} = await start(t);
	const ids = [await store('same'), await store('same')];
	await output(['rm', '-y', ...ids]);
	const ambiguous = await run(['trash', 'restore', 'same']);
	t.is(ambiguous.code, 2);
	for (const id of ids) t.true(ambiguous.stderr.includes(id));
	for (const [argv, said] of [
		[['trash', 'restore'], /Say which ones: pjas-tui trash restore FILE…/],
		[['trash', 'empty', 'all', '--yes'], /"all" is one word too many: pjas-tui trash empty/],
		[['trash', 'list', 'all'], /"all" is one word too many/],
		[['trash', 'nonsense'], /nonsense/],
		[['trash', 'restore', 'same', '--yes'], /--yes is not for trash restore/],
		[['trash', 'restore', 'same', '--read-only'], /--read-only refuses that/],
		[['trash', 'purge', 'same', '-y', '--read-only'], /--read-only refuses that/],
		[['trash', 'empty', '-y', '--read-only'], /--read-only refuses that/],
	] as const) {
		const {code, stderr} = await run([...argv]);
		t.is(code, 2, argv.join(' '));
		t.regex(stderr, said);
	}

	t.regex(await output(['trash', '--read-only']), /same/);
});
