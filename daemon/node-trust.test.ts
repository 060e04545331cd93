import {createHash, randomBytes} from 'node:crypto';
import {readdir, readFile, rm, writeFile} from 'node:fs/promises';
import path from 'node:path';
import {once} from 'node:events';
import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import test, {type ExecutionContext} from 'ava';
import {decodeJwt, decodeProtectedHeader} from 'jose';
import type {NodeView} from '../source/protocol/api.js';
import {systemRandom} from './adapters/system.js';
import {rotateNetworkKeys} from './coordinator/network-keys.js';
import {systemIo} from './doctor/io.js';
import {checkJoinCode} from './doctor/join-code-check.js';
import {until} from './testing/processes.js';
import {headersFor, type NodeIdentity, identityIn, sendAsNode} from './testing/signed-node.js';
import {startTrustNetwork, type TrustNetwork, type Wire} from './testing/trust-network.js';
import {drawKeys, fingerprintOf, type KeyTexts, openKeys} from './trust/keys.js';
import {parseJoinCode} from './trust/join-code.js';
import {NODE_HEADER, signAnswer, signRequest} from './trust/node-messages.js';
import {createTicketIssuer} from './trust/tickets.js';

const LIMIT_MS = 120_000;
const stats = {used_bytes: 0, allocated_bytes: 1e9, free_bytes: 1e9, chunk_count: 0, usage_percent: 0};

const codeOf = async (answer: Response) => ((await answer.json()) as {code?: string}).code;
const nodesOf = async (network: TrustNetwork) =>
	((await (await network.call('GET', '/api/nodes')).json()) as {nodes: NodeView[]}).nodes;

const uploadTo = async (network: TrustNetwork, bytes: Uint8Array<ArrayBuffer>): Promise<Response> => {
	const form = new FormData();
	form.set('file', new Blob([bytes]), 'a.bin');
	const headers = {authorization: `Bearer ${network.coordinator.firstAdmin?.token ?? ''}`};
	return fetch(`${network.url}/api/files/upload`, {method: 'POST', headers, body: form});
};

/** After time went by, nodes are online again with their next heartbeat. */
const uploadsWork = async (network: TrustNetwork): Promise<void> => {
	await until('uploads work', async () => (await uploadTo(network, randomBytes(1000))).status === 200);
};

const stranger = (number = 1): NodeIdentity => ({
	nodeId: `pjas-${String(number).padStart(32, '0')}`,
	pairs: openKeys(drawKeys(systemRandom.bytes)),
	trusts: [],
});

/** A registration of a node that nobody runs. */
const register = async (network: TrustNetwork, identity: NodeIdentity, more: Record<string, unknown> = {}) =>
	sendAsNode(network.url, identity, 'register', {
		...{address: 'http://127.0.0.1:9', storage_stats: stats, version: '2.0.0', keys: identity.pairs.public},
		...more,
	});

const digestOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** The newest request of this kind that went by. */
const lastOf = (wire: Wire, method: string) => {
	const found = wire.passed.filter(passed => passed.method === method).at(-1);
	if (!found) throw new Error(`No ${method} went by`);
	return found;
};

test('a node joins with a code, under the owner and zone that the code names', async t => {
	t.timeout(LIMIT_MS);
	const network = await startTrustNetwork(t);
	const without = await network.startNode('without');
	await until('the refusal', () => without.log.messages('warn').some(message => message.includes('--join CODE')));
	t.is(network.coordinator.onlineNodes(), 0);

	const code = await network.invite({owner: 'ann', zone: 'attic'});
	const node = await network.startNode('one', {join: code, owner: 'mallory', zone: 'elsewhere'});
	await network.online(1);
	const [view] = await nodesOf(network);
	t.like(view, {name: 'one', owner: 'ann', zone: 'attic', status: 'online'});
	t.is((await uploadTo(network, randomBytes(1000))).status, 200);

	// Afterwards it needs none, and its keys are where only it can read them.
	await node.running.close({graceMs: 0});
	const again = await network.startNode('one', {owner: 'mallory'});
	await until('it is back', async () => (await nodesOf(network))[0]?.address === again.wire.url);
	t.like((await nodesOf(network))[0], {owner: 'ann', zone: 'attic'});
	t.is((await register(network, stranger(), {join_code: code})).status, 403);
});

