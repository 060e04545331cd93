import test from 'ava';
import {dateOf, isTimeZone, weekMinuteOf} from './local-time.js';
import {beganAt, isWithin, nextBeginsAt, parseHours, parseRate, parseSchedule, ratesAt, shareOf} from './week.js';

const HOUR_MS = 3_600_000;
const at = (text: string) => Date.parse(text);
const hours = (text: string) => parseHours(text) ?? [];
const berlin = 'Europe/Berlin';

test('a zone has its own week and its own date, also over a change of its clocks', t => {
	// Monday, 00:30 in Berlin, is still Sunday in UTC.
	const monday = at('2026-11-29T23:30:00Z');
	t.is(weekMinuteOf(monday, berlin), 30);
	t.is(weekMinuteOf(monday, 'UTC'), 7 * 1440 - 30);
	t.is(dateOf(monday, berlin), '2026-11-30');
	t.is(dateOf(monday, 'UTC'), '2026-11-29');
	// Clocks go back at 01:00 UTC on 2026-10-25, from 03:00 to 02:00.
	t.is(weekMinuteOf(at('2026-10-25T00:59:00Z'), berlin), 6 * 1440 + 179);
	t.is(weekMinuteOf(at('2026-10-25T01:00:00Z'), berlin), 6 * 1440 + 120);
	t.true(isTimeZone('Asia/Kathmandu'));
	t.is(weekMinuteOf(at('2026-11-30T00:00:30Z'), 'Asia/Kathmandu'), 345.5);
	t.false(isTimeZone('Berlin'));
});

test('hours of the week are days, times of day, or both, and may go past midnight and past Sunday', t => {
	const evenings = hours('mon-fri 18:00-23:00; sat,sun');
	t.true(isWithin(evenings, at('2026-11-30T18:00:00Z'), 'UTC'));
	t.false(isWithin(evenings, at('2026-11-30T23:00:00Z'), 'UTC'));
	t.false(isWithin(evenings, at('2026-11-30T17:59:59Z'), 'UTC'));
	t.true(isWithin(evenings, at('2026-11-28T04:00:00Z'), 'UTC'));

	const nights = hours('22:00-06:00');
	t.true(isWithin(nights, at('2026-11-30T03:00:00Z'), 'UTC'), 'the night from Sunday to Monday');
	t.false(isWithin(nights, at('2026-11-30T06:00:00Z'), 'UTC'));
	t.true(isWithin(nights, at('2026-11-30T23:00:00Z'), 'UTC'));
	t.is(hours('SAT-mon 08:00-24:00; thu').length, 4);
	t.deepEqual(hours('sat; sun; mon 00:00-24:00; thu'), [
		{from: 3 * 1440, until: 4 * 1440},
		{from: 5 * 1440, until: 8 * 1440},
	]);
});

test('when hours began and when the next begin is known, also where they go on over the end of the week', t => {
	const weekend = hours('fri 20:00-24:00; sat-sun; mon 00:00-06:00; wed');
	const monday = at('2026-11-30T02:00:00Z');
	t.is(beganAt(weekend, monday, 'UTC'), at('2026-11-27T20:00:00Z'));
	t.is(beganAt(weekend, at('2026-11-30T07:00:00Z'), 'UTC'), undefined);
	t.is(nextBeginsAt(weekend, at('2026-11-30T07:00:00Z'), 'UTC'), at('2026-12-02T00:00:00Z'));
	t.is(nextBeginsAt(weekend, at('2026-11-27T19:00:00Z'), 'UTC') - at('2026-11-27T19:00:00Z'), HOUR_MS);
	t.is(shareOf(hours('sat,sun; wed')), 3 / 7);
	t.is(shareOf([]), 1);
});

test('all of the week is no restriction, and hours with too long a gap are none', t => {
	for (const text of ['always', 'mon-sun', '00:00-24:00', 'mon-thu; fri-sun', '12:00-12:00']) {
		t.deepEqual(parseHours(text), [], text);
	}

	t.truthy(parseHours('mon-fri 08:00-18:00'), 'from Friday evening to Monday morning are 62 hours');
	for (const text of ['sat,sun', 'mon 08:00-09:00', 'tue-wed']) t.is(parseHours(text), undefined, text);
});

test('what is no time of the week is not taken for one', t => {
	const wrongs = ['', ';', 'mon-', 'mond', 'mon 8-18', 'mon 08:00', '08:00-25:00', '08:60-09:00', '24:00-08:00'];
	for (const text of [...wrongs, 'mon 08:00-18:00 tue', '08:00-18:00 mon', 'mon-tue-wed', 'mon;'.repeat(200)]) {
		t.is(parseHours(text), undefined, text);
	}
});

test('a schedule gives rates by the hour, by the first entry that fits, and as usual otherwise', t => {
	const schedule = parseSchedule('mon-fri 08:00-18:00 up=1MB down=2MB; mon up=5MB; 23:00-05:00 down=0') ?? [];
	t.is(schedule.length, 3);
	const usual = {up: 100_000, down: 200_000};
	const rates = (text: string) => ratesAt(usual, schedule, at(text), 'UTC');
	t.deepEqual(rates('2026-11-30T09:00:00Z'), {up: 1024 ** 2, down: 2 * 1024 ** 2});
	t.deepEqual(rates('2026-11-30T19:00:00Z'), {up: 5 * 1024 ** 2, down: 200_000});
	t.deepEqual(rates('2026-12-01T23:30:00Z'), {up: 100_000, down: 0});
	t.deepEqual(ratesAt({}, schedule, at('2026-12-01T20:00:00Z'), 'UTC'), {up: 0, down: 0});
	t.deepEqual(parseSchedule('none'), []);
	for (const text of [
		'',
		'mon',
		'up=1MB',
		'mon up',
		'mon up=1KB',
		'mon up=1MB up=2MB',
		'mon side=1MB',
		'mon up=1MB=2',
	]) {
		t.is(parseSchedule(text), undefined, text);
	}
});

test('a rate is a size a second, none, or at least 32 KB', t => {
	t.is(parseRate('2MB'), 2 * 1024 ** 2);
	t.is(parseRate('500KB/s'), 500 * 1024);
	t.is(parseRate('0'), 0);
	for (const text of ['', '31KB', '1', 'fast', '-1']) t.is(parseRate(text), undefined, text);
});
