import test from 'ava';
import fc from 'fast-check';
import {isPjasError} from '../../source/protocol/errors.js';
import {manualClock} from '../testing/manual-clock.js';
import {createTryLimits} from './try-limits.js';

const MINUTE_MS = 60_000;
const owner = '192.0.2.1';

const start = (most?: number) => {
	const clock = manualClock();
	const limits = createTryLimits({clock, ...(most !== undefined && {most})});
	/** Seconds to wait, or 0 where the try was let through; it fails then. */
	const tryWrong = (account: string, address: string): number => {
		try {
			limits.check(account, address);
		} catch (error) {
			if (isPjasError(error, 'TOO_MANY_REQUESTS')) return error.retryAfterSeconds ?? Number.NaN;
			throw error;
		}

		limits.failed(account, address);
		return 0;
	};

	return {clock, limits, tryWrong};
};

test('a few wrong tries are free, then the waits grow up to a quarter of an hour', async t => {
	const {clock, tryWrong} = start();
	for (let count = 0; count < 5; count++) t.is(tryWrong('ann', owner), 0);
	const waits: number[] = [];
	for (let count = 0; count < 14; count++) {
		const seconds = tryWrong('ann', owner);
		waits.push(seconds);
		await clock.advance(seconds * 1000 - 1);
		t.true(tryWrong('ann', owner) > 0);
		await clock.advance(1);
		t.is(tryWrong('ann', owner), 0);
	}

	t.deepEqual(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900, 900]);
	await clock.advance(61 * MINUTE_MS);
	for (let count = 0; count < 5; count++) t.is(tryWrong('ann', owner), 0);
});

test('tries that come at once are counted as they come, not as they end', t => {
	const {limits} = start();
	const outcomes = Array.from({length: 100}, () => {
		try {
			limits.check('ann', owner);
			return 'let through';
		} catch {
			return 'refused';
		}
	});
	t.is(outcomes.filter(outcome => outcome === 'let through').length, 5);
});

test('a flood of wrong passwords by strangers does not lock the owner out', t => {
	const {limits, tryWrong} = start();
	limits.check('ann', owner);
	limits.succeeded('ann', owner);
	let passed = 0;
	for (let count = 0; count < 5000; count++) {
		if (tryWrong('ann', `198.51.${count % 250}.${count % 7}`) === 0) passed++;
	}

	t.is(passed, 10);
	for (let count = 0; count < 3; count++) {
		t.notThrows(() => limits.check('ann', owner));
		limits.succeeded('ann', owner);
	}

	t.throws(() => limits.check('ann', '203.0.113.9'), undefined, 'another address waits like all strangers');
});

test('an address of the owner guesses no faster than another', t => {
	const {limits, tryWrong} = start();
	limits.check('ann', owner);
	limits.succeeded('ann', owner);
	const passed = Array.from({length: 1000}, () => tryWrong('ann', owner)).filter(seconds => seconds === 0);
	t.is(passed.length, 5);
});

test('one address that tries many accounts waits, and its own account does not help it', t => {
	const {limits, tryWrong} = start();
	let passed = 0;
	for (let number = 0; number < 1000; number++) {
		limits.check('mallory', owner);
		limits.succeeded('mallory', owner);
		if (tryWrong(`account-${number}`, owner) === 0) passed++;
	}

	t.is(passed, 20);
});

test('all addresses of one IPv6 network count as one, and the case of a name makes no other account', t => {
	const {tryWrong} = start();
	const passed = Array.from({length: 100}, (_, number) =>
		tryWrong(number % 2 === 0 ? 'ann' : 'ANN', `2001:db8:1:2:${number.toString(16)}::${number}`),
	).filter(seconds => seconds === 0);
	t.is(passed.length, 5);
});

test('a right password takes nothing back from the strangers, and the wait of its own address away', async t => {
	const {clock, limits, tryWrong} = start();
	for (let number = 0; number < 10; number++) tryWrong('ann', `198.51.100.${number}`);
	await clock.advance(1000);
	limits.check('ann', owner);
	limits.succeeded('ann', owner);
	t.true(tryWrong('ann', '198.51.100.77') > 0);
	for (let count = 0; count < 5; count++) t.is(tryWrong('ann', owner), 0);
	t.is(tryWrong('ann', owner), 1);
});

test('memory is bounded, and whoever invents names resets nobody', t => {
	const {limits, tryWrong} = start(100);
	for (let number = 0; number < 12; number++) tryWrong('ann', `198.51.100.${number}`);
	for (let number = 0; number < 5000; number++) tryWrong(`nobody-${number}`, `10.1.${number >> 8}.${number & 255}`);
	t.true(limits.size <= 300);
	t.true(tryWrong('ann', '203.0.113.9') > 0);
	for (let number = 0; number < 5000; number++) {
		limits.check(`real-${number}`, `10.9.${number >> 8}.${number & 255}`);
		limits.succeeded(`real-${number}`, `10.9.${number >> 8}.${number & 255}`);
	}

	t.true(limits.size <= 300);
});

test('however tries are spread in time and over addresses, an account is guessed at seldom', async t => {
	const step = fc.record({address: fc.nat({max: 500}), waitMs: fc.nat({max: 5 * MINUTE_MS})});
	const check = fc.assert(
		fc.asyncProperty(fc.array(step, {maxLength: 300}), async steps => {
			const {clock, tryWrong} = start();
			let passed = 0;
			let spentMs = 0;
			for (const {address, waitMs} of steps) {
				if (tryWrong('ann', `198.51.${address >> 8}.${address & 255}`) === 0) passed++;
				await clock.advance(waitMs);
				spentMs += waitMs;
			}

			// Ten are free, ten more come while the waits grow, then there are four an hour.
			return passed <= 20 + Math.ceil(spentMs / (15 * MINUTE_MS));
		}),
		{numRuns: 100, includeErrorInReport: true},
	);
	await t.notThrowsAsync(check);
});