test('a code is refused when it is unknown, used up, expired or taken back, each by its reason', async t => {
	const network = await startTrustNetwork(t);
	const refusal = async (number: number, joinCode: string) => {
		const answer = await register(network, stranger(number), {join_code: joinCode});
		const {code, error} = (await answer.json()) as {code: string; error: string};
		t.is(code, 'JOIN_CODE_INVALID');
		return error;
	};

	t.regex(await refusal(1, `pjas-join_${'A'.repeat(64)}`), /not known/);
	t.regex(await refusal(1, 'pjas-join_short'), /no join code/);
	const once = await network.invite();
	t.is((await register(network, stranger(2), {join_code: once})).status, 200);
	t.regex(await refusal(3, once), /used up/);
	const brief = await network.invite({expires_in_s: 60});
	const revoked = await network.invite();
	const list = (await (await network.call('GET', '/api/nodes/invitations')).json()) as {
		invitations: {id: string; uses_left: number}[];
	};
	t.is(list.invitations.length, 3);
	t.false(JSON.stringify(list).includes(brief.slice(10, 40)), 'a code is told once');
	await network.later(61_000);
	t.regex(await refusal(4, brief), /expired/);
	for (const {id} of list.invitations) await network.call('DELETE', `/api/nodes/invitations/${id}`);
	t.regex(await refusal(5, revoked), /not known/);
	t.is(await codeOf(await network.call('DELETE', '/api/nodes/invitations/000000000000')), 'INVITATION_NOT_FOUND');
});

test('whether a code is good is told without a use of it, by its hash, and refused as joining is', async t => {
	const network = await startTrustNetwork(t);
	const ask = async (code: string, more: object = {}) => {
		const {id, coordinator} = parseJoinCode(code) ?? {};
		return network.call('POST', '/api/nodes/invitations/check', {id, coordinator, ...more}, '');
	};
	const refusal = async (answer: Response) => {
		const {code, error} = (await answer.json()) as {code: string; error: string};
		t.is(code, 'JOIN_CODE_INVALID');
		return error;
	};
	const once = await network.invite();
	for (let round = 0; round < 3; round++) t.deepEqual(await (await ask(once)).json(), {success: true});
	t.regex(await refusal(await ask(once, {id: '0'.repeat(64)})), /not known/);
	t.regex(await refusal(await ask(once, {coordinator: 'A'.repeat(22)})), /another network/);
	t.is((await ask(once, {id: once})).status, 400, 'a code itself is not for that');
	t.is((await register(network, stranger(2), {join_code: once})).status, 200);
	t.regex(await refusal(await ask(once)), /used up/);

	const brief = await network.invite({expires_in_s: 60});
	const doctor = async (code: string, hasJoined = false) =>
		checkJoinCode({code, coordinatorUrl: network.url, hasJoined}, systemIo);
	t.like(await doctor(`${brief}@${network.url}`), {outcome: 'fine', seen: 'It is good'});
	await network.later(61_000);
	t.regex(await refusal(await ask(brief)), /expired/);
	t.like(await doctor(brief), {outcome: 'wrong', seen: 'This join code has expired: ask for another one (403)'});
	t.like(await doctor(brief, true), {outcome: 'skipped'});
	t.like(await doctor('pjas-join_short'), {outcome: 'wrong', remedy: 'Copy all of it, or ask for another one'});
	const nowhere = {code: brief, coordinatorUrl: 'http://127.0.0.1:9', hasJoined: false};
	t.like(await checkJoinCode(nowhere, systemIo), {outcome: 'skipped'});
	for (const [status, outcome] of [
		[404, 'skipped'],
		[503, 'warning'],
	] as const) {
		const answer = {status, header: () => undefined, text: ''};
		t.like(await checkJoinCode(nowhere, {ask: async () => Promise.resolve(answer)}), {outcome});
	}
});

/** Asks for a test of a line, as a node that knows its coordinator. */
const testLine = async (
	network: TrustNetwork,
	{nodeId, pairs, trusts}: NodeIdentity,
	{up, down, id}: {up: number; down: number; id?: string},
): Promise<Response> => {
	const jti = id ?? randomBytes(16).toString('base64url');
	const claims = {
		node: nodeId,
		message: 'line-test' as const,
		body: '',
		coordinators: trusts,
		id: jti,
		nowMs: Date.now(),
	};
	return fetch(`${network.url}/api/nodes/line-test?down=${down}`, {
		method: 'POST',
		headers: {[NODE_HEADER]: await signRequest(pairs.signing, claims)},
		body: randomBytes(up),
	});
};

