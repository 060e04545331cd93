import type {Console, View} from '../console/view.js';
import {createInPlace} from './in-place.js';
import {sentence} from './waiting.js';

/** Whether the coordinator lets nobody look who is not known to it, or not this one. */
export const isRefused = ({live}: Pick<Console, 'live'>): boolean => live.get().connection.state === 'refused';

/** What stands in place of every screen until somebody has signed in: why, and how that is done. */
export const createRefusedView = (console: Console): View => {
	const isForbidden = () => {
		const {connection} = console.live.get();
		return connection.state === 'refused' && connection.reason === 'FORBIDDEN';
	};

	const title = () => (isForbidden() ? 'Not allowed' : 'Sign in');

	const texts = (): readonly (string | {command: string})[] => {
		const {connection} = console.live.get();
		const why = connection.state === 'refused' ? sentence(connection.error) : '';
		return [
			...(isForbidden()
				? [why, 'Whoever is signed in here may not look at this network. Sign in as somebody who may:']
				: ['This network wants to know who looks at it. Sign in, in another terminal:']),
			{command: `pjas-tui login ${console.api.url}`},
			'The console goes on by itself then. An invitation is taken with pjas-tui accept LINK.',
		];
	};

	return createInPlace(console, {title, texts});
};
