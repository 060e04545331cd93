import test from 'ava';
import {until} from '../../daemon/testing/processes.js';
import {createManualClock} from '../testing/manual-clock.js';
import {startPeopleNetwork} from '../testing/people-network.suite.js';
import {createApi} from './api.js';
import {createLive} from './live.js';
import {watchToken} from './token-watch.js';

test('a coordinator that does not know who asks is left alone until somebody has signed in', async t => {
	const network = await startPeopleNetwork(t);
	const clock = createManualClock(Date.now());
	const kept: {token?: string} = {};
	const api = createApi(network.url, {token: () => watch.token()});
	const live = createLive({api, clock, random: () => 0.5});
	const watch = watchToken({live, clock, token: undefined, read: async () => Promise.resolve(kept.token)});
	t.teardown(() => {
		watch.stop();
		live.stop();
	});
	const state = () => live.get().connection.state;
	live.start();
	await until('it is refused', () => state() === 'refused');
	t.like(live.get().connection, {reason: 'UNAUTHENTICATED'});
	t.is(live.get().whoami, undefined);
	t.is(clock.waiting(), 1, 'nothing but the look for a token');

	clock.pass(2_000);
	await until('it looks again', () => clock.waiting() === 1);
	t.is(state(), 'refused');
	kept.token = network.token;
	clock.pass(2_000);
	await until('it is live', () => state() === 'live');
	t.like(live.get().whoami, {name: 'admin', role: 'admin'});
});

test('a token that may only upload is not allowed to look', async t => {
	const network = await startPeopleNetwork(t);
	const {secret} = await network.api.createToken({name: 'cron', scope: 'upload'});
	const live = createLive({
		api: createApi(network.url, {token: secret}),
		clock: createManualClock(Date.now()),
		random: () => 0.5,
	});
	t.teardown(live.stop);
	live.start();
	await until('it is refused', () => live.get().connection.state === 'refused');
	t.like(live.get().connection, {reason: 'FORBIDDEN'});
});
