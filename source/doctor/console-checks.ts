import {AnswerError} from '../client/errors.js';
import type {Connection} from '../client/live-state.js';
import type {Whoami} from '../client/people-contract.js';
import {type Finding, findingsOf} from './finding.js';

/** What a console of a network can be troubled by, besides a coordinator that is not where it should be. */

/** Who the coordinator takes the console for. */
export const checkSignIn = async (url: string, whoami: () => Promise<Whoami>): Promise<Finding> => {
	const {fine, wrong, skipped} = findingsOf('sign-in', 'Asked the coordinator who is signed in here');
	try {
		const {open, name, role, scope} = await whoami();
		if (open) return fine('There are no accounts: whoever reaches this network may do everything');
		return fine(`It is ${name} (${role})${scope === 'full' ? '' : `, with a token that may only ${scope}`}`);
	} catch (error) {
		const text = error instanceof Error ? error.message : String(error);
		const isRefusal = error instanceof AnswerError && (error.code === 'UNAUTHENTICATED' || error.code === 'FORBIDDEN');
		if (!isRefusal) return skipped(text);
		return wrong(text, `Sign in, in another terminal: pjas-tui login ${url}`);
	}
};

/** Whether the coordinator's events come, by which all that is seen is kept up. */
export const checkEvents = (connection: Connection): Finding => {
	const {fine, wrong, skipped} = findingsOf('events', 'Looked whether its events come, which keep up what is seen');
	switch (connection.state) {
		case 'live':
			return fine('They come');
		case 'connecting':
			return skipped('They are being asked for');
		case 'refused':
			return skipped('They are told to nobody who is not signed in');
		case 'stale':
			return wrong(
				connection.error,
				'Look what is between here and the coordinator: a proxy that keeps answers back, or ends long ones. Ctrl-r asks again',
			);
	}
};
