import test from 'ava';
import * as fc from 'fast-check';
import {Few} from './few.js';

test('few things are there in the order in which they came, until they go', t => {
	fc.assert(
		fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(9))), steps => {
			const few = new Few<number>();
			const set = new Set<number>();
			for (const [isGone, number] of steps) {
				if (isGone) t.is(few.delete(number), set.delete(number));
				else if (!set.has(number)) {
					few.add(number);
					set.add(number);
				}

				t.is(few.size, set.size);
				t.deepEqual([...few], [...set]);
			}

			few.clear();
			t.is(few.size, 0);
			t.deepEqual([...few], []);
		}),
	);
});

test('who goes through them meets each that was there, though it is taken out meanwhile', t => {
	const few = new Few<string>();
	for (const item of ['a', 'b', 'c']) few.add(item);
	const met: string[] = [];
	for (const item of few) {
		met.push(item);
		few.delete(item);
		if (item === 'b') few.add('d');
	}

	t.deepEqual(met, ['a', 'b', 'c']);
	t.deepEqual([...few], ['d']);
});
