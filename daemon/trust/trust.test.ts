import {createHash, webcrypto} from 'node:crypto';
import {readFile} from 'node:fs/promises';
import test from 'ava';
import {CompactSign, compactVerify, importJWK, jwtVerify} from 'jose';
import {isPjasError} from '../../source/protocol/errors.js';
import type {Digest} from '../../source/protocol/ids.js';
import {systemRandom} from '../adapters/system.js';
import {createCredentials, isProof} from './credentials.js';
import {joinCodeOf, parseJoinCode} from './join-code.js';
import {encodedHeader, signJws, verifyJws} from './jws.js';
import {drawKeys, fingerprintOf, type KeyPairs, openKeys, sharedSecret} from './keys.js';
import {signAnswer, signRequest, verifyAnswer, verifyRequest} from './node-messages.js';
import {proofOf, proofSecret, sealOf} from './proof.js';
import {type Asked, createTicketChecker, createTicketIssuer} from './tickets.js';

/** Keys of which every byte is this one: for what must be the same each time. */
const fixedKeys = (byte: number): KeyPairs => openKeys(drawKeys(count => new Uint8Array(count).fill(byte)));

const digest = createHash('sha256').update('a shard').digest('hex') as Digest;
const otherDigest = createHash('sha256').update('another shard').digest('hex') as Digest;
const node = `pjas-${'1'.repeat(32)}`;
const otherNode = `pjas-${'2'.repeat(32)}`;
const coordinator = fixedKeys(1);
const kid = fingerprintOf(coordinator.public);
const signer = {kid, pairs: coordinator};
const startMs = 1_800_000_000_000;

const atBothEnds = (keys = new Map([[kid, coordinator.public]])) => {
	const time = {ms: startMs};
	let ids = 0;
	const issue = createTicketIssuer({nowMs: () => time.ms, newId: () => `id-${ids++}`});
	const checkAny = createTicketChecker({node, keys: () => keys, nowMs: () => time.ms});
	const check = (text: string, asked: Asked, isSealed = false) => checkAny(text, asked, () => isSealed);
	const ticketFor = (asked: Asked, of = node) => issue(signer, of, asked);
	return {time, issue, check, ticketFor};
};

const golden = async () =>
	JSON.parse(await readFile(new URL('../../../fixtures/trust/version-1.json', import.meta.url), 'utf8')) as Record<
		'ticket' | 'joinCode' | 'proof' | 'seal' | 'fingerprint',
		string
	>;

test('a ticket, a proof, a seal and a join code are the same bytes for ever', async t => {
	const {ticketFor, check} = atBothEnds();
	const {ticket, joinCode, proof, seal, fingerprint} = await golden();
	t.is(fingerprint, kid);
	t.is(ticketFor({operation: 'put', digest}), ticket);
	t.is(check(ticket, {operation: 'put', digest}), kid);
	const secret = proofSecret(fixedKeys(2).exchange, coordinator.public);
	t.deepEqual(secret, proofSecret(coordinator.exchange, fixedKeys(2).public));
	t.is(proofOf(secret, {ticket, nonce: 'nonce-01', search: '', status: 201}, '{"success":true}'), proof);
	t.is(sealOf(secret, {ticket, nonce: 'nonce-01', search: '', digest}), seal);
	t.is(joinCodeOf(new Uint8Array(32).fill(3), kid).text, joinCode);
	t.deepEqual(parseJoinCode(` ${joinCode}\n`), joinCodeOf(new Uint8Array(32).fill(3), kid));
	t.is(parseJoinCode(joinCode.slice(0, -1)), undefined);
	t.is(parseJoinCode('pjas-join_x'), undefined);
});

test('jose verifies a ticket, and what jose signs is a ticket', async t => {
	const {ticketFor, check} = atBothEnds();
	const asked = {operation: 'put', digest} as const;
	const key = await importJWK({kty: 'OKP', crv: 'Ed25519', x: coordinator.public.signing}, 'EdDSA');
	const verified = await jwtVerify(ticketFor(asked), key, {
		audience: node,
		typ: 'pjas-ticket+jwt',
		currentDate: new Date(startMs),
	});
	t.like(verified.payload, {op: 'put', digest, iat: startMs / 1000, exp: startMs / 1000 + 120});
	t.like(verified.protectedHeader, {alg: 'EdDSA', kid});

	const claims = {aud: [node], op: 'put', digest, iat: startMs / 1000, exp: startMs / 1000 + 60};
	const signed = await new CompactSign(Buffer.from(JSON.stringify(claims)))
		.setProtectedHeader({alg: 'EdDSA', typ: 'pjas-ticket+jwt', kid})
		.sign(coordinator.signing);
	t.is(check(signed, asked), kid);
	await t.notThrowsAsync(compactVerify(signed, key));
});