test('a node of the network may test its line, now and then and within bounds; nobody else may', async t => {
	const network = await startTrustNetwork(t);
	const node = await network.addNode('one');
	const identity = await identityIn(node.folder);
	const answer = await testLine(network, identity, {up: 300_000, down: 600_000, id: 'once-and-never-again'});
	t.is(answer.status, 200);
	t.is(answer.headers.get('content-length'), '600000');
	t.is((await answer.arrayBuffer()).byteLength, 600_000);
	t.is((await testLine(network, identity, {up: 1, down: 1, id: 'once-and-never-again'})).status, 401);
	t.is((await testLine(network, {...stranger(7), trusts: identity.trusts}, {up: 1, down: 1})).status, 404);
	t.is((await testLine(network, {...identity, pairs: stranger().pairs}, {up: 1, down: 1})).status, 401);
	t.is((await testLine(network, identity, {up: 0, down: 9_000_000})).status, 400);
	t.is((await testLine(network, identity, {up: 8_400_000, down: 0})).status, 413);
	const statuses = [];
	for (let round = 0; round < 6; round++) statuses.push((await testLine(network, identity, {up: 1, down: 1})).status);
	t.deepEqual(statuses, [200, 200, 200, 200, 429, 429], 'six a minute');
});

test('of several that race for the last use of a code, one joins', async t => {
	const network = await startTrustNetwork(t);
	const code = await network.invite({uses: 2});
	const answers = await Promise.all(
		Array.from({length: 12}, async (_, index) =>
			register(network, stranger(index + 1), {join_code: code, address: `http://127.0.0.1:9/${index}`}),
		),
	);
	t.is(answers.filter(({status}) => status === 200).length, 2);
	t.true(answers.every(({status}) => status === 200 || status === 403));
	t.is((await nodesOf(network)).length, 2);
});

test('members make codes for nodes of their own only, and see theirs', async t => {
	const network = await startTrustNetwork(t);
	const invited = await network.call('POST', '/api/invitations', {role: 'member', name: 'bob'});
	const {code = ''} = (await invited.json()) as {code?: string};
	const accepted = await network.call('POST', '/api/invitations/accept', {code, password: 'a long password'}, '');
	const cookie = accepted.headers.getSetCookie()[0]?.split(';')[0] ?? '';
	const asBob = async (method: string, route: string, body?: object) =>
		fetch(network.url + route, {
			method,
			headers: {cookie, origin: network.url, ...(body && {'content-type': 'application/json'})},
			...(body && {body: JSON.stringify(body)}),
		});

	await network.invite();
	t.is((await asBob('POST', '/api/nodes/invitations', {owner: 'ann'})).status, 403);
	const own = (await (await asBob('POST', '/api/nodes/invitations', {})).json()) as {
		code: string;
		invitation: {owner: string};
	};
	t.is(own.invitation.owner, 'bob');
	const {invitations} = (await (await asBob('GET', '/api/nodes/invitations')).json()) as {invitations: unknown[]};
	t.is(invitations.length, 1);
	t.is((await register(network, stranger(), {join_code: own.code})).status, 200);
	t.is((await asBob('POST', `/api/nodes/${stranger().nodeId}/ban`)).status, 403);
	t.is((await network.call('GET', '/api/nodes/invitations', undefined, '')).status, 401);
});

