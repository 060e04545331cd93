import type {LogEntry} from '../client/api.js';
import type {Line} from '../components/lines.js';
import {timeOfDay} from '../console/age.js';
import {fit} from '../console/table-layout.js';
import type {Theme, Tone} from '../console/theme.js';

export const levelTone: Record<LogEntry['level'], Tone> = {INFO: 'plain', WARN: 'warn', ERROR: 'bad'};

/** An entry of the activity log in one line. */
export const logLine = ({timestamp_ms: at, level, message}: LogEntry, width: number, theme: Theme): Line => ({
	pieces: fit(
		[
			{text: `${timeOfDay(at)}  `, tone: 'muted'},
			{text: level.padEnd(7), tone: levelTone[level], isBold: level === 'ERROR'},
			{text: message},
		],
		width,
		theme.glyphs.ellipsis,
	),
});
