import test from 'ava';
import type {NodeId} from '../../source/protocol/ids.js';
import {limitRules} from '../../source/protocol/member-limits.js';
import {parseHours} from '../../source/protocol/week.js';
import {nodeOf} from '../ports/catalog-samples.suite.js';
import {isExcused, isLastResort, mayTakeShards, missedSince} from './condition.js';
import {type MemberSettings, restingOf, trafficAt, withCarried} from './line.js';
import {atOnceOn, leastReadMs, lineWeight, patienceMs} from './line-speed.js';
import {decideWishes, type Limits, limitsAtStart, limitsOf, settingsOf, withLimit} from './member-limits.js';
import type {NodeLine} from './model.js';
import {wishesFor, withoutWishes, withWishes} from './wishes.js';
import {mayAudit} from './node-audit.js';
import {type Candidate, place} from './place.js';
import {bySource, type RepairNode} from './repair.js';

const GIB = 1024 ** 3;
const MIB = 1024 ** 2;
const at = (text: string) => Date.parse(text);
const evenings = '18:00-23:00';
const line = (more: Partial<NodeLine> = {}): NodeLine => ({up: 0, down: 0, ...more});
const withHours = (text: string): NodeLine => line({hours: {text, timeZone: 'UTC', spans: parseHours(text) ?? []}});
const configured: Limits = {
	...{space: GIB, up: 0, down: 0, schedule: 'none', monthly_cap: 0, hours: 'always'},
	remote_limits: 'off',
};

test('what a line carried is counted by the day and by the month of its place', t => {
	const evening = at('2026-11-30T22:30:00Z');
	const first = withCarried(trafficAt(undefined, evening, 'UTC'), {up: 5, down: 7});
	t.deepEqual(trafficAt(first, evening, 'UTC'), {date: '2026-11-30', day: {up: 5, down: 7}, month: {up: 5, down: 7}});
	const next = withCarried(trafficAt(first, at('2026-12-01T00:00:00Z'), 'UTC'), {up: 1, down: 0});
	t.deepEqual(next, {date: '2026-12-01', day: {up: 1, down: 0}, month: {up: 1, down: 0}});
	const later = withCarried(trafficAt(next, at('2026-12-02T00:00:00Z'), 'UTC'), {up: 1, down: 1});
	t.deepEqual(later, {date: '2026-12-02', day: {up: 1, down: 1}, month: {up: 2, down: 1}});
	// In Berlin it is December already.
	t.is(trafficAt(first, at('2026-11-30T23:00:00Z'), 'Europe/Berlin').month.up, 0);
});

test('a node rests while it is paused, outside its hours, near its cap, and beyond it', t => {
	const nowMs = at('2026-11-30T20:00:00Z');
	const settings = (more: Partial<Limits>): MemberSettings => settingsOf({...configured, ...more});
	const state = (more: Partial<Limits>, up = 0, isPaused = false) =>
		restingOf({settings: settings(more), isPaused, month: {up, down: 0}, nowMs, timeZone: 'UTC'});
	t.is(state({}), undefined);
	t.is(state({hours: evenings}), undefined);
	t.is(state({hours: '06:00-18:00'}), 'off-hours');
	t.is(state({monthly_cap: GIB}, 0.89 * GIB), undefined);
	t.is(state({monthly_cap: GIB}, 0.9 * GIB), 'near-cap');
	t.is(state({monthly_cap: GIB}, GIB), 'over-cap');
	t.is(state({monthly_cap: GIB, hours: '06:00-18:00'}, GIB, true), 'paused');
});

test('what was set holds over a restart, until something else is configured', t => {
	const set = withLimit(configured, {}, 'up', 2 * MIB);
	t.is(limitsOf(configured, set).up, 2 * MIB);
	t.deepEqual(limitsAtStart(configured, set), {limits: {...configured, up: 2 * MIB}, set, dropped: []});
	const changed = {...configured, up: MIB, down: MIB};
	t.deepEqual(limitsAtStart(changed, set), {limits: changed, set: {}, dropped: ['up']});
	t.deepEqual(withLimit(configured, set, 'up', 0), {}, 'what is configured is nothing that was set');
	t.is(limitRules.space.parse('200'), 200 * GIB);
	t.is(limitRules.space.parse('0'), undefined);
	t.is(limitRules.monthly_cap.parse('0'), 0);
	t.is(limitRules.hours.parse(' Mon-Fri   18:00-23:00; sat,sun '), 'mon-fri 18:00-23:00; sat,sun');
});

test('a wish from afar is decided about once, and what the member set since goes before it', t => {
	const wish = (time: number, value: number | string) => ({at: time, by: 'ann', value});
	const none = {here: {}, heardAt: 0};
	t.deepEqual(decideWishes({up: wish(5, MIB), hours: wish(3, 'always')}, none, 0), {
		...{limits: [['up', MIB] as const, ['hours', 'always'] as const], wrong: [], heardAt: 5},
	} as never);
	t.is(decideWishes({up: wish(5, MIB)}, {here: {}, heardAt: 5}, 0), undefined);
	const since = {here: {up: 105}, heardAt: 0};
	t.deepEqual(decideWishes({up: wish(5, MIB)}, since, 100), {limits: [], wrong: [], heardAt: 5}, 'by its own clock');
	t.deepEqual(decideWishes({up: wish(6, MIB)}, since, 100)?.limits, [['up', MIB]]);
	t.deepEqual(decideWishes({up: wish(5, 1), down: wish(5, MIB)}, none, 0), {
		...{limits: [['down', MIB]], wrong: ['up'], heardAt: 5},
	} as never);
	t.is(limitRules.remote_limits.parse(' ON'), 'on');
	t.is(limitRules.remote_limits.parse('maybe'), undefined);
});