test("a node's port answers nobody but its coordinator", async t => {
	const network = await startTrustNetwork(t);
	const {running} = await network.addNode('one');
	const digest = digestOf(Buffer.from('x'));
	const ticket = `PJAS ${'x'.repeat(200)}`;
	const calls: [string, string][] = [
		['PUT', `/shards/${digest}`],
		['GET', `/shards/${digest}`],
		['HEAD', `/shards/${digest}`],
		['DELETE', `/shards/${digest}`],
		['POST', `/shards/${digest}/verify`],
		['POST', `/shards/${digest}/prove`],
		['GET', '/shards'],
		['POST', '/shards'],
		['POST', `/shards?put=${digest}.1`],
		['GET', '/shards/'],
		['GET', '/chunk?id=x'],
		['POST', '/chunk'],
		['GET', '/'],
		['OPTIONS', '/shards'],
		['GET', '/%73hards'],
	];
	for (const [method, route] of calls) {
		for (const authorization of [undefined, ticket, 'Bearer x', 'PJAS ', 'PJAS ..']) {
			const answer = await fetch(running.url + route, {
				method,
				headers: authorization === undefined ? {} : {authorization, 'pjas-nonce': 'nonce-01'},
				...(method === 'PUT' && {body: 'x'}),
			});
			t.is(answer.status, 401, `${method} ${route}`);
			if (method !== 'HEAD') t.is(await codeOf(answer), 'UNAUTHENTICATED');
		}
	}

	t.deepEqual(await (await fetch(`${running.url}/status`)).json(), {status: 'online'});
	t.is((await fetch(`${running.url}/status`, {headers: {authorization: ticket}})).status, 401);
	t.is((await running.store.figures()).count, 0);
});

test('a ticket that somebody took off the wire is of no use to them', async t => {
	t.timeout(LIMIT_MS);
	const network = await startTrustNetwork(t);
	const nodes = [await network.addNode('one'), await network.addNode('two')];
	const [one, two] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
	const uploaded = (await (await uploadTo(network, randomBytes(1000))).json()) as {file_id: string};
	const put = lastOf(one.wire, 'PUT');
	t.is(put.answer.status, 201);
	const headers = (passed: typeof put) => ({
		authorization: passed.headers.authorization ?? '',
		'pjas-nonce': String(passed.headers['pjas-nonce']),
		'pjas-seal': String(passed.headers['pjas-seal']),
	});
	const ask = async (
		port: number,
		method: string,
		route: string,
		passed = put,
		body?: Uint8Array<ArrayBuffer> | string,
	) => fetch(`http://127.0.0.1:${port}${route}`, {method, headers: headers(passed), ...(body !== undefined && {body})});
	const {port} = one.running;

	// The same again changes nothing; everything else is refused.
	t.is((await ask(port, 'PUT', put.url, put, new Uint8Array(put.body))).status, 200);
	for (const method of ['GET', 'DELETE']) t.is((await ask(port, method, put.url)).status, 401);
	t.is((await ask(port, 'POST', `${put.url}/verify`)).status, 401);
	t.is((await ask(port, 'GET', '/shards')).status, 401);
	t.is((await ask(port, 'PUT', `/shards/${digestOf(Buffer.from('y'))}`, put, 'y')).status, 401);

	const third = await network.addNode('three');
	t.is((await ask(third.running.port, 'PUT', put.url, put, new Uint8Array(put.body))).status, 401);
	// Before time passes: then healing brings it a copy of its own.
	t.is((await third.running.store.figures()).count, 0);
	await network.later(121_000);
	t.is((await ask(port, 'PUT', put.url, put, new Uint8Array(put.body))).status, 401);

	await network.online(3);
	t.is((await network.call('DELETE', `/api/files/${uploaded.file_id}`)).status, 200);
	await until('the shards are removed', () =>
		[one, two].every(({wire}) => wire.passed.some(p => p.method === 'DELETE')),
	);
	const removal = lastOf(one.wire, 'DELETE');
	t.is(removal.answer.status, 204);
	await one.running.store.put(digestOf(put.body) as never, put.body);
	t.is((await ask(port, 'DELETE', put.url, removal)).status, 401);
	t.is((await one.running.store.figures()).count, 1);
});

