import test from 'ava';
import type {Api, NodeView} from '../client/contract.js';
import type {SafeToStop} from '../client/healing-contract.js';
import {createCommandContext} from '../testing/command-context.js';
import {sampleNode, sampleNowMs} from '../testing/samples.js';
import {exitCodeOf} from './failures.js';
import {nodes} from './nodes.js';

const attic = sampleNode(1, {name: 'attic'});
const drain: NodeView['drain'] = {
	...{started_at: 1, by: 'ann', leaves: false, shards_total: 9, shards_left: 1, bytes_left: 1024},
	...{eta_s: null, reason: 'no-space'},
};

const emptied: NodeView['drain'] = {
	...drain,
	...{shards_left: 0, bytes_left: 0, reason: null, leaves: true, awaited_until: sampleNowMs},
};

const limited: NodeView = {
	...attic,
	line: {
		...{up: 0, down: 2 * 1024 ** 2},
		limits: {space: 1024 ** 3, up: 0, down: 2 * 1024 ** 2, schedule: 'none', monthly_cap: 0, hours: 'always'},
		remote: {allowed: false, heard: 0},
	},
};

const risky: SafeToStop = {
	...{success: true, node_id: attic.node_id, safe: false, shards: 9, min_copies: 2, at_risk: 2},
	chunks: [{file_id: 'ab'.repeat(16), filename: 'bell\u0007', index: 4, copies: 1, wanted: 3}],
};

/** Runs the command against an API that notes what it is asked for. */
const run = async (words: readonly string[], flags: Record<string, string | true> = {}, safe = false) => {
	const asked: unknown[] = [];
	const answer = (name: string, node: NodeView) => async (id: string, more?: unknown) => {
		asked.push([name, id, ...(more === undefined ? [] : [more])]);
		return Promise.resolve(node);
	};
	const api: Partial<Api> = {
		nodes: async () =>
			Promise.resolve([attic, sampleNode(2, {name: 'twin'}), sampleNode(3, {name: 'twin', is_behind: true})]),
		drainNode: async (node, more) => answer('drain', {...attic, drain: more?.leave ? emptied : drain})(node, more),
		cancelDrain: answer('cancel', attic),
		maintainNode: answer('maintain', {...attic, maintenance: {from: sampleNowMs, until: sampleNowMs, by: ''}}),
		endMaintenance: answer('end', attic),
		setNodeLimits: answer('limits', {...limited, wished: {up: {at: 5, by: 'ann', value: 1024 ** 2}}}),
		endNodeWishes: answer('no limits', limited),
		async safeToStop(id) {
			asked.push(['safe', id]);
			return Promise.resolve(safe ? {...risky, safe: true, at_risk: 0, chunks: []} : risky);
		},
	};
	const {context, printed} = createCommandContext({api, words, flags});
	const code = await nodes(context);
	return {code, text: printed(), asked};
};

const id = attic.node_id;

test('the list says which nodes are behind the coordinator', async t => {
	const {text} = await run([]);
	t.regex(text, /^attic +online +/m);
	t.regex(text, /^twin +online, behind +/m);
});

test('a node is drained, leaves, or stays after all', async t => {
	const {code, text, asked} = await run(['drain', 'attic']);
	t.is(code, 0);
	t.deepEqual(asked, [['drain', id, {leave: false}]]);
	t.is(
		text,
		"attic is drained: 1 shard (1 KiB) to be moved. Some can't be moved now: no other node has the room: give one more, or add one\n",
	);
	t.deepEqual((await run(['drain', id], {leave: true})).asked, [['drain', id, {leave: true}]]);
	const left = await run(['leave', 'attic']);
	t.deepEqual(left.asked, [['drain', id, {leave: true}]]);
	t.is(
		left.text,
		'attic is drained: nothing is to be moved any more. It has still to remove shards, and is forgotten then, at the latest 2026-11-23 12:00:00 UTC\n',
	);
	t.deepEqual((await run(['cancel-drain', 'attic'])).asked, [['cancel', id]]);
	t.like(JSON.parse((await run(['drain', 'attic'], {json: true})).text), {node_id: id, drain});
});

