import type {Console, View} from '../console/view.js';
import {createHistory} from './activity-history.js';
import {createLogScreen} from './log-screen.js';
import {waiting} from './waiting.js';

/** What happened in the network: live, or back to the oldest entry that the coordinator keeps. */
export const createActivityScreen = (console: Console): View =>
	createLogScreen(console, {
		title: 'Activity',
		history: createHistory(console),
		isLive: () => console.live.get().connection.state === 'live',
		whom: 'the coordinator',
		waiting: () => (console.live.get().log ? undefined : waiting(console, 'its log')),
		open(entry) {
			if (entry.file_id !== undefined) console.go({screen: 'files', file: entry.file_id});
			else if (entry.node_id !== undefined) console.go({screen: 'nodes', node: entry.node_id});
			else console.notice({tone: 'info', text: entry.message});
		},
		retry: {id: 'retry', run: () => console.live.retryNow()},
	});
