import type {ReactElement} from 'react';
import type {Api} from '../client/api.js';
import type {MemberLive} from '../client/member-live.js';
import type {KeyringSession} from '../client/keyring-session.js';
import type {Live} from '../client/live-state.js';
import type {KeyEvent} from '../terminal/key.js';
import type {Transfers} from '../transfers/transfer.js';
import type {ActionId} from './keymap.js';
import type {Piece} from './table.js';
import type {Theme, Tone} from './theme.js';

export type ScreenId = 'overview' | 'nodes' | 'files' | 'transfers' | 'activity' | 'people' | 'healing';

export type Area = {columns: number; rows: number};

/** What an operator can do, here and now. Its keys, its name and its help stand in the keymap. */
export type Action = {
	id: ActionId;
	/** Why it can't be done now, in words; `undefined` where it can. It is then shown as a notice when tried. */
	problem?: () => string | undefined;
	/** What it throws or rejects with becomes a notice. */
	run: () => void | Promise<void>;
};

/** What a screen reader is told: the place, what is chosen there, and what it says besides. */
export type Description = {title: string; selection?: string; lines?: readonly string[]};

/**
A screen, a pane of details or a dialog. Its state lives in its closure and changes at once with each key, so that a burst
of keys works as single ones do; React only paints. Whoever changes state says `console.changed()`.
*/
export type View = {
	/** The line above it. */
	title: () => string;
	/** What can be done here, the most useful first: those stand in the bottom line. What is possible everywhere is added. */
	actions: () => readonly Action[];
	/** Whether a field takes what is typed: keys then go to `key` before any binding. */
	isTyping?: () => boolean;
	/** A key that no binding took (or any key, while typing). Says whether it was used. */
	key?: (event: KeyEvent) => boolean;
	/** Paints itself into exactly this area. */
	render: (area: Area) => ReactElement;
	describe: () => Description;
	/** Esc: takes the filter or the marks away, say. Says whether there was something to take away; if not, the view is closed. */
	back?: () => boolean;
	/** What signs and codes mean that it shows, a line each: the help has it. */
	legend?: () => readonly string[];
	/** Whether it is about another view and is seen whoever is signed in. */
	isAside?: boolean;
	/** Whether it must be answered first: then no other screen can be gone to. */
	isModal?: boolean;
	/** Goes to what was asked for by `console.go`; called before `show`. */
	goTo?: (place: Place) => void;
	/** Called when it becomes the one that is seen, and when it is no longer. */
	show?: () => void;
	hide?: () => void;
	/** Called once, when it is closed for good. */
	dispose?: () => void;
};

export type Notice = {tone: 'info' | 'ok' | 'warn' | 'bad'; text: string};

export type Clock = {now: () => number; timer: (afterMs: number, run: () => void) => () => void};

/** Where to go to: a screen, and what to choose there. */
export type Place =
	| {screen: 'overview' | 'transfers' | 'activity' | 'people' | 'healing'}
	| {screen: 'nodes'; node?: string; filter?: string}
	| {screen: 'files'; file?: string; filter?: string};

/** A screen, as the head of its console names it. */
export type Tab<Id extends string = string> = {
	id: Id;
	/** What goes there. */
	action: ActionId;
	title: string;
	/** For where there is no room for that, and for where there is none for this either. */
	short?: string;
	shortest?: string;
};

/** What stands above every screen. */
export type Head = {
	/** What the console is of. */
	url: string;
	/** Who is signed in, or whose console it is; and the same as a screen reader says it, or nothing. */
	who: readonly Piece[];
	whoSaid: string;
	/** How the console stands to what it is of, in a few words. */
	connection: {text: string; tone: Tone};
	/** What is said at the right. */
	figures: readonly Piece[];
	/** What stands behind a screen's name: how many transfers go on. */
	badges: Readonly<Partial<Record<string, string>>>;
};

/** What a view is made with, whatever its console is of. */
export type BaseConsole = {
	clock: Clock;
	theme: Theme;
	isReadOnly: boolean;
	size: () => Area;
	/** Asks for a new frame. Many calls make one. */
	changed: () => void;
	/** Puts a dialog or a pane of details on top. Esc closes it. */
	open: (view: View) => void;
	close: (view: View) => void;
	/** Does it, or says why not: what it throws becomes a notice. */
	run: (action: Action) => void;
	notice: (notice: Notice) => void;
	/** Puts a text on the operator's clipboard, through the terminal (OSC 52). */
	copy: (text: string) => void;
};

export type MemberScreenId = 'own-node' | 'own-limits' | 'own-log' | 'own-doctor';

/** What the views of a member's console are made with, which is of the own node. */
export type MemberConsole = BaseConsole & {
	node: MemberLive;
	/** Where the node is, as it was said. */
	place: string;
	go: (place: {screen: MemberScreenId}) => void;
};

/** What the views of a network's console are made with. */
export type Console = BaseConsole & {
	api: Api;
	live: Live;
	transfers: Transfers;
	/** What opens files that are sealed end to end. */
	keyring: KeyringSession;
	/** The user's home and the folder it was started in. */
	folders: {home: string; working: string};
	go: (place: Place) => void;
};
