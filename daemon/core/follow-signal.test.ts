import {getEventListeners} from 'node:events';
import test from 'ava';
import {followSignal} from './follow-signal.js';

test('a follower is aborted with what it follows, for the same reason', t => {
	const long = new AbortController();
	const {controller} = followSignal(long.signal);
	t.false(controller.signal.aborted);
	const reason = new Error('over');
	long.abort(reason);
	t.is(controller.signal.reason, reason);
	t.is(followSignal(long.signal).controller.signal.reason, reason, 'also one that comes later');
});

test('what is over leaves nothing with the signal that lives long', t => {
	const long = new AbortController();
	for (let calls = 0; calls < 100; calls++) {
		const {controller, release} = followSignal(long.signal);
		if (calls % 2 === 0) controller.abort(new Error('given up'));
		release();
	}

	t.is(getEventListeners(long.signal, 'abort').length, 0);
	t.false(long.signal.aborted);
});
