import v8 from 'node:v8';
import vm from 'node:vm';
import test from 'ava';
import {eventually} from '../testing/requests.js';
import {watchHeap} from './heap-figures.js';

test('what the heap holds is looked at when V8 went through all of it, and at no other moment', async t => {
	v8.setFlagsFromString('--expose-gc');
	const collect = vm.runInNewContext('gc') as (options?: {type: 'minor'}) => void;
	const heap = watchHeap();
	t.teardown(heap.stop);
	const first = heap.figures();
	t.true(first.liveBytes > 1024 ** 2 && first.liveBytes < first.limitBytes, JSON.stringify(first));

	const kept = Array.from({length: 200_000}, (_, number) => ({number}));
	collect({type: 'minor'});
	t.is(heap.figures(), first);
	collect();
	await eventually(t, () => heap.figures() !== first, 'it went through all');
	t.true(heap.figures().liveBytes > first.liveBytes, `${kept.length} objects more are kept`);
});
