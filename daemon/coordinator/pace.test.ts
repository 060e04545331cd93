import test from 'ava';
import {manualClock} from '../testing/manual-clock.js';
import {createPace} from './pace.js';

test('what is let go keeps to the rate, in the order of asking', async t => {
	const clock = manualClock();
	const pace = createPace(clock, 1000);
	const {signal} = new AbortController();
	const done: number[] = [];
	for (const [at, bytes] of [2000, 500, 1].entries()) void pace.take(bytes, signal).then(() => done.push(at));
	await clock.advance(1999);
	t.deepEqual(done, [0]);
	await clock.advance(1);
	t.deepEqual(done, [0, 1]);
	await clock.advance(500);
	t.deepEqual(done, [0, 1, 2]);
	await clock.advance(60_000);
	await pace.take(1000, signal);
	t.is(clock.sleepers(), 0, 'what was not used is not saved, and costs nothing');
});

test('without a rate, and for whoever gives up, nobody waits', async t => {
	const clock = manualClock();
	const free = createPace(clock, 0);
	const end = new AbortController();
	for (let time = 0; time < 3; time++) await free.take(1e12, end.signal);
	const slow = createPace(clock, 1);
	await slow.take(1000, end.signal);
	const waiting = slow.take(1, end.signal);
	end.abort(new Error('given up'));
	await t.throwsAsync(waiting, {message: 'given up'});
});
