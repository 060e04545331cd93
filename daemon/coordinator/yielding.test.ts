import test from 'ava';
import {manualClock} from '../testing/manual-clock.js';
import {createYielding} from './yielding.js';

const start = () => {
	const clock = manualClock();
	const state = {isUploading: false, wakes: 0};
	const yielding = createYielding({
		clock,
		isUploading: () => state.isUploading,
		atOnce: 4,
		wake: () => state.wakes++,
	});
	return {clock, state, yielding};
};

test('where nobody uploads, as much is copied at once as is allowed, without a rest', t => {
	const {yielding, state} = start();
	t.is(yielding.mostAtOnce(), 4);
	yielding.noteCopy(5000);
	t.is(yielding.mostAtOnce(), 4);
	t.is(state.wakes, 0);
});

test('while somebody uploads, one chunk is copied at a time, and each copy is followed by as long a rest', async t => {
	const {clock, yielding, state} = start();
	state.isUploading = true;
	let copies = 0;
	for (let ms = 0; ms < 60_000; ms += 100) {
		if (yielding.mostAtOnce() > 0) {
			t.is(yielding.mostAtOnce(), 1);
			copies++;
			await clock.advance(500);
			ms += 500;
			yielding.noteCopy(500);
			t.is(yielding.mostAtOnce(), 0);
		}

		await clock.advance(100);
	}

	t.true(copies >= 50 && copies <= 60, `${copies} copies of half a second in a minute`);
	t.true(state.wakes >= copies - 1, 'whoever waits for the end of a rest is told of it');
});

test('a slow copy is not followed by a long standstill, and between two uploads it is as during them', async t => {
	const {clock, yielding, state} = start();
	state.isUploading = true;
	t.is(yielding.mostAtOnce(), 1);
	yielding.noteCopy(600_000);
	await clock.advance(10_000);
	t.is(yielding.mostAtOnce(), 1);
	state.isUploading = false;
	await clock.advance(1_000);
	t.is(yielding.mostAtOnce(), 1);
	await clock.advance(1_000);
	t.is(yielding.mostAtOnce(), 4);
});
