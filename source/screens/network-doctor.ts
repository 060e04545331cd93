import type {Action, Console, View} from '../console/view.js';
import type {Ask} from '../doctor/ask.js';
import {checkEvents, checkSignIn} from '../doctor/console-checks.js';
import {type Finding, findingsOf} from '../doctor/finding.js';
import {checkClock, checkCoordinator} from '../doctor/reach-checks.js';
import {checkVersion} from '../doctor/version-check.js';
import type {DoctorCheck} from '../protocol/doctor.js';
import {createDoctorView, type Look} from './doctor.js';

type Tools = {ask: Ask; version: string};

const afterAnswer: readonly DoctorCheck[] = ['clock', 'version', 'sign-in', 'events'];

/** What stands between a network's console and its coordinator. It begins to look when it is opened. */
export const createNetworkDoctor = (console: Console, {ask, version}: Tools): View => {
	const {api, live, clock} = console;
	const never: Look = {
		...{started_at: null, ended_at: null, problem: null},
		...{planned: ['coordinator', ...afterAnswer], findings: []},
	};
	let look = never;
	let isLooking = false;

	const put = (change: Partial<Look>) => {
		look = {...look, ...change};
		console.changed();
	};

	const note = (...found: Finding[]) => put({findings: [...look.findings, ...found]});

	const lookAround = async () => {
		const {finding, found} = await checkCoordinator(api.url, {ask, now: clock.now}, '--coordinator');
		note(finding);
		if (!found) {
			note(...afterAnswer.map(check => findingsOf(check, 'Asked the coordinator').skipped('It is not reached')));
			return;
		}

		// A console works with whatever clock; only its ages and times are off then.
		note(checkClock(found, {wrongMs: Infinity}), checkVersion(version, found));
		note(await checkSignIn(api.url, async () => api.whoami()));
		note(checkEvents(live.get().connection));
	};

	const examine = async () => {
		if (isLooking) return;
		isLooking = true;
		put({...never, started_at: clock.now()});
		try {
			await lookAround();
		} catch (error) {
			put({problem: error instanceof Error ? error.message : String(error)});
		} finally {
			isLooking = false;
			put({ended_at: clock.now()});
		}
	};

	const retry: Action = {id: 'retry', run: () => live.retryNow()};
	void examine();
	return {
		...createDoctorView(console, {
			title: 'Doctor: from here to the coordinator',
			look: () => look,
			waiting: () => [],
			never: [],
			examine: {id: 'doctor.examine', run: examine},
			actions: () => [retry],
		}),
		// Whoever is not signed in wants to know why.
		isAside: true,
	};
};
