import type {MemberConsole, View} from '../console/view.js';
import {createInPlace} from './in-place.js';
import {sentence, waitingFor} from './waiting.js';

/** What is said in place of what the own node has not told yet. */
export const waitingForNode = ({node}: Pick<MemberConsole, 'node'>, what: string): string[] =>
	waitingFor(node.get().connection, 'the node', what);

/** What stands in place of every screen while the own node was never reached: why, and how it is started. */
export const createAwayView = (console: MemberConsole): View =>
	createInPlace(console, {
		title: () => 'The node does not answer',
		texts() {
			const {connection} = console.node.get();
			const why = connection.state === 'stale' ? sentence(connection.error) : '';
			const goesOn = 'The console goes on by itself once it runs.';
			if (/^https?:/i.test(console.place)) return [why, goesOn];
			return [
				why,
				'A node is started, in another terminal, with the words that it was joined with:',
				{command: 'pjas-daemon --role node FOLDER --coordinator URL/api'},
				`${goesOn} pjas-daemon doctor --role node FOLDER says why one does not start.`,
			];
		},
	});

export const isAway = ({node}: Pick<MemberConsole, 'node'>): boolean => {
	const {connection, status} = node.get();
	return connection.state === 'stale' && status === undefined;
};
