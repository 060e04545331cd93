import test from 'ava';
import {chunkIdOf, type ChunkId, type FileId} from '../../source/protocol/ids.js';
import type {Need} from '../core/repair.js';
import {createRepairQueue} from './repair-queue.js';

const id = (index: number): ChunkId => chunkIdOf('0'.repeat(32) as FileId, index);
const copy = (copies: number): Need => ({kind: 'copy', copies, count: 1});
const idle = () => false;

test('the fewest copies come first, what is to be trimmed last, and what waits when it is due', t => {
	const queue = createRepairQueue();
	queue.note(id(1), {kind: 'trim', copies: 4}, 0);
	queue.note(id(2), copy(2), 0);
	queue.note(id(3), {kind: 'wait', copies: 2, dueAt: 5000, isShort: true}, 0);
	queue.note(id(4), copy(1), 0);
	const ids = (now: number) => queue.next(now, 10, idle).map(entry => entry.id);
	t.deepEqual(ids(0), [id(4), id(2), id(1)]);
	t.deepEqual(queue.counts(), {waiting: 3, blocked: 0, surplus: 1});
	queue.note(id(5), copy(1), 1000);
	t.deepEqual(ids(1000), [id(4), id(5), id(2), id(1)]);
	queue.note(id(4), {kind: 'well'}, 1000);
	t.deepEqual(ids(1001), [id(5), id(2), id(1)]);
	t.deepEqual(ids(5000), [id(5), id(2), id(3), id(1)]);
	t.deepEqual(
		queue.next(5000, 1, each => each === id(5)).map(entry => entry.id),
		[id(2)],
	);
});

test('what fails waits longer each time, to ten minutes, and is tried at once when a node comes', t => {
	const queue = createRepairQueue();
	queue.note(id(1), copy(1), 0);
	let now = 0;
	const rests: number[] = [];
	for (let tries = 0; tries < 9; tries++) {
		queue.postpone(id(1), now, 'no-space');
		const dueAt = queue.get(id(1))?.dueAt ?? 0;
		rests.push((dueAt - now) / 1000);
		t.deepEqual(queue.next(dueAt - 1, 1, idle), []);
		now = dueAt;
	}

	t.deepEqual(rests, [5, 10, 20, 40, 80, 160, 320, 600, 600]);
	t.deepEqual(queue.counts(), {waiting: 0, blocked: 1, surplus: 0});
	queue.note(id(1), copy(1), now);
	t.is(queue.get(id(1))?.obstacle, 'no-space', 'seen again as it was, it is no other');
	queue.postpone(id(1), now, 'no-space');
	queue.retryAll(now);
	t.is(queue.next(now, 1, idle).length, 1);
	queue.note(id(1), copy(2), now);
	t.deepEqual(queue.counts(), {waiting: 1, blocked: 0, surplus: 0});
});

test('what is asked of the queue costs by what is due, not by all that waits', t => {
	const queue = createRepairQueue();
	const [waiting, failed] = [5000, 20];
	for (let index = 0; index < waiting; index++) {
		queue.note(id(index), {kind: 'wait', copies: 2, dueAt: 1_000_000 + index, isShort: true}, 0);
	}

	for (let index = waiting; index < waiting + failed; index++) {
		queue.note(id(index), copy(2), 0);
		queue.postpone(id(index), 0, 'no-space');
	}

	let asked = 0;
	const next = (now: number) => {
		asked = 0;
		return queue.next(now, 100, () => ++asked < 0);
	};
	t.is(next(1000).length, 0);
	t.is(asked, 0);
	queue.retryAll(1000);
	t.is(next(1000).length, failed);
	t.is(asked, failed);
	t.is(next(1_000_004).length, failed + 5);
	t.is(asked, failed + 5);
});
