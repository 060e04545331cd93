import {readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import type {Uploaded} from '../source/client/contract.js';
import {unlockKeyring} from '../source/protocol/keyring.js';
import {runProgram} from '../source/testing/program.js';
import {temporaryFolder} from './testing/processes.js';
import {filesBelow, foundIn, placesOf, startWatched} from './testing/watched.js';

const PASSPHRASE = 'nine lives of Größe';
const NAME = 'Tagebuch-Geheimnis Mai.epub';
const TYPE = 'application/epub+zip';
const SENTENCE = 'The treasure lies below the third oak tree. ';

test('what is sealed end to end is on no disk, in no log and on no wire, and another machine reads it', async t => {
	const watched = await startWatched(t);
	const {daemon, recorder, token, api} = watched;
	const content = Buffer.from(SENTENCE.repeat(300_000));
	const machine = (environment: Record<string, string>) => {
		const home = temporaryFolder(t);
		const settings = {PJAS_COORDINATOR: recorder.url, PJAS_TOKEN: token, HOME: home, ...environment};
		return {
			home,
			run: async (argv: string[]) => runProgram(argv, {folder: home, environment: settings}),
		};
	};

	const here = machine({PJAS_PASSPHRASE: PASSPHRASE});
	writeFileSync(path.join(here.home, NAME), content);
	const stored = await here.run(['upload', '--e2e', '--json', NAME]);
	t.is(stored.code, 0, stored.stderr);
	const {file_id: id, filename, size} = JSON.parse(stored.stdout) as Uploaded;
	t.deepEqual([filename, size], [NAME, content.length]);

	const there = machine({PJAS_PASSPHRASE: PASSPHRASE});
	t.regex((await there.run(['files'])).stdout, new RegExp(`${NAME} \\(end to end\\)\\n`));
	t.is((await there.run(['download', NAME, '-o', 'copy'])).code, 0);
	t.true(readFileSync(path.join(there.home, 'copy')).equals(content));

	const nobody = machine({});
	t.regex((await nobody.run(['files'])).stdout, /\(sealed end to end\)\n/);
	const refused = await nobody.run(['download', id, '--json']);
	t.is((JSON.parse(refused.stderr) as {code: string}).code, 'PASSPHRASE_NEEDED');
	const wrong = await machine({PJAS_PASSPHRASE: 'another passphrase'}).run(['download', id, '--json']);
	t.is((JSON.parse(wrong.stderr) as {code: string}).code, 'WRONG_PASSPHRASE');
	t.deepEqual(
		[refused, wrong].map(({code}) => code),
		[1, 1],
	);

	const {blob} = await api.keyring();
	const keyring = await unlockKeyring(blob ?? '', PASSPHRASE);
	const fileKey = keyring.files.get(id)?.key;
	t.truthy(fileKey);
	const secrets = {
		'the file key': fileKey ?? new Uint8Array(),
		'the keyring key': keyring.key,
		'the passphrase': Buffer.from(PASSPHRASE),
		'the name': Buffer.from(NAME),
		'the beginning of the name': Buffer.from('Geheimnis'),
		'the type': Buffer.from(TYPE),
		'the content': Buffer.from(SENTENCE),
	};
	t.is(await daemon.stop(), 0);
	const places = placesOf(watched);
	t.true(recorder.recorded().length > 2 * content.length);
	t.true(daemon.stderr().includes(id));
	// No more of the log is kept for a test.
	t.true(daemon.stderr().length < 64 * 1024);
	t.deepEqual(foundIn(places, secrets), []);
	// The search itself finds what there is.
	t.deepEqual(foundIn(places, {id: Buffer.from(id), ...secrets}), ['id']);
});

test('what is not sealed is found by the same search', async t => {
	const {folder, daemon, recorder, token} = await startWatched(t);
	writeFileSync(path.join(folder, NAME), SENTENCE);
	const run = await runProgram(['upload', NAME], {
		folder,
		environment: {PJAS_COORDINATOR: recorder.url, PJAS_TOKEN: token},
	});
	t.is(run.code, 0, run.stderr);
	await daemon.stop();
	const secrets = {name: Buffer.from(NAME), type: Buffer.from(TYPE)};
	t.deepEqual(foundIn(filesBelow(path.join(folder, 'data')), secrets), ['name', 'type']);
	t.deepEqual(foundIn([recorder.recorded()], {...secrets, content: Buffer.from(SENTENCE)}), [
		'name',
		'type',
		'content',
	]);
});