test('what goes with a batch of shards is of no use for others, nor without its seal', async t => {
	t.timeout(LIMIT_MS);
	const network = await startTrustNetwork(t);
	const {running, folder} = await network.addNode('one');
	const dataFolder = path.join(network.folder, 'coordinator');
	const bytes = [Buffer.from('a'), Buffer.from('b')];
	const [mine = '', another = ''] = bytes.map(each => `?put=${digestOf(each)}.1`);
	const headers = await headersFor(dataFolder, folder, {operation: 'put-batch', search: mine});
	const ask = async (route: string, asked: Record<string, string> = headers, body = 'a') => {
		const method = route.startsWith('/shards/') ? 'PUT' : 'POST';
		return (await fetch(running.url + route, {method, headers: asked, body})).status;
	};

	const {'PJAS-Seal': seal = '', ...unsealed} = headers;
	t.is(await ask(`/shards${another}`, headers, 'b'), 401);
	t.is(await ask(`/shards${mine},${another.slice(5)}`, headers, 'ab'), 401);
	t.is(await ask(`/shards/${digestOf(Buffer.from('a'))}`, unsealed), 401);
	t.is(await ask(`/shards${mine}`, unsealed), 401, 'also where its signature was looked at before');
	t.is(await ask(`/shards${mine}`, {...unsealed, 'PJAS-Seal': seal.replace(/^./, x => (x === 'A' ? 'B' : 'A'))}), 401);
	t.is((await running.store.figures()).count, 0);
	t.is(await ask(`/shards${mine}`), 200);
	t.is(await ask(`/shards${mine}`), 200, 'the same again changes nothing');
	t.is((await running.store.figures()).count, 1);
	const single = await headersFor(dataFolder, folder, {operation: 'put', search: mine});
	t.is(await ask(`/shards${mine}`, single), 401);

	const [wanted = '', other = ''] = [mine, another].map(query => `/shards/get${query.replace('put', 'get')}`);
	const search = wanted.slice('/shards/get'.length);
	const get = async (route: string, asked: Record<string, string>) =>
		(await fetch(running.url + route, {method: 'POST', headers: asked})).status;
	const {'PJAS-Seal': getSeal, ...noSeal} = await headersFor(dataFolder, folder, {operation: 'get-batch', search});
	t.is(await get(wanted, {...noSeal, 'PJAS-Seal': getSeal ?? ''}), 200);
	t.is(await get(other, {...noSeal, 'PJAS-Seal': getSeal ?? ''}), 401);
	t.is(await get(wanted, noSeal), 401);
	t.is(await get(wanted, headers), 401, 'who may put may not get');
});

test('what somebody on the wire answers in a node’s place is not believed', async t => {
	t.timeout(LIMIT_MS);
	const network = await startTrustNetwork(t);
	const {wire, running} = await network.addNode('one');
	const stored = (await (await uploadTo(network, randomBytes(1000))).json()) as {file_id: string};
	const put = lastOf(wire, 'PUT');
	const fakes: Wire['answer'][] = [
		({method}) => (method === 'PUT' ? {...put.answer, headers: {'content-type': 'application/json'}} : undefined),
		({method}) => (method === 'PUT' ? put.answer : undefined),
		({method}) =>
			method === 'PUT' ? {...put.answer, headers: {...put.answer.headers, 'pjas-proof': 'A'.repeat(43)}} : undefined,
	];
	for (const fake of fakes) {
		wire.answer = fake;
		t.is((await uploadTo(network, randomBytes(1000))).status, 503);
		await network.call('POST', `/api/nodes/${running.nodeId}/ban`);
		await network.call('POST', `/api/nodes/${running.nodeId}/unban`);
		await network.online(1);
	}

	// Nor that a shard is right, gone, or other than it is.
	const check = async () => {
		const answer = await network.call('POST', `/api/files/${stored.file_id}/check`);
		return JSON.parse((await answer.text()).trim().split('\n').at(-1) ?? '{}') as Record<string, unknown>;
	};
	const json = (status: number, body: object) => ({
		status,
		headers: {'content-type': 'application/json; charset=utf-8'},
		body: Buffer.from(JSON.stringify(body)),
	});
	wire.answer = ({method}) => (method === 'POST' ? json(200, {success: true, ok: true}) : undefined);
	t.like(await check(), {ok: 0, unreachable: 1});
	wire.answer = ({method}) =>
		method === 'POST' ? json(404, {success: false, error: 'no', code: 'SHARD_NOT_FOUND'}) : undefined;
	t.like(await check(), {missing: 0, unreachable: 1});
	wire.answer = undefined;
	t.is((await running.store.figures()).count, 1);
});