test('a ticket is good for its nodes, its operation, its shard and its two minutes only', t => {
	const {time, ticketFor, check} = atBothEnds();
	const asked = {operation: 'put', digest} as const;
	const ticket = ticketFor(asked);
	t.is(check(ticket, asked), kid);
	t.is(check(ticket, asked), kid);

	const refusals: [string, Asked, RegExp][] = [
		[atBothEnds().ticketFor(asked, otherNode), asked, /another node/],
		[ticket, {operation: 'put', digest: otherDigest}, /something else/],
		[ticket, {operation: 'get', digest}, /something else/],
		[ticket, {operation: 'list'}, /something else/],
		[ticketFor({operation: 'list'}), {operation: 'status'}, /something else/],
	];
	for (const [text, what, message] of refusals) t.throws(() => check(text, what), {message});

	time.ms += 120_000;
	t.is(check(ticket, asked), kid);
	time.ms += 1000;
	t.true(
		isPjasError(
			t.throws(() => check(ticket, asked), {message: /past/}),
			'UNAUTHENTICATED',
		),
	);
	time.ms -= 200_000;
	t.throws(() => check(ticket, asked), {message: /not yet/});
});

test('a ticket that anybody changed, or another signed, is none', t => {
	const {ticketFor, check} = atBothEnds();
	const asked = {operation: 'get', digest} as const;
	const ticket = ticketFor(asked);
	const [header = '', payload = '', signature = ''] = ticket.split('.');
	const changed = Buffer.from(payload, 'base64url').toString().replace(node, otherNode);
	const stranger = fixedKeys(9);
	const strangerKid = fingerprintOf(stranger.public);
	const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString());
	const unsignedHeader = Buffer.from(JSON.stringify({alg: 'none', typ: 'pjas-ticket+jwt', kid})).toString('base64url');
	const forged = [
		`${header}.${Buffer.from(changed).toString('base64url')}.${signature}`,
		`${header}.${payload}.${'A'.repeat(86)}`,
		`${header}.${payload}.`,
		`${unsignedHeader}.${payload}.`,
		`${header}.${payload}`,
		signJws(encodedHeader('pjas-ticket+jwt', kid), claims as object, stranger.signing),
		signJws(encodedHeader('pjas-ticket+jwt', strangerKid), claims as object, stranger.signing),
		signJws(encodedHeader('pjas-answer+jwt', kid), claims as object, coordinator.signing),
		signJws(encodedHeader('pjas-ticket+jwt', kid), {...(claims as object), exp: startMs}, coordinator.signing),
		'',
		'..',
		'a'.repeat(100_000),
	];
	for (const text of forged) {
		t.true(
			isPjasError(
				t.throws(() => check(text, asked)),
				'UNAUTHENTICATED',
			),
			text.slice(0, 100),
		);
	}

	t.is(check(ticket, asked), kid);
});

test('a sealed request to put or get needs no second proof; one that could do harm does', t => {
	const {ticketFor, check} = atBothEnds();
	const forged = (ticket: string) => `${ticket.slice(0, -86)}${'A'.repeat(86)}`;
	for (const operation of ['put', 'get'] as const) {
		const text = forged(ticketFor({operation, digest}));
		t.is(check(text, {operation, digest}, true), kid);
		t.throws(() => check(text, {operation, digest}), {message: /signature/});
		t.throws(() => check(text, {operation, digest: otherDigest}, true), {message: /something else/});
	}

	for (const operation of ['remove', 'verify', 'stat'] as const) {
		const text = forged(ticketFor({operation, digest}));
		t.throws(() => check(text, {operation, digest}, true), {message: /signature/});
	}
});

