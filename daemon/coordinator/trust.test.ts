import {createHash} from 'node:crypto';
import test from 'ava';
import type {ChunkView, HeartbeatBody, LogEntry, NodeAuditView, NodeView, Stats} from '../../source/protocol/api.js';
import type {Digest} from '../../source/protocol/ids.js';
import type {ChunkRecord} from '../core/model.js';
import type {TestNetworkOptions, TestNode} from '../testing/network.js';
import {holdersOf, type PassingNetwork, startPassingNetwork} from '../testing/passing-network.js';
import {bytesOf, download, same, upload} from '../testing/requests.js';

/** Audits, scrubs and listings as they work together, behind the coordinator's real HTTP server. */

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

const audit = async ({post}: PassingNetwork, {id}: TestNode) =>
	(await (await post(`/api/nodes/${id}/audit`)).json()) as NodeAuditView;
const nodeOf = async ({get}: PassingNetwork, {id}: TestNode) => (await get<{node: NodeView}>(`/api/nodes/${id}`)).node;
const statsOf = async ({get}: PassingNetwork) => (await get<{stats: Stats}>('/api/stats')).stats;
const linesOf = async ({get}: PassingNetwork) =>
	(await get<{logs: LogEntry[]}>('/api/logs?limit=1000')).logs.map(({message}) => message);
const digestOf = (chunk: ChunkRecord) => chunk.shards[0]?.digest as Digest;

const beat = async ({url}: PassingNetwork, {id}: TestNode, scrub?: HeartbeatBody['scrub']) => {
	const body = JSON.stringify({node_id: id, ...(scrub && {scrub})});
	const headers = {'content-type': 'application/json'};
	const answer = await fetch(`${url}/api/nodes/heartbeat`, {method: 'POST', headers, body});
	return (await answer.json()) as {self_check?: number};
};

/** In steps of half a minute. */
const waitFor = async (network: PassingNetwork, what: string, isSo: () => Promise<boolean>) => {
	for (let steps = 0; !(await isSo()); steps++) {
		if (steps > 60) throw new Error(`In vain: ${what}`);
		await network.pass(MINUTE_MS / 2);
	}
};

const withFile = async (t: Parameters<typeof startPassingNetwork>[0], options: TestNetworkOptions = {}) => {
	const network = await startPassingNetwork(t, options);
	const bytes = bytesOf(3000);
	const file = await upload(t, network.url, bytes);
	const chunk = await network.chunk(file);
	const [first] = holdersOf(network, chunk) as [TestNode];
	return {network, bytes, file, chunk, first};
};

test('a node that lost a shard is suspended, checks itself, and is back; its shard is made again meanwhile', async t => {
	const {network, bytes, file, chunk, first} = await withFile(t);
	t.deepEqual((await statsOf(network)).redundancy, {full: 1, partly: 0, none: 0});
	first.shards.kept.clear();
	t.is((await audit(network, first)).outcome, 'missing');

	const {suspended, standing} = await nodeOf(network, first);
	t.like(suspended, {reason: 'missing', passes_left: 3});
	t.like(standing, {audits_passed: 0, audits_failed: 1});
	t.is((await beat(network, first)).self_check, suspended?.since);
	t.deepEqual((await statsOf(network)).redundancy, {full: 0, partly: 1, none: 0});
	t.true((await linesOf(network)).some(line => line.includes('failed an audit and is suspended')));

	await waitFor(network, 'the lost copy is made again', async () => (await statsOf(network)).redundancy.full === 1);
	const now = await network.chunk(file);
	t.false(holdersOf(network, now).includes(first));
	same(t, (await download(network.url, file)).bytes, bytes);
	t.is(digestOf(now), digestOf(chunk));

	await network.pass(15 * MINUTE_MS);
	const back = await nodeOf(network, first);
	t.is(back.suspended, undefined);
	t.is((await beat(network, first)).self_check, undefined);
	t.true((await linesOf(network)).some(line => line.includes('is trusted again')));
});