test('nobody else can be a node: its key, its words and their moment are its own', async t => {
	const network = await startTrustNetwork(t);
	const {folder, running} = await network.addNode('one');
	const own = await identityIn(folder);
	const thief = {...own, pairs: openKeys(drawKeys(systemRandom.bytes))};
	const spare = await network.invite();
	t.is(await codeOf(await register(network, thief, {join_code: spare})), 'UNAUTHENTICATED');
	t.is(await codeOf(await register(network, thief, {join_code: spare, keys: own.pairs.public})), 'UNAUTHENTICATED');
	t.is(await codeOf(await sendAsNode(network.url, thief, 'heartbeat')), 'UNAUTHENTICATED');

	const post = async (message: string, body: object, headers: Record<string, string> = {}) =>
		fetch(`${network.url}/api/nodes/${message}`, {
			method: 'POST',
			headers: {'content-type': 'application/json', ...headers},
			body: JSON.stringify(body),
		});
	const plain = {node_id: own.nodeId, address: 'http://127.0.0.1:9', storage_stats: stats, version: '2.0.0'};
	t.is((await post('heartbeat', plain)).status, 401);
	t.is((await post('register', plain)).status, 401);
	t.is((await post('register', {...plain, keys: own.pairs.public})).status, 401);
	t.is(await codeOf(await post('register', {...plain, version: '1.0.0'})), 'CLASSIC_NOT_ALLOWED');

	const id = 'an-id-that-is-used-twice';
	const nowMs = network.nowMs();
	t.is((await sendAsNode(network.url, own, 'heartbeat', {}, {id, nowMs})).status, 200);
	t.is(await codeOf(await sendAsNode(network.url, own, 'heartbeat', {}, {id, nowMs})), 'UNAUTHENTICATED');
	t.is((await sendAsNode(network.url, own, 'heartbeat', {}, {nowMs: nowMs - 200_000})).status, 401);
	const elsewhere = {...own, trusts: ['another-coordinators-key']};
	t.is((await sendAsNode(network.url, elsewhere, 'heartbeat', {}, {nowMs})).status, 401);
	t.like((await nodesOf(network))[0], {node_id: running.nodeId, status: 'online'});
});

/** A coordinator that says yes to every node, with keys of its own. */
const startImpostor = async (t: ExecutionContext) => {
	const pairs = openKeys(drawKeys(systemRandom.bytes));
	const kid = fingerprintOf(pairs.public);
	let answers = 0;
	const server = createServer((request, response) => {
		void (async () => {
			const {iss: node = '', jti: id = ''} = decodeJwt(String(request.headers['pjas-node']));
			const body = JSON.stringify({success: true, coordinator_keys: [pairs.public]});
			const jws = await signAnswer(kid, pairs.signing, {node, id, body, nowMs: Date.now()});
			answers++;
			response.writeHead(200, {'content-type': 'application/json', 'pjas-signature': jws}).end(body);
		})();
	}).listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.teardown(() => server.close());
	const issue = createTicketIssuer({nowMs: Date.now, newId: () => ''});
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		answered: () => answers,
		ask: async ({url, nodeId}: {url: string; nodeId: string}) => {
			const ticket = issue({kid, pairs}, nodeId, {operation: 'list'});
			return fetch(`${url}/shards`, {headers: {authorization: `PJAS ${ticket}`, 'pjas-nonce': 'nonce-01'}});
		},
	};
};

test('a node trusts the coordinator that its code names, and no other that answers', async t => {
	t.timeout(LIMIT_MS);
	const network = await startTrustNetwork(t);
	const impostor = await startImpostor(t);
	const node = await network.startNode('one', {join: await network.invite(), coordinatorUrl: impostor.url});
	await until('the warning', () =>
		node.log.messages('warn').some(message => /not the coordinator that this node trusts/.test(message)),
	);
	t.true(impostor.answered() > 0);
	t.is((await impostor.ask(node.running)).status, 401);

	const joined = await network.addNode('two');
	await joined.running.close({graceMs: 0});
	const lured = await network.startNode('two', {coordinatorUrl: impostor.url});
	await until('the warning', () =>
		lured.log.messages('warn').some(message => /not the coordinator that this node trusts/.test(message)),
	);
	t.is((await impostor.ask(lured.running)).status, 401);
});