test('a ticket to remove a shard counts once, and not where it is older than the node', t => {
	const {time, ticketFor, check} = atBothEnds();
	const asked = {operation: 'remove', digest} as const;
	const ticket = ticketFor(asked);
	check(ticket, asked);
	t.throws(() => check(ticket, asked), {message: /used already/});
	const next = ticketFor(asked);
	t.not(next, ticket);
	check(next, asked);

	const before = ticketFor(asked);
	time.ms += 1000;
	const restarted = createTicketChecker({
		node,
		keys: () => new Map([[kid, coordinator.public]]),
		nowMs: () => time.ms,
	});
	t.throws(() => restarted(before, asked, () => false), {message: /used already/});
});

test('one signature serves for a minute', t => {
	const {time, ticketFor, issue} = atBothEnds();
	const asked = {operation: 'put'} as const;
	const first = ticketFor(asked);
	t.not(ticketFor(asked, otherNode), first);
	t.not(ticketFor({operation: 'get'}), first);
	t.not(ticketFor({operation: 'verify', digest}), ticketFor({operation: 'verify', digest: otherDigest}));
	time.ms += 60_000;
	t.is(ticketFor(asked), first);
	time.ms += 1000;
	t.not(ticketFor(asked), first);
	const other = fixedKeys(4);
	const rotated = issue({kid: fingerprintOf(other.public), pairs: other}, node, asked);
	t.like(verifyJws(rotated, other.signing), {op: 'put'});
});

test('a ticket that names no shard is one for the shard that the seal names, and none without a seal', t => {
	const {ticketFor, check} = atBothEnds();
	for (const operation of ['put', 'get'] as const) {
		const ticket = ticketFor({operation});
		t.is(check(ticket, {operation, digest}, true), kid);
		t.throws(() => check(ticket, {operation, digest}), {message: /something else/});
		t.throws(() => check(ticket, {operation: 'verify', digest}, true), {message: /something else/});
	}

	t.throws(() => check(ticketFor({operation: 'verify'}), {operation: 'verify', digest}, true), {message: /something/});
	for (const [operation, single] of [
		['put-batch', 'put'],
		['get-batch', 'get'],
	] as const) {
		const batch = ticketFor({operation});
		t.is(check(batch, {operation}, true), kid);
		t.throws(() => check(batch, {operation: single, digest}), {message: /something else/});
		t.throws(() => check(batch, {operation}), {message: /no seal/});
	}

	const own = fixedKeys(2);
	const ask = createCredentials({keys: () => signer, nowMs: () => startMs, randomBytes: systemRandom.bytes})({
		_id: node,
		publicKeys: own.public,
	});
	const headers: Record<string, string> = ask?.({operation: 'get', digest, search: ''}).headers ?? {};
	const about = {ticket: headers['Authorization']?.slice('PJAS '.length) ?? '', nonce: headers['PJAS-Nonce'] ?? ''};
	const secret = proofSecret(own.exchange, coordinator.public);
	t.is(sealOf(secret, {...about, search: '', digest}), headers['PJAS-Seal'] ?? '');
	t.not(sealOf(secret, {...about, search: '', digest: otherDigest}), headers['PJAS-Seal']);
	t.not(sealOf(secret, {...about, search: '?x', digest}), headers['PJAS-Seal']);
});

test('an answer is proven for one request, status and body', t => {
	const own = fixedKeys(2);
	const credentialsFor = createCredentials({
		keys: () => signer,
		nowMs: () => startMs,
		randomBytes: systemRandom.bytes,
	});
	t.is(credentialsFor({_id: node}), undefined);
	const ask = credentialsFor({_id: node, publicKeys: own.public});
	const first = ask?.({operation: 'get', digest, search: ''});
	const second = ask?.({operation: 'get', digest, search: ''});
	t.is(first?.headers['Authorization'], second?.headers['Authorization']);
	t.not(first?.headers['PJAS-Nonce'], second?.headers['PJAS-Nonce']);

	const secret = proofSecret(own.exchange, coordinator.public);
	const about = {
		ticket: first?.headers['Authorization']?.slice('PJAS '.length) ?? '',
		nonce: first?.headers['PJAS-Nonce'] ?? '',
		search: '',
		status: 200,
	};
	const given = proofOf(secret, about, 7);
	const isRight = (credentials = first, status = 200, kind: 'shard' | 'text' = 'shard', answer = '7') => {
		const proof = credentials?.startProof(status, kind).update(answer);
		return proof !== undefined && isProof(proof, given);
	};
	t.true(isRight());
	t.false(isRight(second));
	t.false(isRight(first, 201));
	t.false(isRight(first, 200, 'text'));
	t.false(isRight(first, 200, 'shard', '8'));
	t.not(
		proofOf(sharedSecret(fixedKeys(5).exchange, coordinator.public.exchange, 'pjas answer proof 1'), about, 7),
		given,
	);
});

