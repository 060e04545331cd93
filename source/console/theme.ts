export const themeNames = ['auto', 'dark', 'light', 'ascii'] as const;
export type ThemeName = (typeof themeNames)[number];

/** One of the terminal's own sixteen colours, or none: they suit whoever chose them. */
export type Color = 'red' | 'green' | 'yellow' | 'blue' | 'magenta' | 'cyan' | 'white' | 'gray' | undefined;

export type Tone = 'plain' | 'muted' | 'accent' | 'ok' | 'warn' | 'bad';

/** Colours by what they mean, and the characters that pictures are made of. State is never told by colour alone. */
export type Theme = {
	colors: Readonly<Record<Tone, Color>>;
	/** Whether only ASCII may be painted. */
	isAscii: boolean;
	border: 'round' | 'classic';
	glyphs: {
		pointer: string;
		marked: string;
		ascending: string;
		descending: string;
		ellipsis: string;
		dot: string;
		/** Eight steps of a graph's column, lowest first. */
		columns: readonly string[];
		barFull: string;
		barEmpty: string;
		up: string;
		down: string;
		scrollThumb: string;
		scrollTrack: string;
	};
};

const unicode: Theme['glyphs'] = {
	pointer: '▸',
	marked: '●',
	ascending: '↑',
	descending: '↓',
	ellipsis: '…',
	dot: '·',
	columns: ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
	barFull: '█',
	barEmpty: '░',
	up: '↑',
	down: '↓',
	scrollThumb: '┃',
	scrollTrack: '│',
};

const ascii: Theme['glyphs'] = {
	pointer: '>',
	marked: '*',
	ascending: '^',
	descending: 'v',
	ellipsis: '~',
	dot: '-',
	columns: ['_', '.', ':', '-', '=', '+', '*', '#'],
	barFull: '#',
	barEmpty: '.',
	up: '^',
	down: 'v',
	scrollThumb: '#',
	scrollTrack: '|',
};

const dark: Theme['colors'] = {
	plain: undefined,
	muted: 'gray',
	accent: 'cyan',
	ok: 'green',
	warn: 'yellow',
	bad: 'red',
};

// Yellow and cyan can't be read on white.
const light: Theme['colors'] = {...dark, accent: 'blue', warn: 'magenta'};

/** Whether the terminal says that its background is light: `COLORFGBG` is `foreground;background`, in colour numbers. */
const isLight = (environment: Record<string, string | undefined>): boolean => {
	const background = Number(environment['COLORFGBG']?.split(';').at(-1) ?? Number.NaN);
	return background === 7 || background === 15;
};

const speaksUtf8 = (environment: Record<string, string | undefined>): boolean => {
	const locale = [environment['LC_ALL'], environment['LC_CTYPE'], environment['LANG']].find(Boolean);
	return environment['TERM'] !== 'linux' && (locale === undefined || /utf-?8/i.test(locale));
};

/** The theme of that name; `auto` asks the environment what the terminal is. */
export const createTheme = (name: ThemeName, environment: Record<string, string | undefined>): Theme => {
	const isAscii = name === 'ascii' || (name === 'auto' && !speaksUtf8(environment));
	const colors = name === 'light' || (name !== 'dark' && isLight(environment)) ? light : dark;
	return {colors, isAscii, border: isAscii ? 'classic' : 'round', glyphs: isAscii ? ascii : unicode};
};