test('without accounts a node joins without a code, and has keys from then on', async t => {
	const network = await startTrustNetwork(t, {open: true});
	const node = await network.startNode('one', {owner: 'ann'});
	await network.online(1);
	t.is((await uploadTo(network, randomBytes(1000))).status, 200);
	t.regex(lastOf(node.wire, 'PUT').headers.authorization ?? '', /^PJAS /);
	t.is((await fetch(`${node.running.url}/shards`)).status, 401);
	const own = await identityIn(node.folder);
	t.is((await sendAsNode(network.url, {...own, pairs: stranger().pairs}, 'heartbeat')).status, 401);
});

test('a node whose clock is wrong learns the time from its coordinator', async t => {
	t.timeout(LIMIT_MS);
	const network = await startTrustNetwork(t);
	await network.addNode('one');
	await network.later(3_600_000);
	// Everybody's time moved but that of this one.
	const clock = {now: () => network.nowMs() - 3_600_000};
	const {systemClock} = await import('./adapters/system.js');
	const late = await network.startNode('late', {join: await network.invite(), clock: {...systemClock, ...clock}});
	await until('it is online', async () =>
		(await nodesOf(network)).some(n => n.name === 'late' && n.status === 'online'),
	);
	await uploadTo(network, randomBytes(1000));
	t.is(lastOf(late.wire, 'PUT').answer.status, 201);
});

test('a banned node is kept out until it is let in again', async t => {
	t.timeout(LIMIT_MS);
	const network = await startTrustNetwork(t);
	const {running, folder, wire} = await network.addNode('one');
	const stored = (await (await uploadTo(network, randomBytes(1000))).json()) as {file_id: string};
	t.is((await network.call('POST', `/api/nodes/${running.nodeId}/ban`, undefined, '')).status, 401);
	const banned = await network.call('POST', `/api/nodes/${running.nodeId}/ban`);
	const {node} = (await banned.json()) as {node: NodeView};
	t.is(node.status, 'offline');
	t.true((node.banned_at ?? 0) > 0);
	const own = await identityIn(folder);
	const nowMs = network.nowMs();
	t.is(await codeOf(await sendAsNode(network.url, own, 'heartbeat', {}, {nowMs})), 'NODE_BANNED');
	t.is(await codeOf(await register(network, own)), 'NODE_BANNED');
	await until('it noticed', async () => (await readFile(path.join(folder, 'node_identity.json'))).length > 0);

	const before = wire.passed.length;
	t.is((await uploadTo(network, randomBytes(1000))).status, 503);
	const file = await network.call('GET', `/api/files/${stored.file_id}`);
	t.like(((await file.json()) as {file: object}).file, {redundancy: {full: 0, partly: 0, none: 1}});
	t.is((await network.call('GET', `/api/files/download/${stored.file_id}`)).status, 500);
	t.is(wire.passed.length, before, 'it is asked for nothing');

	await network.call('POST', `/api/nodes/${running.nodeId}/unban`);
	await network.online(1);
	t.is((await network.call('GET', `/api/files/download/${stored.file_id}`)).status, 200);
	t.is((await nodesOf(network))[0]?.banned_at, undefined);
});

test('a node that left is let in again with a code that was made since', async t => {
	t.timeout(LIMIT_MS);
	const network = await startTrustNetwork(t);
	const code = await network.invite({uses: 5});
	const {running, log} = await network.startNode('one', {join: code});
	await network.online(1);
	t.is((await network.call('POST', `/api/nodes/${running.nodeId}/drain`, {leave: true})).status, 200);
	await until('it is forgotten', async () => (await nodesOf(network)).length === 0);
	await until('it is told', () => log.messages('warn').some(message => message.includes('has left the network')));
	t.is((await nodesOf(network)).length, 0);

	await running.close({graceMs: 0});
	const again = await network.startNode('one', {join: await network.invite({zone: 'attic'})});
	await network.online(1);
	t.like((await nodesOf(network))[0], {node_id: again.running.nodeId, zone: 'attic'});
	t.is(again.running.nodeId, running.nodeId);
	t.is((await uploadTo(network, randomBytes(1000))).status, 200);
});

