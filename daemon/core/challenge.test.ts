import {createHash, randomBytes} from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import {isPjasError} from '../../source/protocol/errors.js';
import {answerTo, drawChallenge} from './challenge.js';

const MIB = 1024 * 1024;

test('a challenge lies within the shard, and is long enough that what is missing is soon met', t => {
	fc.assert(
		fc.property(
			fc.nat({max: 11 * MIB}),
			fc.double({min: 0, max: 1, maxExcluded: true, noNaN: true}),
			fc.double({min: 0, max: 1, maxExcluded: true, noNaN: true}),
			(sizeBytes, first, second) => {
				const floats = [first, second];
				const {nonce, offset, length} = drawChallenge(sizeBytes, {
					bytes: randomBytes,
					float: () => floats.shift() ?? 0,
				});
				t.regex(nonce, /^[\da-f]{64}$/);
				t.true(Number.isInteger(offset) && Number.isInteger(length));
				t.true(offset >= 0 && offset + length <= sizeBytes);
				t.true(length >= Math.min(sizeBytes, 64 * 1024) && length <= MIB);
			},
		),
	);
});

test('every byte of a shard may be asked for', t => {
	const most = 1 - 2 ** -53;
	const last = drawChallenge(11 * MIB, {bytes: randomBytes, float: () => most});
	t.is(last.offset + last.length, 11 * MIB);
	t.is(drawChallenge(11 * MIB, {bytes: randomBytes, float: () => 0}).offset, 0);
});

test('an answer is the hash of the nonce and the range, and none is given beyond the end', t => {
	const shard = randomBytes(1000);
	const nonce = '0123456789abcdef'.repeat(4);
	const expected = createHash('sha256').update(Buffer.from(nonce, 'hex')).update(shard.subarray(10, 30)).digest('hex');
	t.is(answerTo({nonce, offset: 10, length: 20}, shard), expected);
	const error = t.throws(() => answerTo({nonce, offset: 990, length: 11}, shard));
	t.true(isPjasError(error, 'SHARD_CORRUPT'));
});
