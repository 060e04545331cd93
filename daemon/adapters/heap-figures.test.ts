import v8 from 'node:v8';
import vm from 'node:vm';
import test from 'ava';
import {eventually} from '../testing/requests.js';
import {watchHeap} from './heap-figures.js';

test('what the heap holds is known once V8 went through it, and not before', async t => {
	v8.setFlagsFromString('--expose-gc');
	const collect = vm.runInNewContext('gc') as (options?: {type: 'minor'}) => void;
	const heap = watchHeap();
	t.teardown(heap.stop);
	collect({type: 'minor'});
	t.is(heap.figures(), undefined);
	collect();
	await eventually(t, () => heap.figures() !== undefined, 'it went through all');
	const {liveBytes = 0, limitBytes = 0} = heap.figures() ?? {};
	t.true(liveBytes > 1024 ** 2 && liveBytes < limitBytes, `${liveBytes} of ${limitBytes}`);
});