test('keys rotate while nodes run, and those that were away learn the new one', async t => {
	t.timeout(LIMIT_MS);
	const network = await startTrustNetwork(t);
	const one = await network.addNode('one');
	const away = await network.addNode('away');
	const gone = await network.addNode('gone');
	for (const {running} of [away, gone]) await running.close({graceMs: 0});
	const kidOfPut = () => decodeProtectedHeader(lastOf(one.wire, 'PUT').headers.authorization?.slice(5) ?? '').kid;
	await uploadTo(network, randomBytes(1000));
	const oldKid = kidOfPut();

	const clock = {now: network.nowMs};
	const dataFolder = path.join(network.folder, 'coordinator');
	const dayMs = 24 * 3600 * 1000;
	const {keys} = JSON.parse(await readFile(path.join(dataFolder, 'network-keys.json'), 'utf8')) as {keys: KeyTexts[]};
	const [old = {signing: '', exchange: ''}] = keys;
	const newKid = await rotateNetworkKeys({folder: dataFolder, acceptOldMs: 7 * dayMs, clock, random: systemRandom});
	t.not(newKid, oldKid);
	await until('the node knows the new key', async () => (await identityIn(one.folder)).trusts.includes(newKid));
	t.is((await uploadTo(network, randomBytes(1000))).status, 200);
	t.is(kidOfPut(), oldKid, 'not before every node had the time to hear of it');
	await network.later(121_000);
	await uploadsWork(network);
	t.is(kidOfPut(), newKid);

	await network.later(6 * dayMs);
	const back = await network.startNode('away');
	await network.online(2);
	t.true((await identityIn(back.folder)).trusts.includes(newKid));
	await back.running.close({graceMs: 0});

	// Whoever has the old key can use it until its time is past, and then no more.
	const issue = createTicketIssuer({nowMs: network.nowMs, newId: () => ''});
	const askByOldKey = async () => {
		const {url, nodeId} = one.running;
		const ticket = issue({kid: String(oldKid), pairs: openKeys(old)}, nodeId, {operation: 'list'});
		return fetch(`${url}/shards`, {headers: {authorization: `PJAS ${ticket}`, 'pjas-nonce': 'nonce-01'}});
	};
	t.is((await askByOldKey()).status, 200);
	await network.later(2 * dayMs);
	t.is((await askByOldKey()).status, 401);
	await uploadsWork(network);

	// Who was away for all that time must join again.
	const forgotten = await network.startNode('gone');
	await until('the refusal', () => forgotten.log.messages('warn').length > 0);
	t.is((await nodesOf(network)).find(({name}) => name === 'gone')?.status, 'offline');
	await forgotten.running.close({graceMs: 0});
	await network.startNode('gone', {join: await network.invite()});
	await network.online(2);
});

test('a node that lost a file, and one that has other bytes in it, fail their audits, and read all they have again', async t => {
	t.timeout(LIMIT_MS);
	const network = await startTrustNetwork(t);
	const nodes = [await network.addNode('one'), await network.addNode('two'), await network.addNode('three')];
	t.is((await uploadTo(network, randomBytes(1000))).status, 200);
	const audit = async ({running}: (typeof nodes)[number]) => {
		const answer = await network.call('POST', `/api/nodes/${running.nodeId}/audit`);
		return (await answer.json()) as {outcome: string; node: {suspended?: {reason: string}}};
	};
	for (const node of nodes) t.is((await audit(node)).outcome, 'passed');

	const [one, two, three] = nodes as [(typeof nodes)[0], (typeof nodes)[0], (typeof nodes)[0]];
	const fileOf = async ({folder}: (typeof nodes)[number]) => {
		const [name = ''] = await readdir(path.join(folder, 'chunks'));
		return path.join(folder, 'chunks', name);
	};
	await rm(await fileOf(one));
	const bytes = await readFile(await fileOf(two));
	bytes[500] = (bytes[500] ?? 0) ^ 1;
	await writeFile(await fileOf(two), bytes);
	t.like(await audit(one), {outcome: 'missing', node: {suspended: {reason: 'missing'}}});
	// It bore witness against the first, and was found out by that.
	t.like(await audit(two), {node: {suspended: {reason: 'corrupt'}}});
	t.like(await audit(three), {outcome: 'passed'});
	await until('both check themselves', () =>
		[one, two].every(({log}) => log.messages('info').includes('the self-check is done')),
	);
	t.is((await readdir(path.join(two.folder, 'quarantine'))).length, 1);
	t.false(three.log.messages('warn').some(message => message.includes('self-check')));
});