test('what a node says is bound to its key, its body, its call and its time', async t => {
	const own = fixedKeys(2);
	const body = Buffer.from('{"node_id":"x"}');
	const base = {
		node,
		message: 'heartbeat',
		body,
		coordinators: [kid],
		id: 'an-id-of-a-request',
		nowMs: startMs,
	} as const;
	const jws = await signRequest(own.signing, base);
	const expected = {node, message: 'heartbeat', body, nowMs: startMs} as const;
	t.like(await verifyRequest(jws, own.public, expected), {coordinators: [kid], id: base.id});
	const isInTime = async (awayMs: number) =>
		(await verifyRequest(jws, own.public, {...expected, nowMs: startMs + awayMs})).isInTime;
	t.true(await isInTime(119_000));
	t.true(await isInTime(-119_000));
	t.false(await isInTime(122_000));
	t.false(await isInTime(-122_000));
	await t.throwsAsync(verifyRequest(jws, own.public, {...expected, body: Buffer.from('{}')}), {message: /body/});
	await t.throwsAsync(verifyRequest(jws, own.public, {...expected, message: 'register'}), {message: /call/});
	await t.throwsAsync(verifyRequest(jws, own.public, {...expected, node: otherNode}), {message: /iss/});
	await t.throwsAsync(verifyRequest(jws, fixedKeys(3).public, expected), {message: /signature/});
	await t.throwsAsync(verifyRequest('x', own.public, expected));
});

test('a coordinator’s answer is bound to the node, the request, the body and a known key', async t => {
	const answer = {node, id: 'an-id-of-a-request', body: '{"success":true}'};
	const jws = await signAnswer(kid, coordinator.signing, {...answer, nowMs: startMs});
	const keyOf = (asked: string) => (asked === kid ? coordinator.public : undefined);
	t.deepEqual(await verifyAnswer(jws, keyOf, answer), {nowMs: startMs});
	await t.throwsAsync(verifyAnswer(jws, keyOf, {...answer, node: otherNode}), {message: /aud/});
	await t.throwsAsync(verifyAnswer(jws, keyOf, {...answer, id: 'another-request'}), {message: /another request/});
	await t.throwsAsync(verifyAnswer(jws, keyOf, {...answer, body: '{}'}), {message: /another answer/});
	await t.throwsAsync(
		verifyAnswer(jws, () => undefined, answer),
		{message: /unknown key/},
	);
	await t.throwsAsync(
		verifyAnswer(jws, () => fixedKeys(3).public, answer),
		{message: /signature/},
	);
	// A ticket is no answer, though the same key signs both.
	const ticket = signJws(encodedHeader('pjas-ticket+jwt', kid), {aud: [node]}, coordinator.signing);
	await t.throwsAsync(verifyAnswer(ticket, keyOf, answer), {message: /typ/});
});

test('keys are what every library knows', async t => {
	const {public: publicKeys, signing} = fixedKeys(1);
	const key = await webcrypto.subtle.importKey(
		'raw',
		Buffer.from(publicKeys.signing, 'base64url'),
		{name: 'Ed25519'},
		true,
		['verify'],
	);
	const jws = signJws(encodedHeader('x', 'y'), {}, signing);
	const end = jws.lastIndexOf('.');
	const isRight = await webcrypto.subtle.verify(
		{name: 'Ed25519'},
		key,
		Buffer.from(jws.slice(end + 1), 'base64url'),
		Buffer.from(jws.slice(0, end)),
	);
	t.true(isRight);
	t.throws(() => sharedSecret(fixedKeys(1).exchange, 'A'.repeat(43), 'x'));
});