test('no new shard goes to a suspended node, and its copies are shown as such and read last', async t => {
	const {network, bytes, file, first} = await withFile(t, {nodes: 3});
	const otherBytes = bytesOf(2000);
	const other = await upload(t, network.url, otherBytes);
	const digest = digestOf(await network.chunk(file));
	first.shards.kept.delete(digest);
	// Until the audit meets the shard that is gone.
	for (let tries = 0; tries < 50 && !(await nodeOf(network, first)).suspended; tries++) await audit(network, first);
	t.truthy((await nodeOf(network, first)).suspended);

	const before = first.shards.kept.size;
	await upload(t, network.url, bytesOf(1000));
	t.is(first.shards.kept.size, before);
	const {chunks} = await network.get<{chunks: ChunkView[]}>(`/api/files/${other}/replication`);
	t.deepEqual(
		chunks[0]?.shards.filter(({node_id: id}) => id === first.id).map(({state}) => state),
		['suspended'],
	);
	t.is(chunks[0]?.present, 2);
	first.reads.length = 0;
	same(t, (await download(network.url, other)).bytes, otherBytes);
	t.deepEqual(first.reads, []);
	same(t, (await download(network.url, file)).bytes, bytes);
});

test('a bad shard that a node finds itself is replaced, and its node is not suspended', async t => {
	const {network, file, chunk, first} = await withFile(t);
	const digest = digestOf(chunk);
	first.shards.kept.delete(digest);
	const scrub = {started_at: network.clock.now(), progress: 1, faults: [{digest, kind: 'corrupt' as const}]};
	await beat(network, first, scrub);
	t.is((await network.chunk(file)).shards.find(({node}) => node === first.id)?.fault?.kind, 'corrupt');
	await beat(network, first, scrub);
	t.is((await linesOf(network)).filter(line => line.includes('found by itself')).length, 1, 'once');
	t.is((await nodeOf(network, first)).suspended, undefined);
	await waitFor(network, 'it is replaced', async () => (await statsOf(network)).redundancy.full === 1);
});

test('a report of a shard that is another’s changes nothing', async t => {
	const {network, file, chunk} = await withFile(t);
	const stranger = network.nodes.find(node => !holdersOf(network, chunk).includes(node)) as TestNode;
	const faults = [
		{digest: digestOf(chunk), kind: 'corrupt' as const},
		{digest: 'f'.repeat(64), kind: 'missing' as const},
	];
	await beat(network, stranger, {started_at: 1, progress: 0, faults});
	t.is((await network.chunk(file)).revision, chunk.revision);
});

test('how far a scrub is shows on its node, and when each copy was last verified', async t => {
	const {network, file, chunk, first} = await withFile(t);
	await network.pass(2 * MINUTE_MS);
	const startedAt = network.clock.now();
	await beat(network, first, {started_at: startedAt, progress: 0.99, up_to: 'f'.repeat(64), faults: []});
	t.deepEqual((await nodeOf(network, first)).scrub, {started_at: startedAt, progress: 0.99, completed_at: null});
	const {chunks} = await network.get<{chunks: ChunkView[]}>(`/api/files/${file}/replication`);
	const verified = chunks[0]?.shards.find(({node_id: id}) => id === first.id)?.verified_at;
	t.is(verified, startedAt);
	t.is((await network.chunk(file)).revision, chunk.revision, 'and no chunk was written for that');
});

test('what a restored catalogue does not know is kept for seven days, and that is said', async t => {
	const restoredAt = 1_700_000_000_000;
	const network = await startPassingNetwork(t, {nodes: 2, more: {restoredAt}});
	const [first] = network.nodes as [TestNode];
	const stray = Buffer.from('of a file that came after the backup');
	const digest = createHash('sha256').update(stray).digest('hex') as Digest;
	await first.shards.put(digest, stray);
	await network.join(first, {listing_digest: '0'.repeat(64)});
	await network.until('it is noted', async () => (await network.catalog.removals(first.id, 10)).length === 1);
	const [removal] = await network.catalog.removals(first.id, 10);
	t.is(removal?.notBefore, restoredAt + 7 * DAY_MS);
	t.is((await statsOf(network)).orphansKeptUntil, restoredAt + 7 * DAY_MS);
	t.true((await linesOf(network)).some(line => line.includes('came out of a backup')));
});

test('an audit of a node that is not there is refused, and one of a stranger finds none', async t => {
	const {network, first} = await withFile(t);
	const nobody = await network.post(`/api/nodes/pjas-${'9'.repeat(32)}/audit`);
	t.is(nobody.status, 404);
	network.alive.delete(first);
	await network.pass(3 * MINUTE_MS);
	const away = await network.post(`/api/nodes/${first.id}/audit`);
	t.is(away.status, 409);
	t.is(((await away.json()) as {code: string}).code, 'CONFLICT');
});
