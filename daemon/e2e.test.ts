import {readdirSync, readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {createApi} from '../source/client/api.js';
import type {Uploaded} from '../source/client/contract.js';
import {unlockKeyring} from '../source/protocol/keyring.js';
import {runProgram} from '../source/testing/program.js';
import {type Keeper, startDaemon, temporaryFolder, until} from './testing/processes.js';
import {startRecorder} from './testing/recorder.js';

const PASSPHRASE = 'nine lives of Größe';
const NAME = 'Tagebuch-Geheimnis Mai.epub';
const TYPE = 'application/epub+zip';
const SENTENCE = 'The treasure lies below the third oak tree. ';

/** All ways in which somebody might write some bytes down. */
const formsOf = (bytes: Uint8Array): Buffer[] => {
	const raw = Buffer.from(bytes);
	const texts = [
		raw.toString('hex'),
		raw.toString('hex').toUpperCase(),
		...[0, 1, 2].flatMap(shift => {
			// Base64 of a text inside another one begins at any of three places.
			const inner = Buffer.concat([Buffer.alloc(shift), raw]);
			const start = Math.ceil((shift * 4) / 3);
			return (['base64', 'base64url'] as const).map(encoding =>
				inner.toString(encoding).replace(/=+$/, '').slice(start, -1),
			);
		}),
		JSON.stringify(raw.toString('utf8')).slice(1, -1),
		encodeURIComponent(raw.toString('utf8')),
	];
	return [raw, ...texts.map(text => Buffer.from(text))];
};

const filesBelow = (folder: string): Buffer[] =>
	readdirSync(folder, {recursive: true, withFileTypes: true})
		.filter(entry => entry.isFile())
		.map(entry => readFileSync(path.join(entry.parentPath, entry.name)));

/** Which of the secrets are found in any of the places. */
const foundIn = (places: readonly Buffer[], secrets: Record<string, Uint8Array>): string[] =>
	Object.entries(secrets)
		.filter(([, bytes]) => formsOf(bytes).some(form => places.some(place => place.includes(form))))
		.map(([name]) => name);

/** A coordinator and three nodes on folders, whose log says all it can, behind something that records all that is said. */
const startWatched = async (t: Keeper) => {
	const folder = temporaryFolder(t);
	const daemon = startDaemon(t, ['--role', 'local', '--data', 'data', '--port', '0', '--log-level', 'debug'], {folder});
	const url = await daemon.ready();
	const token = readFileSync(path.join(folder, 'data', 'coordinator', 'admin.token'), 'utf8').trim();
	const api = createApi(url, {token});
	await until('its nodes are there', async () => (await api.stats()).onlineNodes >= 3);
	return {folder, daemon, token, api, recorder: await startRecorder(t, url)};
};

test('what is sealed end to end is on no disk, in no log and on no wire, and another machine reads it', async t => {
	const {folder, daemon, recorder, token, api} = await startWatched(t);
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
	const places = [
		...filesBelow(path.join(folder, 'data')),
		Buffer.from(daemon.stdout()),
		Buffer.from(daemon.stderr()),
		recorder.recorded(),
	];
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
