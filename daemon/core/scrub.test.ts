import test from 'ava';
import fc from 'fast-check';
import type {Digest, NodeId} from '../../source/protocol/ids.js';
import type {Scrub, ShardRecord} from './model.js';
import {dueAtOf, earliestEndOf, isBehind, placeOf, verifiedAtOf} from './scrub.js';

const NOW = 1_700_000_000_000;
const DAY_MS = 86_400_000;
const PERIOD_MS = 30 * DAY_MS;
const digestAt = (start: string) => start.padEnd(64, '0') as Digest;
const digests = fc.stringMatching(/^[\da-f]{64}$/) as fc.Arbitrary<Digest>;

test('each shard has its turn in the order of digests, with time to spare before the period ends', t => {
	t.is(dueAtOf(digestAt('0'), NOW, PERIOD_MS), NOW);
	t.is(dueAtOf(digestAt('8'), NOW, PERIOD_MS), NOW + 12 * DAY_MS);
	fc.assert(
		fc.property(digests, digests, (one, other) => {
			const [first, second] = [one, other].sort() as [Digest, Digest];
			t.true(placeOf(first) <= placeOf(second) && placeOf(second) < 1);
			t.true(dueAtOf(first, NOW, PERIOD_MS) <= dueAtOf(second, NOW, PERIOD_MS));
			t.true(dueAtOf(second, NOW, PERIOD_MS) <= earliestEndOf(NOW, PERIOD_MS));
		}),
	);
	t.true(earliestEndOf(NOW, PERIOD_MS) <= NOW + PERIOD_MS * 0.9);
});

test('a pass is behind once what is left takes longer than the time that is left', t => {
	const pass = {startedAt: NOW, progress: 0.5, storedBytes: 200 * 1e9, periodMs: PERIOD_MS, bytesPerSecond: 1e6};
	t.false(isBehind(pass, NOW));
	t.false(isBehind(pass, NOW + 28 * DAY_MS), '100 GB at 1 MB/s take 27.8 hours');
	t.true(isBehind(pass, NOW + 29 * DAY_MS));
	t.false(isBehind({...pass, bytesPerSecond: 0}, NOW + 29 * DAY_MS));
	t.true(isBehind({...pass, bytesPerSecond: 0}, NOW + PERIOD_MS));
	t.false(isBehind({...pass, progress: 1}, NOW + 2 * PERIOD_MS));
	t.false(isBehind({...pass, storedBytes: 0}, NOW + 2 * PERIOD_MS));
});

test('a copy is verified by its record or by its node’s scrub, whichever is later', t => {
	const shard: ShardRecord = {digest: digestAt('5'), node: 'pjas-1' as NodeId, verifiedAt: NOW};
	const scrub: Scrub = {startedAt: NOW + 200, progress: 0.5, completed: {startedAt: NOW + 100, endedAt: NOW + 150}};
	t.is(verifiedAtOf(shard, undefined), NOW);
	t.is(verifiedAtOf(shard, scrub), NOW + 100);
	t.is(verifiedAtOf(shard, {...scrub, upTo: digestAt('5')}), NOW + 200);
	t.is(verifiedAtOf(shard, {...scrub, upTo: digestAt('4f')}), NOW + 100);
	t.is(verifiedAtOf({...shard, verifiedAt: NOW + 999}, {...scrub, upTo: digestAt('f')}), NOW + 999);
	t.is(verifiedAtOf({...shard, fault: {kind: 'corrupt', at: NOW + 50}}, {...scrub, upTo: digestAt('f')}), NOW);
	t.is(verifiedAtOf(shard, {startedAt: NOW + 200, progress: 0}), NOW);
});
