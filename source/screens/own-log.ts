import type {MemberConsole, View} from '../console/view.js';
import {createLogScreen} from './log-screen.js';
import {waitingForNode} from './own-waiting.js';

const none: readonly never[] = [];

/** What the own node said since it runs, live. */
export const createOwnLogScreen = (console: MemberConsole): View =>
	createLogScreen(console, {
		title: 'Log',
		history: {
			get: () => console.node.get().log ?? none,
			fetchOlder: () => undefined,
			retry: () => undefined,
			isComplete: () => false,
			problem: () => undefined,
		},
		isLive: () => console.node.get().connection.state === 'live',
		whom: 'the node',
		waiting: () => (console.node.get().log ? undefined : waitingForNode(console, 'its log')),
		retry: {id: 'own.retry', run: () => console.node.retryNow()},
	});
