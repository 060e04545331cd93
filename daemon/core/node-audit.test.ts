import test from 'ava';
import fc from 'fast-check';
import type {NodeId} from '../../source/protocol/ids.js';
import {suspensionReasons} from '../../source/protocol/node-care.js';
import type {NodeRecord} from './model.js';
import {
	afterAudit,
	type Answer,
	AUDIT_AGAIN_MS,
	AUDIT_EVERY_MS,
	doubted,
	FAILURE_HALF_LIFE_MS,
	failureWeight,
	mayAudit,
	nextAuditAt,
	PASSES_NEEDED,
	type Witness,
} from './node-audit.js';
import {NEWCOMER_SCORE, placementWeight, scoreOf} from './standing.js';

const NOW = 1_700_000_000_000;
const DAY_MS = 86_400_000;
const [a, b, c] = ['pjas-a', 'pjas-b', 'pjas-c'] as NodeId[] as [NodeId, NodeId, NodeId];

const newcomer: NodeRecord = {
	_id: a,
	kind: 'direct',
	name: 'a',
	owner: 'ann',
	zone: 'ann',
	address: 'http://a.example',
	version: '2.0.0',
	allocatedBytes: 1,
	usedBytes: 0,
	freeBytes: 1,
	shardCount: 0,
	registeredAt: NOW,
	lastSeenAt: NOW,
	revision: 1,
};

const proof = (text: string): Answer => ({kind: 'proof', proof: text});
const witness = (node: NodeId, owner: string, answer: Answer): Witness => ({node, owner, answer});
const audited = (outcomes: readonly ('passed' | 'missing')[], everyMs = AUDIT_EVERY_MS): NodeRecord =>
	outcomes.reduce((record, outcome, at) => afterAudit(record, outcome, NOW + at * everyMs), newcomer);

test('proofs that agree, of nodes of several owners, bear each other out', t => {
	const all = [witness(a, 'ann', proof('x')), witness(b, 'ben', proof('x')), witness(c, 'cid', proof('x'))];
	t.deepEqual(doubted(a, all, 0.5), []);
	t.deepEqual(doubted(a, all, 0.124), [a], 'one time in eight it is read all the same');
	t.deepEqual(doubted(a, all, 0.125), []);
});

test('where proofs differ, each of their nodes is doubted', t => {
	const all = [witness(a, 'ann', proof('x')), witness(b, 'ben', proof('y')), witness(c, 'cid', proof('x'))];
	t.deepEqual(doubted(a, all, 0.9), [a, b, c]);
});

test('a proof that nobody else, or only nodes of the same owner, bear out is not believed', t => {
	t.deepEqual(doubted(a, [witness(a, 'ann', proof('x'))], 0.9), [a]);
	t.deepEqual(doubted(a, [witness(a, 'ann', proof('x')), witness(b, 'ben', {kind: 'missing'})], 0.9), [a]);
	t.deepEqual(doubted(a, [witness(a, 'ann', proof('x')), witness(b, 'ann', proof('x'))], 0.9), [a, b]);
});

test('who gave no proof is not doubted, but judged by what it said', t => {
	for (const kind of ['missing', 'corrupt', 'unreadable', 'silent'] as const) {
		t.deepEqual(doubted(a, [witness(a, 'ann', {kind}), witness(b, 'ben', proof('x'))], 0), []);
	}
});

test('a wrong proof never passes unread beside a right one, whoever else lies', t => {
	const answers = fc.array(
		fc.record({owner: fc.constantFrom('ann', 'ben', 'cid'), said: fc.constantFrom('right', 'wrong')}),
		{minLength: 1, maxLength: 5},
	);
	fc.assert(
		fc.property(answers, fc.double({min: 0, max: 0.999, noNaN: true}), (said, chance) => {
			const witnesses = said.map(({owner, said: text}, at) => witness(`pjas-${at}` as NodeId, owner, proof(text)));
			const subject = 'pjas-0' as NodeId;
			const isLie = said[0]?.said === 'wrong';
			const isHonestAmong = said.some(({said: text}) => text === 'right');
			const isOneOwners = new Set(said.map(({owner}) => owner)).size === 1;
			const read = doubted(subject, witnesses, chance);
			if (isLie && (isHonestAmong || isOneOwners)) t.true(read.includes(subject));
			t.true(read.every(node => witnesses.some(each => each.node === node)));
		}),
	);
});

test('a failure suspends a node, and three audits in a row bring it back', t => {
	const failed = audited(['passed', 'missing']);
	t.deepEqual(failed.suspension, {since: NOW + AUDIT_EVERY_MS, reason: 'missing', passesLeft: PASSES_NEEDED});
	t.is(failed.audits?.inARow, 0);
	const passes = (count: number) =>
		audited(['passed', 'missing', ...Array.from({length: count}, () => 'passed' as const)]);
	t.is(passes(1).suspension?.passesLeft, 2);
	t.is(passes(2).suspension?.passesLeft, 1);
	t.is(passes(3).suspension, undefined);
	t.false('suspension' in passes(3));
	t.is(passes(3).audits?.inARow, 3);
});

test('a node that fails on its way back begins it anew, and its copies have not counted since the first failure', t => {
	const again = audited(['missing', 'passed', 'passed', 'missing']);
	t.deepEqual(again.suspension, {since: NOW, reason: 'missing', passesLeft: PASSES_NEEDED});
});

