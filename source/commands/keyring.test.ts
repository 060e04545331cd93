import {mkdtempSync, readFileSync, rmSync, statSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import anyTest, {type ExecutionContext, type TestFn} from 'ava';
import {startTestNetwork} from '../../daemon/testing/network.js';
import {startPeopleNetwork} from '../../daemon/testing/people.js';
import {createApi} from '../client/api.js';
import type {Uploaded} from '../client/contract.js';
import {formatShareUrl, parseShareUrl} from '../client/share-url.js';
import {lockKeyring, makeKeyring, unlockKeyring} from '../protocol/keyring.js';
import {openPty, type Pty} from '../testing/pty.js';
import {program, runProgram} from '../testing/program.js';

type Context = ExecutionContext<{folder: string; url: string}>;
type Environment = Record<string, string>;

const known: Environment = {PJAS_PASSPHRASE: 'open sesame'};

/** A test with a network and a folder of its own. One after the other: each runs many processes. */
const test = (title: string, implementation: (t: Context) => Promise<void>) =>
	(anyTest as TestFn<Context['context']>).serial(title, async t => {
		const folder = mkdtempSync(path.join(tmpdir(), 'pjas-keyring-'));
		t.teardown(() => rmSync(folder, {recursive: true, force: true}));
		t.context = {folder, url: (await startTestNetwork(t)).url};
		await implementation(t);
	});

const at = (t: Context, name: string) => path.join(t.context.folder, name);

const surroundings = ({context: {folder, url}}: Context, environment: Environment = {}): Environment => ({
	PJAS_COORDINATOR: url,
	HOME: folder,
	...environment,
});

const run = async (t: Context, argv: string[], environment?: Environment, input?: string) =>
	runProgram(argv, {
		folder: t.context.folder,
		environment: surroundings(t, environment),
		...(input !== undefined && {input}),
	});

const output = async (t: Context, argv: string[], environment?: Environment, input?: string): Promise<string> => {
	const {code, stdout, stderr} = await run(t, argv, environment, input);
	t.deepEqual([code, stderr], [0, ''], argv.join(' '));
	return stdout;
};

const refusal = async (t: Context, argv: string[], environment?: Environment) => {
	const {code, stderr} = await run(t, [...argv, '--json'], environment);
	return {exit: code, ...(JSON.parse(stderr) as {code: string; error: string})};
};

const seal = async (t: Context, name: string, content: string, environment = known) =>
	JSON.parse(await output(t, ['upload', '-', '--e2e', '--json', '--name', name], environment, content)) as Uploaded;

const drawBytes = (sizeBytes: number) => crypto.getRandomValues(new Uint8Array(sizeBytes));

/** Gives an account a keyring that opens sooner than one of the program's: for tests that don't ask how it comes about. */
const giveKeyring = async (url: string, options: {token?: string} = {}) => {
	const kdf = {name: 'scrypt', N: 2 ** 10, r: 8, p: 1} as const;
	const keyring = await makeKeyring(known['PJAS_PASSPHRASE'] ?? '', {random: drawBytes, kdf});
	await createApi(url, options).putKeyring({blob: await lockKeyring(keyring, drawBytes), revision: 0});
};

/** Runs it on a terminal. */
const onTerminal = (t: Context, argv: string[], environment?: Environment): Pty => {
	const env = {...surroundings(t, environment), PJAS_PASSPHRASE: environment?.['PJAS_PASSPHRASE']};
	const pty = openPty({command: process.execPath, args: [program, ...argv], cwd: t.context.folder, columns: 120, env});
	t.teardown(async () => pty.close());
	return pty;
};

test('standard input is sealed, listed, found by its name, and deleted by it', async t => {
	await giveKeyring(t.context.url);
	const {file_id: id, filename, size} = await seal(t, 'diary.txt', 'dear diary');
	t.deepEqual([filename, size], ['diary.txt', 10]);
	t.regex(await output(t, ['files']), / {2}26 B .* {2}\(sealed end to end\)\n$/);
	t.regex(await output(t, ['files', '--search', 'DIARY'], known), / {2}10 B .* {2}diary\.txt \(end to end\)\n$/);
	t.is(await output(t, ['files', '--search', 'sealed'], known), 'No file has that in its name\n');
	const [listed] = JSON.parse(await output(t, ['files', '--json'], known)) as Record<string, unknown>[];
	t.like(listed, {file_id: id, filename: 'diary.txt', seal: 'opened', size: 10});
	t.is(await output(t, ['download', 'diary.txt', '-o', '-'], known), 'dear diary');
	t.is(await output(t, ['download', id, '-o', '-'], known), 'dear diary');
	t.regex(await output(t, ['check', 'diary.txt'], known), /diary\.txt/);
	t.is(await output(t, ['rm', '-y', 'diary.txt'], known), `Deleted ${id}  diary.txt\n`);
});

test('a passphrase comes out of a file too, and one that is wrong, missing or short is said so', async t => {
	writeFileSync(at(t, 'secret'), 'open sesame\nnot this\n');
	writeFileSync(at(t, 'empty'), '\nopen sesame\n');
	writeFileSync(at(t, 'a.txt'), 'content');
	t.like(await refusal(t, ['upload', '--e2e', 'a.txt'], {PJAS_PASSPHRASE: 'short'}), {
		exit: 2,
		error: 'A passphrase has at least 8 characters',
	});
	t.like(await refusal(t, ['upload', '--e2e', 'a.txt']), {exit: 1, code: 'PASSPHRASE_NEEDED'});
	t.like(await refusal(t, ['upload', '--e2e', 'a.txt', '--passphrase-file', 'nowhere']), {exit: 2});
	t.like(await refusal(t, ['upload', '--e2e', 'a.txt', '--passphrase-file', 'empty']), {exit: 2});
	await giveKeyring(t.context.url);
	const argv = ['upload', '--e2e', 'a.txt', '--passphrase-file', 'secret', '--json'];
	const {file_id: id} = JSON.parse(await output(t, argv)) as Uploaded;
	t.is(await output(t, ['download', id, '-o', '-'], known), 'content');
	for (const command of [['files'], ['download', id], ['upload', '--e2e', 'a.txt'], ['keyring', 'status']]) {
		t.like(await refusal(t, command, {PJAS_PASSPHRASE: 'close sesame'}), {exit: 1, code: 'WRONG_PASSPHRASE'});
	}

	t.like(await refusal(t, ['download', id]), {exit: 1, code: 'PASSPHRASE_NEEDED'});
	t.is((JSON.parse(await output(t, ['files', '--json'])) as unknown[]).length, 1);
});

test('a keyring is described, exported once, brought back, and gets another passphrase', async t => {
	t.regex(await output(t, ['keyring', 'status']), /no keyring yet/);
	t.like(await refusal(t, ['keyring', 'export', '-f', 'kept']), {exit: 1, code: 'NO_KEYRING'});
	await giveKeyring(t.context.url);
	const {file_id: one} = await seal(t, 'one', 'the first');
	t.regex(await output(t, ['keyring', 'status'], known), /changed 2 times, .*, 1 keys\n$/);
	t.is(await output(t, ['keyring', 'export', '-f', 'kept']).then(text => text.slice(0, 10)), 'Written to');
	t.is(statSync(at(t, 'kept')).mode & 0o777, 0o600);
	t.like(await refusal(t, ['keyring', 'export', '-f', 'kept']), {code: 'TARGET_EXISTS'});
	t.like(await refusal(t, ['keyring', 'export']), {exit: 2});
	t.is(await output(t, ['keyring', 'export', '-f', '-']), readFileSync(at(t, 'kept'), 'utf8'));

	writeFileSync(at(t, 'new'), 'another sesame');
	const change = ['keyring', 'change-passphrase', '--new-passphrase-file', 'new'];
	t.like(await refusal(t, [...change, '--read-only'], known), {exit: 2});
	await output(t, change, known);
	t.like(await refusal(t, ['files'], known), {code: 'WRONG_PASSPHRASE'});
	t.is(await output(t, ['download', one, '-o', '-'], {PJAS_PASSPHRASE: 'another sesame'}), 'the first');

	// Somebody else's coordinator, or this one after a loss.
	t.context.url = (await startTestNetwork(t)).url;
	t.like(await refusal(t, ['keyring', 'import', '-f', 'a.txt'], known), {code: 'FILE_MISSING'});
	t.like(await refusal(t, ['keyring', 'import', '-f', 'new'], known), {code: 'KEYRING_CORRUPT'});
	t.regex(await output(t, ['keyring', 'import', '-f', 'kept'], known), /with 1 keys/);
	await seal(t, 'two', 'the second');
	t.is(await output(t, ['keyring', 'import', '-f', 'kept'], known), '0 of 1 keys were new\n');
	t.regex(await output(t, ['keyring', 'status'], known), /2 keys/);
});

test('a file whose key is not in the keyring is refused in words', async t => {
	await giveKeyring(t.context.url);
	const {file_id: id} = await seal(t, 'one', 'the first');
	const api = createApi(t.context.url);
	const {revision} = await api.keyring();
	await api.putKeyring({blob: 'lost', revision});
	t.like(await refusal(t, ['download', id], known), {code: 'KEYRING_CORRUPT'});
});

test('on a terminal a passphrase is asked for twice where it is new, and is never shown', async t => {
	writeFileSync(at(t, 'diary.txt'), 'dear diary');
	const making = onTerminal(t, ['upload', '--e2e', 'diary.txt']);
	await making.waitFor('New passphrase:');
	making.type('open sesame\r');
	await making.waitFor('The same once more:');
	making.type('open sesame\r');
	t.is((await making.exit).code, 0);
	t.regex(making.text(), /This makes your keyring/);
	t.notRegex(making.text(), /sesame/);

	const opening = onTerminal(t, ['files', '--open']);
	await opening.waitFor('Passphrase:');
	opening.type('open sesame\r');
	t.is((await opening.exit).code, 0);
	t.regex(opening.text(), /diary\.txt \(end to end\)/);
	t.notRegex(opening.text(), /sesame/);

	const finding = onTerminal(t, ['download', 'diary.txt', '-o', 'copy.txt']);
	await finding.waitFor('No file is called that in the open');
	finding.type('open sesame\r');
	t.is((await finding.exit).code, 0);
	t.is(readFileSync(at(t, 'copy.txt'), 'utf8'), 'dear diary');
});

test('a link with its key opens what is sealed, for somebody without an account', async t => {
	const network = await startPeopleNetwork(t);
	const ann = {...known, PJAS_COORDINATOR: network.url, PJAS_TOKEN: await network.addAccount('ann')};
	await giveKeyring(network.url, {token: ann.PJAS_TOKEN});
	const {file_id: id} = await seal(t, 'diary.txt', 'dear diary', ann);
	const linked = await network.as(ann.PJAS_TOKEN)('POST', `/api/files/${id}/links`, {json: {password: 'of the link'}});
	const {url} = (await linked.json()) as {url: string};
	const share = parseShareUrl(url);
	t.truthy(share);
	if (!share) return;
	const blob = (await createApi(network.url, {token: ann.PJAS_TOKEN}).keyring()).blob ?? '';
	const key = (await unlockKeyring(blob, known['PJAS_PASSPHRASE'] ?? '')).files.get(id)?.key;
	t.truthy(key);

	const whole = formatShareUrl({...share, key: key ?? new Uint8Array()});
	const password = {PJAS_LINK_PASSWORD: 'of the link'};
	t.is(await output(t, ['download', whole], password), `${at(t, 'diary.txt')}\n`);
	t.is(readFileSync(at(t, 'diary.txt'), 'utf8'), 'dear diary');
	t.like(await refusal(t, ['download', whole]), {code: 'LINK_PASSWORD_NEEDED'});
	t.like(await refusal(t, ['download', url], password), {code: 'FILE_KEY_MISSING'});
	const other = formatShareUrl({...share, key: new Uint8Array(32)});
	t.like(await refusal(t, ['download', other], password), {code: 'SEAL_BROKEN'});
	for (const command of ['download', 'check']) t.like(await refusal(t, [command, whole.slice(0, -1)]), {exit: 2});
	t.like(await refusal(t, ['rm', '-y', whole]), {exit: 2, error: 'A link can only be downloaded'});
});

test('two passphrases where one was meant make no keyring', async t => {
	writeFileSync(at(t, 'diary.txt'), 'dear diary');
	const pty = onTerminal(t, ['upload', '--e2e', 'diary.txt']);
	await pty.waitFor('New passphrase:');
	pty.type('open sesame\r');
	await pty.waitFor('The same once more:');
	pty.type('open simsim\r');
	t.is((await pty.exit).code, 1);
	t.regex(pty.text(), /two passphrases/);
	const api = createApi(t.context.url);
	t.is((await api.keyring()).blob, null);
	t.is((await api.files({limit: 1})).total, 0);
});
