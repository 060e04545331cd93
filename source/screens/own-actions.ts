import type {Action, MemberConsole} from '../console/view.js';
import {createLimitsForm, createOwnLeaveDialog, createStayDialog} from '../dialogs/own-node.js';
import type {MemberStatus} from '../protocol/member-api.js';
import {unreached} from './own-reached.js';
import {createOwnSafeToStop} from './own-safe-to-stop.js';

const withStatus =
	<Result>(console: MemberConsole, run: (status: MemberStatus) => Result) =>
	() => {
		const {status} = console.node.get();
		return status && run(status);
	};

const hasLeft = (console: MemberConsole) =>
	console.node.get().status?.leaving === 'left'
		? 'It has left the network. To have it back, start it with a new code: --join CODE'
		: undefined;

/** What a member does with the own node as a whole. */
export const ownActions = (console: MemberConsole): readonly Action[] => [
	{
		id: 'own.pause',
		problem: () => unreached(console) ?? hasLeft(console),
		run: withStatus(console, async ({paused: wasPaused}) => {
			const {paused} = await console.node.act(async api => api.pause(!wasPaused));
			const text = paused ? 'It is paused: no new shards come, and it is read where no other can be' : 'It goes on';
			console.notice({tone: 'ok', text});
		}),
	},
	{
		id: 'own.limits',
		problem: () => unreached(console),
		run: withStatus(console, status => console.open(createLimitsForm(console, status))),
	},
	{
		id: 'own.safe',
		problem: () => unreached(console) ?? hasLeft(console),
		run: () => console.open(createOwnSafeToStop(console)),
	},
	{
		id: 'own.leave',
		problem: () => unreached(console) ?? hasLeft(console),
		run: withStatus(console, status =>
			console.open(status.leaving === 'no' ? createOwnLeaveDialog(console, status) : createStayDialog(console, status)),
		),
	},
	{
		id: 'list.copy',
		run: withStatus(console, status => console.copy(status.node_id)),
		problem: () => unreached(console),
	},
];