test('audits that are asked for one upon the other earn nothing', t => {
	const hasty = audited(['missing', 'passed', 'passed', 'passed', 'passed'], 1000);
	t.is(hasty.suspension?.passesLeft, PASSES_NEEDED);
	t.is(hasty.audits?.passed, 0);
	t.is(audited(['missing', 'passed', 'passed', 'passed'], AUDIT_AGAIN_MS).suspension, undefined);
});

test('every history of audits has a way back', t => {
	const outcome = fc.constantFrom('passed' as const, ...suspensionReasons);
	fc.assert(
		fc.property(
			fc.array(fc.tuple(outcome, fc.integer({min: 0, max: 2 * AUDIT_EVERY_MS})), {maxLength: 30}),
			history => {
				let now = NOW;
				let record: NodeRecord = newcomer;
				for (const [each, afterMs] of history) {
					now += afterMs;
					record = afterAudit(record, each, now);
					t.is(record.suspension !== undefined && each !== 'passed', each !== 'passed');
				}

				for (let pass = 0; pass < PASSES_NEEDED; pass++) {
					now = Math.max(now + 1, nextAuditAt(record, now, 0));
					record = afterAudit(record, 'passed', now);
				}

				t.is(record.suspension, undefined);
			},
		),
	);
});

test('each node is audited at least once an hour, and not all at one time', t => {
	fc.assert(
		fc.property(
			fc.integer({min: -3 * AUDIT_EVERY_MS, max: 3 * AUDIT_EVERY_MS}),
			fc.double({min: 0, max: 0.999, noNaN: true}),
			(lastMs, chance) => {
				const record = {...newcomer, audits: {passed: 1, failed: 0, inARow: 1, lastAt: NOW + lastMs}};
				const dueAt = nextAuditAt(record, NOW, chance);
				t.true(dueAt >= NOW && dueAt <= NOW + AUDIT_EVERY_MS);
				t.true(nextAuditAt(newcomer, NOW, chance) <= NOW + AUDIT_EVERY_MS);
			},
		),
	);
	t.not(nextAuditAt(newcomer, NOW, 0.1), nextAuditAt(newcomer, NOW, 0.9));
	const justNow = {...newcomer, audits: {passed: 1, failed: 0, inARow: 1, lastAt: NOW}};
	t.true(nextAuditAt(justNow, NOW, 0) > NOW + AUDIT_EVERY_MS / 2);
	t.true(nextAuditAt(justNow, NOW, 0.999) < NOW + AUDIT_EVERY_MS);
	t.is(nextAuditAt(audited(['missing']), NOW, 0.5), NOW + AUDIT_AGAIN_MS);
});

test('a node in maintenance, or banned, is not audited', t => {
	t.true(mayAudit(newcomer, NOW));
	t.false(mayAudit({...newcomer, maintenance: {from: NOW, until: NOW + 1, by: ''}}, NOW));
	t.true(mayAudit({...newcomer, maintenance: {from: NOW, until: NOW + 1, by: ''}}, NOW + 1));
	t.false(mayAudit({...newcomer, bannedAt: NOW}, NOW));
});

test('a newcomer has some standing, which grows with time and audits and never with one of them alone', t => {
	t.is(scoreOf(newcomer, NOW), NEWCOMER_SCORE);
	t.is(scoreOf(newcomer, NOW + 300 * DAY_MS), NEWCOMER_SCORE);
	const audits = {passed: 100_000, failed: 0, inARow: 100_000, lastAt: NOW};
	t.is(scoreOf({...newcomer, audits}, NOW), NEWCOMER_SCORE);
	t.is(scoreOf({...newcomer, audits}, NOW + 30 * DAY_MS), 100);
	t.true(scoreOf({...newcomer, audits}, NOW + 15 * DAY_MS) > 50);
});

test('a failure halves the standing, and is forgiven in time', t => {
	const audits = {passed: 1000, failed: 0, inARow: 1000, lastAt: NOW};
	const old = {...newcomer, registeredAt: NOW - 100 * DAY_MS, audits};
	const failed = afterAudit(old, 'corrupt', NOW);
	t.is(scoreOf(old, NOW), 100);
	t.is(scoreOf(failed, NOW), 50);
	t.is(scoreOf(afterAudit(failed, 'corrupt', NOW), NOW), 25);
	t.true(scoreOf(failed, NOW + 150 * DAY_MS) > 95);
	t.is(failureWeight(failed.audits ?? {}, NOW + FAILURE_HALF_LIFE_MS), 0.5);
});

test('the standing is always between 0 and 100, and every node gets its share of new shards', t => {
	const record = fc.record({
		registeredAt: fc.integer({min: 0, max: 2 * NOW}),
		audits: fc.option(
			fc.record({
				passed: fc.nat(),
				failed: fc.nat(),
				inARow: fc.nat(),
				lastAt: fc.integer({min: 0, max: 2 * NOW}),
				failures: fc.record({
					weight: fc.double({min: 0, max: 1e6, noNaN: true}),
					at: fc.integer({min: 0, max: 2 * NOW}),
				}),
			}),
			{nil: undefined},
		),
	});
	fc.assert(
		fc.property(record, ({registeredAt, audits}) => {
			const judged = {registeredAt, ...(audits && {audits})};
			const score = scoreOf(judged, NOW);
			t.true(score >= 0 && score <= 100);
			t.true(placementWeight(judged, NOW) >= 0.25 && placementWeight(judged, NOW) <= 1);
		}),
	);
});
