import test from 'ava';
import {AnswerError} from '../client/errors.js';
import type {Whoami} from '../client/people-contract.js';
import type {Ask} from '../doctor/ask.js';
import {areas, fills} from '../testing/areas.js';
import {createTestConsole} from '../testing/console.js';
import {pressKeys} from '../testing/press-keys.js';
import {renderToText} from '../testing/render.js';
import {createNetworkDoctor} from './network-doctor.js';

const nowMs = Date.UTC(2026, 10, 23, 12);
const wide = {columns: 120, rows: 37};
const settle = async () => new Promise(resolve => setImmediate(resolve));

const me: Whoami = {
	...{success: true, scope: 'full', via: 'token', quota_bytes: null, used_bytes: 0},
	...{open: false, name: 'ann', role: 'admin'},
};

const healthy =
	(change: object = {}): Ask =>
	async () =>
		Promise.resolve({
			status: 200,
			header: () => undefined,
			text: JSON.stringify({status: 'healthy', timestamp: nowMs, version: '2.0.0', protocol: 2, ...change}),
		});

const open = (ask: Ask, given: Parameters<typeof createTestConsole>[0] = {}) => {
	const console = createTestConsole({nowMs, api: {whoami: async () => Promise.resolve(me)}, ...given});
	return {console, view: createNetworkDoctor(console, {ask, version: '2.0.0'})};
};

test('the doctor of a network’s console looks at once, and says what it tried', async t => {
	const {view} = open(healthy());
	t.regex(renderToText(view, wide), /looking +coordinator[^]*waits +sign-in/);
	await settle();
	const text = renderToText(view, wide);
	t.regex(text, /nothing is wrong, just now/);
	t.regex(
		text,
		/ok +coordinator[^]*ok +clock[^]*ok +version[^]*ok +sign-in +It is ann \(admin\)[^]*ok +events +They come/,
	);
	t.regex(text, /tried +Asked http:\/\/127\.0\.0\.1:3000\/health/);
	t.true(view.isAside);
	for (const area of areas) fills(t, view, area);
});

test('a coordinator that is away, a token that is not known, a clock that is off and events that do not come are told', async t => {
	const away = open(async () => Promise.reject(Object.assign(new Error('no'), {code: 'ECONNREFUSED'})));
	await settle();
	const silent = renderToText(away.view, wide);
	t.regex(silent, /WRONG +coordinator +Nothing listens there[^]*skipped +events +It is not reached/);
	t.regex(silent, /to do +Start it, or check port and address\. The address is --coordinator/);

	const whoami = async () => Promise.reject(new AnswerError('Sign in first', {code: 'UNAUTHENTICATED', status: 401}));
	const connection = {state: 'stale', sinceMs: 0, nextTryAtMs: 0, error: 'It ended the stream of events'} as const;
	const troubled = open(healthy({timestamp: nowMs - 3_600_000, version: '2.1.0'}), {
		api: {whoami},
		live: {connection},
	});
	await settle();
	const text = renderToText(troubled.view, wide);
	t.regex(text, /WARNING +clock +It is 3600 s ahead of the coordinator's/);
	t.regex(text, /WARNING +version +It has version 2\.1\.0: this one is behind/);
	t.regex(text, /WRONG +events +It ended the stream of events/);
	pressKeys(troubled.console, troubled.view, 'j', 'j', 'j');
	t.regex(renderToText(troubled.view, wide), /to do +Sign in, in another terminal: pjas-tui login http/);
	t.is(troubled.view.describe().title, 'Doctor: from here to the coordinator, 2 wrong, 2 warnings');
});
