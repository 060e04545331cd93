import {randomBytes} from 'node:crypto';
import {cp, mkdir, readFile, rm, stat, unlink, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import test from 'ava';
import type {Digest} from '../../source/protocol/ids.js';
import {digestOf} from '../ports/shard-store.suite.js';
import {recordingLog} from '../testing/recording-log.js';
import {collect, failingFiles, filesIn, GIB, newFolder, openFolder, refused} from './disk-shards-testing.suite.js';
import {systemClock, systemRandom} from './system.js';

test('a classic id is never a path, and stays itself over a restart', async t => {
	const folder = await newFolder(t);
	const node = await openFolder(folder);
	const digest = digestOf(Buffer.from('a'));
	const ids = [
		'abc',
		'ABC',
		'ünï cödé',
		'con',
		'a%2fb',
		'..%2f..',
		'x'.repeat(200),
		digestOf(Buffer.from('b')),
		'__proto__',
	];
	for (const id of ids) {
		t.is(await node.aliases.get(id), undefined);
		await node.aliases.set(id, digest);
	}

	for (const id of ['', '.', '..', 'a/b', '../x', 'a\\b', 'a\0b', 'a\nb', 'x'.repeat(201), '\ud800']) {
		await refused(t, 'INVALID_REQUEST', async () => node.aliases.set(id, digest));
		t.is(await node.aliases.get(id), undefined);
	}

	const again = await openFolder(folder);
	for (const id of ids) t.is(await again.aliases.get(id), digest);
	t.true((await filesIn(folder, 'aliases')).every(name => /^[0-9a-f]{64}\.json$/.test(name)));
	t.is((await filesIn(folder, 'aliases')).length, ids.length);
});

const fixtures = new URL('../../../fixtures/node/', import.meta.url).pathname;

const goldenRandom = {...systemRandom, bytes: (count: number) => new Uint8Array(count).fill(0xab)};
const goldenClock = {...systemClock, now: () => 1_750_000_000_000};

test('a folder is what the golden files say', async t => {
	const folder = await newFolder(t);
	const options = {random: goldenRandom, clock: goldenClock, name: 'Attic', allocatedBytes: 5_000_000_000};
	const node = await openFolder(folder, options);
	for (const text of ['one', 'two', '']) await node.shards.put(digestOf(Buffer.from(text)), Buffer.from(text));
	await node.aliases.set('5f3a9c0d1e2b4a68', digestOf(Buffer.from('one')));
	await node.save();

	const written = {'node_metadata.json': 'version-2', 'node_identity.json': 'version-2-keys'};
	for (const [name, version] of Object.entries(written)) {
		t.is(await readFile(join(folder, name), 'utf8'), await readFile(join(fixtures, version, name), 'utf8'), name);
	}

	for (const name of ['aliases', 'chunks']) {
		t.deepEqual(await filesIn(folder, name), await filesIn(fixtures, 'version-2', name));
	}

	const [alias = ''] = await filesIn(folder, 'aliases');
	t.is(
		await readFile(join(folder, 'aliases', alias), 'utf8'),
		await readFile(join(fixtures, 'version-2/aliases', alias), 'utf8'),
	);

	const golden = await newFolder(t);
	await cp(join(fixtures, 'version-2'), golden, {recursive: true});
	const opened = await openFolder(golden, {allocatedBytes: undefined});
	t.is(String(opened.nodeId), `pjas-${'ab'.repeat(16)}`);
	t.is(String(opened.classicNodeId), 'pjas-abababab');
	t.is(opened.name, 'Attic');
	t.is(opened.allocatedBytes, 5_000_000_000);
	t.is(opened.createdAtMs, 1_750_000_000_000);
	// It is from before nodes had keys, so it gets some, which stay.
	t.regex(opened.keys.signing, /^[\w-]{43}$/);
	t.like(JSON.parse(await readFile(join(golden, 'node_identity.json'), 'utf8')), {keys: opened.keys});
	t.is(opened.shards.count, 3);
	t.is(await opened.aliases.get('5f3a9c0d1e2b4a68'), digestOf(Buffer.from('one')));
});

test('a restart keeps who the node is, and takes a new allocation and name', async t => {
	const folder = await newFolder(t);
	const body = randomBytes(100_000);
	const first = await openFolder(folder, {name: 'Attic'});
	await first.shards.put(digestOf(body), body);
	await first.save();

	const smaller = await openFolder(folder, {allocatedBytes: 50_000});
	t.is(smaller.nodeId, first.nodeId);
	t.is(smaller.classicNodeId, first.classicNodeId);
	t.is(smaller.name, 'Attic');
	t.is((await smaller.shards.figures()).freeBytes, 0);
	t.is(Buffer.compare(await smaller.shards.get(digestOf(body)), body), 0);
	const other = randomBytes(10);
	await refused(t, 'INSUFFICIENT_STORAGE', async () => smaller.shards.put(digestOf(other), other));

	const kept = await openFolder(folder, {allocatedBytes: undefined});
	t.is(kept.allocatedBytes, 50_000);
	const bigger = await openFolder(folder, {allocatedBytes: 10 * GIB, name: 'Cellar'});
	t.is(bigger.allocatedBytes, 10 * GIB);
	await bigger.shards.put(digestOf(other), other);
	t.is((await openFolder(folder, {allocatedBytes: undefined})).name, 'Cellar');

	await refused(t, 'INVALID_CONFIGURATION', async () => openFolder(join(folder, 'new'), {allocatedBytes: undefined}));
	await refused(t, 'INVALID_CONFIGURATION', async () => openFolder(join(folder, 'node_identity.json')));
});

test('metadata that is missing or torn is made anew, and the node stays who it is', async t => {
	const folder = await newFolder(t);
	const body = randomBytes(1000);
	const {nodeId, shards, save} = await openFolder(folder);
	await shards.put(digestOf(body), body);
	await save();
	const metadata = join(folder, 'node_metadata.json');
	const identity = join(folder, 'node_identity.json');
	const whole = await readFile(metadata, 'utf8');

	for (const damage of ['missing', whole.slice(0, 90), '', '[]', '{"version": 3}', '\0\0\0\0']) {
		if (damage === 'missing') await unlink(metadata);
		else await writeFile(metadata, damage);
		const log = recordingLog();
		const node = await openFolder(folder, {log});
		t.is(node.nodeId, nodeId);
		t.deepEqual(await collect(node.shards.list()), [digestOf(body)]);
		t.regex(log.messages('warn').join(), damage === 'missing' ? /missing/ : /kept as node_metadata.json.broken-\d+/);
		t.is((JSON.parse(await readFile(metadata, 'utf8')) as {node_id: string}).node_id, nodeId);
	}

	const broken = (await filesIn(folder)).filter(name => name.includes('.broken-'));
	t.is(broken.length, 5);

	// Both files gone wrong: what still can be read counts.
	await writeFile(identity, 'torn');
	await writeFile(metadata, whole.slice(0, 90));
	t.is((await openFolder(folder)).nodeId, nodeId);
	await unlink(identity);
	t.is((await openFolder(folder)).nodeId, nodeId);
	t.is((JSON.parse(await readFile(identity, 'utf8')) as {node_id: string}).node_id, nodeId);
});

test('a folder whose chunk files are gone is opened, and that is told', async t => {
	const folder = await newFolder(t);
	const body = randomBytes(1000);
	const {shards, save} = await openFolder(folder);
	await shards.put(digestOf(body), body);
	await save();
	await rm(join(folder, 'chunks'), {recursive: true});
	const log = recordingLog();
	t.deepEqual(await collect((await openFolder(folder, {log})).shards.list()), []);
	t.regex(log.messages('warn').join(), /no chunk files, and the index has some.*not mounted/);
});

test("a folder of the prototype's node is taken over", async t => {
	const folder = await newFolder(t);
	await cp(join(fixtures, 'classic'), folder, {recursive: true});
	const log = recordingLog();
	const node = await openFolder(folder, {log});
	t.is(String(node.nodeId), 'pjas-0badcafe');
	t.is(String(node.classicNodeId), 'pjas-0badcafe');
	t.deepEqual(log.entries.find(({message}) => message.startsWith('took over'))?.fields, {
		adopted: 3,
		missing: 1,
		refused: 1,
	});

	const [one, two] = [Buffer.from('the first chunk\n'), Buffer.from('the second chunk\n')];
	t.is(await node.aliases.get('0123456789abcdef'), digestOf(one));
	t.is(await node.aliases.get('fedcba9876543210'), digestOf(two));
	t.is(Buffer.compare(await node.shards.get(digestOf(one)), one), 0);
	t.true(await node.shards.verify(digestOf(two)));

	// Its bytes are not what its checksum says: it is found out when it is looked at.
	const wrong = (await node.aliases.get('aaaaaaaaaaaaaaaa')) as Digest;
	t.false(await node.shards.verify(wrong));

	t.true((await filesIn(folder)).includes('node_metadata.classic.json'));
	const again = await openFolder(folder);
	t.is(String(again.nodeId), 'pjas-0badcafe');
	t.is(again.shards.count, 2);
	t.is(await again.aliases.get('fedcba9876543210'), digestOf(two));
});

test('a taking over that was ended in the middle is done again', async t => {
	for (let stop = 0; stop < 12; stop++) {
		const folder = await newFolder(t);
		await cp(join(fixtures, 'classic'), folder, {recursive: true});
		let left = stop;
		const files = failingFiles(operation => (operation === 'rename' && left-- <= 0 ? 'EIO' : undefined));
		await openFolder(folder, {files}).catch(() => undefined);
		const node = await openFolder(folder);
		t.is(String(node.nodeId), 'pjas-0badcafe', String(stop));
		t.is(node.shards.count, 3);
		t.is(await node.aliases.get('0123456789abcdef'), digestOf(Buffer.from('the first chunk\n')));
	}
});

test('a prototype folder with a node id that is none gets one', async t => {
	const folder = await newFolder(t);
	await mkdir(join(folder, 'chunks'));
	await writeFile(join(folder, 'node_metadata.json'), '{"node_id": "../../etc", "chunks": {}, "total_stored": 0}');
	t.regex((await openFolder(folder)).nodeId, /^pjas-[0-9a-f]{32}$/);
	t.true((await stat(join(folder, 'node_identity.json'))).isFile());
});
