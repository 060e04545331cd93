import {type ReactNode, useSyncExternalStore} from 'react';
import {render} from 'ink';
import {systemClock} from './client/clock.js';
import {Frame, FRAME_ROWS, MINIMUM, TooSmall} from './components/frame.js';
import type {Controller} from './console/controller.js';
import {createSpokenFront} from './console/spoken.js';
import {createTheme, type ThemeName} from './console/theme.js';
import type {Area, BaseConsole} from './console/view.js';
import type {Host} from './terminal/ending.js';
import {openTerminal, type Terminal} from './terminal/terminal.js';

/** What every console is started with. */
export type FrontOptions = {
	isReadOnly: boolean;
	isScreenReader: boolean;
	theme: ThemeName;
	environment: Record<string, string | undefined>;
};

/** The whole picture, for a terminal of that size. */
const Picture = ({controller, area}: {controller: Controller; area: Area}): ReactNode => {
	const {theme, isReadOnly} = controller.console;
	if (area.columns < MINIMUM.columns || area.rows < MINIMUM.rows) return <TooSmall area={area} theme={theme} />;
	const {screen, notice, actions, everywhere, isTyping} = controller.shown();
	return (
		<Frame
			area={area}
			theme={theme}
			head={controller.head(area)}
			isReadOnly={isReadOnly}
			tabs={controller.tabs}
			screen={screen}
			notice={notice}
			actions={actions}
			everywhere={everywhere}
			isTyping={isTyping}
		>
			{controller.render({columns: area.columns, rows: area.rows - FRAME_ROWS})}
		</Frame>
	);
};

/** Paints once for all that changed in a turn of the event loop. */
const createRoot = (controller: Controller, size: () => Area) => {
	let frame = 0;
	const subscribe = (listener: () => void) =>
		controller.subscribe(() => {
			frame++;
			listener();
		});
	return function Root(): ReactNode {
		useSyncExternalStore(subscribe, () => frame);
		return <Picture controller={controller} area={size()} />;
	};
};

/** Where a console is seen, or heard. */
export type Front = Pick<Terminal, 'size' | 'copy' | 'suspend' | 'redraw' | 'onKey'> & {
	/** Shows what the controller has, and what changes of it. */
	show: (controller: Controller) => void;
	end: () => Promise<void>;
};

// Node's types know each of its events by itself.
const host = process as unknown as Host;

const paintedFront = ({environment}: FrontOptions): Front => {
	const {stdin: input, stdout: output} = process;
	const terminal = openTerminal({input, output, environment, clock: systemClock, host, title: 'PJAS'});
	let unmount = () => {};
	return {
		...terminal,
		show(controller) {
			const Root = createRoot(controller, terminal.size);
			const instance = render(<Root />, {
				stdout: terminal.surface.stdout,
				debug: true,
				patchConsole: false,
				exitOnCtrlC: false,
			});
			unmount = instance.unmount;
			terminal.onResize(controller.console.changed);
		},
		async end() {
			await terminal.end();
			unmount();
		},
	};
};

/** The terminal that this process has. */
export const openFront = (options: FrontOptions): Front =>
	options.isScreenReader
		? createSpokenFront({input: process.stdin, output: process.stdout, clock: systemClock})
		: paintedFront(options);

/** What a console has of its terminal. */
export const frontParts = (
	front: Front,
	{isReadOnly, theme, environment}: FrontOptions,
	notice: BaseConsole['notice'],
): Pick<BaseConsole, 'clock' | 'theme' | 'isReadOnly' | 'size' | 'copy'> => ({
	clock: systemClock,
	theme: createTheme(theme, environment),
	isReadOnly,
	size: front.size,
	copy(text) {
		const isCopied = front.copy(text);
		notice(isCopied ? {tone: 'ok', text: `copied ${text}`} : {tone: 'warn', text: 'That is too long for a clipboard'});
	},
});
