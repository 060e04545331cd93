import {randomBytes} from 'node:crypto';
import {createApi} from './client/api.js';
import {systemClock} from './client/clock.js';
import {uploadNotesFolder} from './client/credentials.js';
import {createKeyringSession} from './client/keyring-session.js';
import {createLive} from './client/live.js';
import {openedApi, sealedUploads} from './client/opened-api.js';
import {watchToken} from './client/token-watch.js';
import {createController} from './console/controller.js';
import {connectionStatus, headFigures, whoPieces, whoSaid} from './console/status.js';
import type {Action, Area, Console, Head, Place, ScreenId} from './console/view.js';
import {type FrontOptions, frontParts, openFront} from './console-front.js';
import {ask} from './doctor/ask.js';
import {createQuit} from './dialogs/confirm.js';
import {createHelp} from './dialogs/help.js';
import {createPalette, networkPlaces} from './dialogs/palette.js';
import {createPicker} from './dialogs/picker.js';
import {createActivityScreen} from './screens/activity.js';
import {createFilesScreen} from './screens/files.js';
import {createHealingScreen} from './screens/healing.js';
import {createNetworkDoctor} from './screens/network-doctor.js';
import {createNodesScreen} from './screens/nodes.js';
import {createOverviewScreen} from './screens/overview.js';
import {createPeopleScreen} from './screens/people.js';
import {createRefusedView, isRefused} from './screens/refused.js';
import {networkTabs} from './screens/tabs.js';
import {createTransfersScreen} from './screens/transfers.js';
import {createTransfers} from './transfers/queue.js';
import {createUploadNotes} from './transfers/upload-notes.js';
import {packageVersion} from './version.js';

export type ConsoleOptions = FrontOptions & {
	url: string;
	token: string | undefined;
	/** The token that is kept by now. */
	readToken: () => Promise<string | undefined>;
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

const headOf = (console: Console, area: Area): Head => {
	const state = console.live.get();
	return {
		url: console.api.url,
		who: whoPieces(state),
		whoSaid: whoSaid(state),
		connection: connectionStatus(state, console.clock.now()),
		figures: headFigures(state, area, console.theme),
		badges: badgesOf(console),
	};
};

const everywhere = (console: Console): readonly Action[] => [
	{
		id: 'doctor',
		run: () => console.open(createNetworkDoctor(console, {ask, version: packageVersion()})),
	},
	{
		id: 'upload',
		run: () => console.open(createPicker(console)),
		problem: () => (isRefused(console) ? `Sign in first: pjas-tui login ${console.api.url}` : undefined),
	},
	{
		id: 'retry',
		run: () => console.live.retryNow(),
		problem: () => (console.live.get().connection.state === 'live' ? 'It is connected' : undefined),
	},
];

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
	const {url, environment, folders} = options;
	const front = openFront(options);
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

		const controller = createController<Place, Console>({
			parts: {
				...frontParts(front, options, notice => controller.console.notice(notice)),
				...{api, live, transfers, keyring, folders},
			},
			tabs: networkTabs,
			screens,
			everywhere,
			cover: console => ({view: createRefusedView(console), isNeeded: () => isRefused(console)}),
			dialogs: {
				help: createHelp,
				palette: (console, ...about) => createPalette(console, ...about, () => networkPlaces(console)),
				quit: (console, leave) => (transfers.isBusy() ? createQuit(console, leave) : undefined),
			},
			head: headOf,
			ticking: () => ({isStale: () => live.get().connection.state === 'stale', subscribe: live.subscribe}),
			watched: () => [transfers.subscribe],
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
