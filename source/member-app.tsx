import {systemClock} from './client/clock.js';
import {createMemberApi} from './client/member.js';
import {createMemberLive} from './client/member-live.js';
import {createController} from './console/controller.js';
import {connectionStatus} from './console/status.js';
import type {Piece} from './console/table.js';
import type {Action, Area, Head, MemberConsole, MemberScreenId} from './console/view.js';
import {type FrontOptions, frontParts, openFront} from './console-front.js';
import {createHelp} from './dialogs/help.js';
import {createPalette} from './dialogs/palette.js';
import {memberTargetOf} from './member-socket.js';
import {createOwnDoctorScreen} from './screens/own-doctor.js';
import {ownState, usedShareOf} from './screens/own-facts.js';
import {createOwnLimitsScreen} from './screens/own-limits.js';
import {createOwnLogScreen} from './screens/own-log.js';
import {createOwnNodeScreen} from './screens/own-node.js';
import {createAwayView, isAway} from './screens/own-waiting.js';
import {memberTabs} from './screens/tabs.js';

export type MemberConsoleOptions = FrontOptions & {
	/** Where the node is: its folder, its socket, or the URL of one that was forwarded. */
	place: string;
};

const ROOM_FOR_FIGURES = 80;

const screens = {
	'own-node': createOwnNodeScreen,
	'own-limits': createOwnLimitsScreen,
	'own-log': createOwnLogScreen,
	'own-doctor': createOwnDoctorScreen,
};

/** How many checks found something wrong, behind the doctor's name. */
const badgesOf = ({node}: MemberConsole): Head['badges'] => {
	const wrong = node.get().examination?.findings.filter(({outcome}) => outcome === 'wrong').length ?? 0;
	return wrong === 0 ? {} : {'own-doctor': `(${wrong})`};
};

const headOf = (console: MemberConsole, {columns}: Area): Head => {
	const state = console.node.get();
	const {status} = state;
	const dot: Piece = {text: `  ${console.theme.glyphs.dot}  `, tone: 'muted'};
	return {
		url: console.place,
		who: status ? [{text: status.name, isBold: true}] : [],
		whoSaid: status ? `Node: ${status.name}` : '',
		connection: connectionStatus(state, console.clock.now()),
		figures:
			status && columns >= ROOM_FOR_FIGURES
				? [dot, ownState(status), dot, {text: `used ${Math.round(usedShareOf(status) * 100)}%`}]
				: [],
		badges: badgesOf(console),
	};
};

const everywhere = ({node}: MemberConsole): readonly Action[] => [
	{
		id: 'own.retry',
		run: () => node.retryNow(),
		problem: () => (node.get().connection.state === 'live' ? 'It is connected' : undefined),
	},
];

/**
Runs a member's console of the own node until somebody quits it.

@returns The exit code.
*/
export const runMemberConsole = async (options: MemberConsoleOptions): Promise<number> => {
	const {place} = options;
	const front = openFront(options);
	const node = createMemberLive({connect: () => createMemberApi(memberTargetOf(place)), clock: systemClock});
	return new Promise(resolve => {
		const quit = async () => {
			node.stop();
			controller.close();
			await front.end();
			resolve(0);
		};

		const controller = createController<{screen: MemberScreenId}, MemberConsole>({
			parts: {...frontParts(front, options, notice => controller.console.notice(notice)), node, place},
			tabs: memberTabs,
			screens,
			everywhere,
			cover: console => ({view: createAwayView(console), isNeeded: () => isAway(console)}),
			dialogs: {help: createHelp, palette: createPalette, quit: () => undefined},
			head: headOf,
			ticking: () => ({isStale: () => node.get().connection.state === 'stale', subscribe: node.subscribe}),
			suspend: front.suspend,
			redraw: front.redraw,
			quit: () => void quit(),
		});
		front.onKey(controller.key);
		front.show(controller);
		node.start();
	});
};
