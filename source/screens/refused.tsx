import {Box} from 'ink';
import {type Line, Lines} from '../components/lines.js';
import {insideOf, Panel} from '../components/panel.js';
import {wrap} from '../console/wrap.js';
import type {Console, View} from '../console/view.js';
import {printable} from '../terminal/text.js';
import {sentence} from './waiting.js';

const WIDTH = 76;

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

	return {
		title,
		actions: () => [],
		render(area) {
			const box = {columns: Math.min(area.columns, WIDTH), rows: 0};
			const {columns: width} = insideOf({...box, rows: area.rows});
			const lines = texts().flatMap((text): Line[] =>
				typeof text === 'string'
					? wrap(printable(text), width).map(part => ({pieces: [{text: part}]}))
					: [
							{pieces: [{text: ' '}]},
							{pieces: [{text: `  ${printable(text.command)}`, tone: 'accent', isBold: true}]},
							{pieces: [{text: ' '}]},
						],
			);
			box.rows = Math.min(area.rows, lines.length + 2);
			return (
				<Box width={area.columns} height={area.rows} alignItems="center" justifyContent="center">
					<Panel title={title()} area={box} theme={console.theme} isFocused>
						<Lines theme={console.theme} lines={lines} rows={insideOf(box).rows} />
					</Panel>
				</Box>
			);
		},
		describe: () => ({
			title: title(),
			lines: texts().map(text => (typeof text === 'string' ? text : text.command)),
		}),
	};
};