test('a maintenance is declared for as long as is said, or ended', async t => {
	const {text, asked} = await run(['maintenance', 'attic'], {for: '2h'});
	t.deepEqual(asked, [['maintain', id, {duration_s: 7200}]]);
	t.is(text, 'attic may be away until 2026-11-23 12:00:00 UTC\n');
	t.deepEqual((await run(['maintenance', 'attic'])).asked, [['maintain', id, {duration_s: 3600}]]);
	t.deepEqual((await run(['maintenance', 'attic'], {end: true})).asked, [['end', id]]);
	for (const wrong of ['1s', '15d', 'soon']) {
		await t.throwsAsync(run(['maintenance', 'attic'], {for: wrong}), {message: /Allowed: from 1m to 14d/});
	}
});

test('whether a node can stop is an exit code, and a list of what would be at risk', async t => {
	const {code, text} = await run(['safe-to-stop', 'attic']);
	t.is(code, 1);
	t.regex(text, /^attic can't stop safely: 2 chunks would have fewer than 2 copies$/m);
	t.regex(text, /^(ab){16} +4 +1 +3 +bell\\u0007$/m);
	t.regex(text, /^and 1 more$/m);
	t.deepEqual(JSON.parse((await run(['safe-to-stop', 'attic'], {json: true})).text), risky);
	const yes = await run(['safe-to-stop', 'attic'], {}, true);
	t.is(yes.code, 0);
	t.is(yes.text, 'attic can stop. Each of its 9 shards has at least 2 sound copies on other nodes that are online.\n');
	const missing = await t.throwsAsync(run(['safe-to-stop', 'cellar']));
	t.is(exitCodeOf(missing), 4);
	await t.throwsAsync(run(['safe-to-stop', 'twin']), {message: /2 nodes are called twin/});
});

test('limits are told, asked for by the rules of the node’s own machine, and taken back', async t => {
	const {code, text, asked} = await run(['limits', 'attic'], {up: '1MB', 'monthly-cap': '1TB'});
	t.is(code, 0);
	t.deepEqual(asked, [['limits', id, {up: '1MB', monthly_cap: '1TB'}]]);
	t.regex(text, /^LIMIT +NOW +ASKED FOR$/m);
	t.regex(text, /^up +any +1 MiB\/s +not allowed there: on its machine, pjas-daemon set remote-limits on$/m);
	t.regex(text, /^down +2 MiB\/s$/m);
	t.deepEqual((await run(['limits', 'attic'], {'take-back': true})).asked, [['no limits', id]]);
	const {asked: none, text: old} = await run(['limits', 'attic']);
	t.deepEqual(none, []);
	t.is(old, 'attic does not tell its limits: it is of an older version\n');
	await t.throwsAsync(run(['limits', 'attic'], {up: 'fast'}), {message: /--up is "fast"\. Allowed: 0 for any/});
	await t.throwsAsync(run(['limits', 'attic'], {up: '0', 'take-back': true}), {message: /--up is not for/});
	await t.throwsAsync(run(['limits', 'attic'], {up: '0', 'read-only': true}), {message: /--read-only refuses that/});
	await t.throwsAsync(run(['drain', 'attic'], {up: '0'}), {message: /--up is not for nodes drain/});
});

test('what is changed is not with --read-only, and flags of other actions are refused', async t => {
	for (const word of ['drain', 'leave', 'cancel-drain', 'maintenance']) {
		await t.throwsAsync(run([word, 'attic'], {'read-only': true}), {message: /--read-only refuses that/});
		await t.throwsAsync(run([word]), {message: /Say which one/});
	}

	t.is((await run(['safe-to-stop', 'attic'], {'read-only': true})).code, 1);
	await t.throwsAsync(run(['leave', 'attic'], {leave: true}), {message: /--leave is not for nodes leave/});
	await t.throwsAsync(run(['maintenance', 'attic'], {end: true, for: '1h'}), {message: /--for is not for/});
	await t.throwsAsync(run(['ban', 'attic'], {end: true}), {message: /--end is not for nodes ban/});
	await t.throwsAsync(run([], {end: true}), {message: /--end is not for nodes list/});
});
