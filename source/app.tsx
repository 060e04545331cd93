import {randomBytes} from 'node:crypto';
import {type ReactNode, useSyncExternalStore} from 'react';
import {render} from 'ink';
import {createApi} from './client/api.js';
import {systemClock} from './client/clock.js';
import {uploadNotesFolder} from './client/credentials.js';
import {createKeyringSession} from './client/keyring-session.js';
import {createLive} from './client/live.js';
import {openedApi, sealedUploads} from './client/opened-api.js';
import {watchToken} from './client/token-watch.js';
import {Frame, FRAME_ROWS, MINIMUM, TooSmall} from './components/frame.js';
import {type Controller, createController} from './console/controller.js';
import {createSpokenFront} from './console/spoken.js';
import {connectionStatus, headFigures, whoPieces} from './console/status.js';
import {createTheme, type ThemeName} from './console/theme.js';
import type {Area, Console, ScreenId} from './console/view.js';
import {createQuit} from './dialogs/confirm.js';
import {createHelp} from './dialogs/help.js';
import {createPalette} from './dialogs/palette.js';
import {createPicker} from './dialogs/picker.js';
import {createActivityScreen} from './screens/activity.js';
import {createFilesScreen} from './screens/files.js';
import {createHealingScreen} from './screens/healing.js';
import {createNodesScreen} from './screens/nodes.js';
import {createOverviewScreen} from './screens/overview.js';
import {createPeopleScreen} from './screens/people.js';
import {createRefusedView} from './screens/refused.js';
import {createTransfersScreen} from './screens/transfers.js';
import type {Host} from './terminal/ending.js';
import {openTerminal, type Terminal} from './terminal/terminal.js';
import {createTransfers} from './transfers/queue.js';
import {createUploadNotes} from './transfers/upload-notes.js';

export type ConsoleOptions = {
	url: string;
	token: string | undefined;
	/** The token that is kept by now. */
	readToken: () => Promise<string | undefined>;
	isReadOnly: boolean;
	isScreenReader: boolean;
	theme: ThemeName;
	environment: Record<string, string | undefined>;
	folders: Console['folders'];
};

const screens = {
	overview: createOverviewScreen,
	nodes: createNodesScreen,
	files: createFilesScreen,
	transfers: createTransfersScreen,
	activity: createActivityScreen,
	people: createPeopleScreen,
	healing: createHealingScreen,
};

const ongoing = new Set(['queued', 'active', 'waiting', 'paused']);

/** What stands behind the names of the screens. */
const badgesOf = ({transfers}: Console): Partial<Record<ScreenId, string>> => {
	const count = transfers.get().filter(({state}) => ongoing.has(state)).length;
	return count === 0 ? {} : {transfers: `(${count})`};
};

/** The whole picture, for a terminal of that size. */
const Picture = ({controller, area}: {controller: Controller; area: Area}): ReactNode => {
	const {console} = controller;
	const {theme, live} = console;
	if (area.columns < MINIMUM.columns || area.rows < MINIMUM.rows) return <TooSmall area={area} theme={theme} />;
	const state = live.get();
	const {screen, notice, actions, everywhere, isTyping} = controller.shown();
	return (
		<Frame
			area={area}
			theme={theme}
			url={console.api.url}
			who={whoPieces(state)}
			connection={connectionStatus(state, console.clock.now())}
			figures={headFigures(state, area, theme)}
			isReadOnly={console.isReadOnly}
			screen={screen}
			badges={badgesOf(console)}
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

type Front = Pick<Terminal, 'size' | 'copy' | 'suspend' | 'redraw' | 'onKey'> & {
	/** Shows what the controller has, and what changes of it. */
	show: (controller: Controller) => void;
	end: () => Promise<void>;
};

// Node's types know each of its events by itself.
const host = process as unknown as Host;

const paintedFront = ({environment}: ConsoleOptions): Front => {
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

/** How an operation of the network's clients goes on where the connection was gone. */
const wakeTransfers = ({live, transfers}: Console) => {
	let wasLive = live.get().connection.state === 'live';
	return live.subscribe(() => {
		const isLive = live.get().connection.state === 'live';
		if (isLive && !wasLive) transfers.wake?.();
		wasLive = isLive;
	});
};

/** Opens the keyring with the passphrase that the environment gives, where there is one. */
const openGiven = (
	{keyring, live, notice}: Console,
	{PJAS_PASSPHRASE: passphrase = ''}: ConsoleOptions['environment'],
) => {
	if (passphrase === '') return;
	const open = async () => {
		if (!(await keyring.exists())) return;
		await keyring.open(passphrase);
		live.reloadFiles();
	};
	open().catch((error: unknown) => {
		notice({tone: 'warn', text: error instanceof Error ? error.message : String(error)});
	});
};

/**
Runs the console until somebody quits it.

@returns The exit code.
*/
export const runConsole = async (options: ConsoleOptions): Promise<number> => {
	const {url, isReadOnly, isScreenReader, theme, environment, folders} = options;
	const front = isScreenReader
		? createSpokenFront({input: process.stdin, output: process.stdout, clock: systemClock})
		: paintedFront(options);
	const network = createApi(url, {token: () => watch.token()});
	const random = (sizeBytes: number) => new Uint8Array(randomBytes(sizeBytes));
	const keyring = createKeyringSession({api: network, random, now: systemClock.now});
	const api = openedApi(network, keyring);
	const live = createLive({api, clock: systemClock, random: Math.random});
	const watch = watchToken({live, clock: systemClock, token: options.token, read: options.readToken});
	const places = {environment, home: folders.home};
	const notesFor = (kind: string) => createUploadNotes(uploadNotesFolder(places), {url, kind, now: systemClock.now});
	const transfers = createTransfers({
		api,
		notes: {plain: notesFor('plain'), sealed: notesFor('sealed')},
		sealed: sealedUploads(network, keyring, random),
		clock: systemClock,
		random: Math.random,
	});
	return new Promise(resolve => {
		const quit = async () => {
			unwatch();
			watch.stop();
			live.stop();
			controller.close();
			await front.end();
			await transfers.close();
			resolve(0);
		};

		const controller = createController({
			parts: {
				api,
				live,
				transfers,
				keyring,
				clock: systemClock,
				theme: createTheme(theme, environment),
				isReadOnly,
				folders,
				size: front.size,
				copy(text) {
					const isCopied = front.copy(text);
					controller.console.notice(
						isCopied ? {tone: 'ok', text: `copied ${text}`} : {tone: 'warn', text: 'That is too long for a clipboard'},
					);
				},
			},
			screens,
			refused: createRefusedView,
			dialogs: {help: createHelp, palette: createPalette, quit: createQuit, upload: createPicker},
			suspend: front.suspend,
			redraw: front.redraw,
			quit: () => void quit(),
		});
		const unwatch = wakeTransfers(controller.console);
		front.onKey(controller.key);
		front.show(controller);
		live.start();
		openGiven(controller.console, environment);
	});
};
