import {Writable} from 'node:stream';
import {stripVTControlCharacters} from 'node:util';
import {Box, render} from 'ink';
import type {ReactElement} from 'react';

import type {Area, View} from '../console/view.js';

/** What Ink makes of an element in a terminal of that size: its last frame, line by line, without colours. */
export const renderLines = (element: ReactElement, {columns, rows}: Area): string[] => {
	let frame = '';
	const stdout = Object.assign(
		new Writable({
			write(chunk: Buffer, _encoding, done) {
				frame = String(chunk);
				done();
			},
		}),
		{columns, rows: rows + 1, isTTY: false},
	) as unknown as NodeJS.WriteStream;
	const instance = render(
		<Box width={columns} height={rows}>
			{element}
		</Box>,
		{stdout, debug: true, patchConsole: false, exitOnCtrlC: false},
	);
	const lines = stripVTControlCharacters(frame).split('\n');
	instance.unmount();
	return lines.map(line => line.trimEnd());
};

export const renderToText = (view: View, area: Area): string => renderLines(view.render(area), area).join('\n');