test('wishes wait for a node that takes any, the newest of each limit, and each is newer than what it heard', t => {
	const remote = (allowed: boolean, heard: number) => line({remote: {allowed, heard}});
	const first = withWishes(nodeOf(1, {line: remote(false, 0)}), {up: '2MB', hours: 'always'}, {by: 'ann', now: 10});
	const second = withWishes(first, {up: '3MB'}, {by: 'root', now: 9});
	t.deepEqual(second.wished, {
		up: {at: 11, by: 'root', value: 3 * MIB},
		hours: {at: 10, by: 'ann', value: 'always'},
	});
	t.is(wishesFor(second), undefined, 'its member lets nobody');
	t.deepEqual(wishesFor({...second, line: remote(true, 0)}), second.wished);
	t.deepEqual(Object.keys(wishesFor({...second, line: remote(true, 10)}) ?? {}), ['up']);
	t.is(wishesFor({...second, line: remote(true, 11)}), undefined);
	t.is(withWishes({...second, line: remote(true, 99)}, {up: '1MB'}, {by: '', now: 12}).wished?.up?.at, 100);
	t.false('wished' in (withoutWishes(second) ?? {wished: 1}));
	t.is(withoutWishes(nodeOf(1)), undefined);
});

test('a node may be away outside its hours, is missed from their beginning on, and is given nothing shortly before their end', t => {
	const record = nodeOf(1, {line: withHours(evenings)});
	const [morning, evening, late] = ['08:00', '20:00', '22:55'].map(time => at(`2026-11-30T${time}:00Z`)) as [
		number,
		number,
		number,
	];
	t.true(isExcused(record, morning));
	t.false(isExcused(record, evening));
	t.deepEqual(
		[morning, evening, late].map(now => mayTakeShards(record, now)),
		[false, true, false],
	);
	t.deepEqual(
		[morning, evening, late].map(now => mayAudit(record, now)),
		[false, true, true],
	);
	t.deepEqual(
		[morning, evening, late].map(now => isLastResort(record, now)),
		[true, false, false],
	);

	const away = {...record, awaySince: at('2026-11-29T22:58:00Z')};
	t.is(missedSince(away, evening), at('2026-11-30T18:00:00Z'));
	t.is(missedSince({...away, awaySince: evening - 1}, evening), evening - 1);
	t.is(missedSince({awaySince: 5}, evening), 5);
	t.is(missedSince(record, evening), undefined);

	const paused = nodeOf(1, {line: line({resting: 'paused'})});
	t.false(mayTakeShards(paused, evening));
	t.true(isLastResort(paused, evening));
	t.true(mayAudit(paused, evening), 'it is there, and answers for what it holds');
});

const candidate = (id: string, more: Partial<Candidate> = {}): Candidate => ({
	...{id: id as NodeId, zone: id, owner: id, freeBytes: 1000, inFlight: 0},
	...more,
});

test('a chunk is not put on nodes alone that are all away at times, where there are others', t => {
	const nodes = [
		...['a', 'b', 'c'].map(id => candidate(id, {isPartTime: true, weight: 100})),
		...['d', 'e'].map(id => candidate(id, {weight: 0.01})),
	];
	for (let seed = 0; seed < 20; seed++) {
		const chosen = place({candidates: nodes, count: 3, sizeBytes: 1, random: () => seed / 20});
		t.is(chosen.filter(({isPartTime}) => isPartTime).length, 1);
	}
});

test('a slow line brings fewer new shards, more patience, and fewer requests at once', t => {
	t.is(lineWeight(undefined, 10 * MIB), 1);
	t.is(lineWeight(line(), 10 * MIB), 1);
	t.is(lineWeight(line({down: 5 * MIB}), 10 * MIB), 0.5);
	t.true(lineWeight(line({down: 5 * MIB}), 100 * MIB) < 0.1);
	t.is(lineWeight(withHours('00:00-12:00'), 10 * MIB), 0.5);
	t.is(leastReadMs(line({up: 5 * MIB}), 10 * MIB), 2000);
	t.is(leastReadMs(line({down: 1}), 10 * MIB), 0);
	t.is(patienceMs(undefined), 0);
	t.is(patienceMs(line({up: MIB, down: 20 * MIB})), 20_000);
	t.is(atOnceOn(line({up: MIB}), 16), 4);
	t.is(atOnceOn(line({up: 100 * MIB, down: 100 * MIB}), 16), 16);
	t.is(atOnceOn(line(), 16), 16);
	t.is(atOnceOn(line({up: MIB}), 1), 1);
});

test('copies are made from nodes that do not mind, before those that rest', t => {
	const node = (id: string, inFlight: number, isLast: boolean): RepairNode => ({
		...{...candidate(id), inFlight, presence: 'online', since: 0, isLastResort: isLast},
	});
	const nodes = [node('a', 0, true), node('b', 3, false), node('c', 1, false)];
	t.deepEqual(
		nodes.sort(bySource).map(({id}) => id as string),
		['c', 'b', 'a'],
	);
});
