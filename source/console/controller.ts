import type {ReactElement} from 'react';
import {chordOf, type KeyEvent} from '../terminal/key.js';
import {type ActionId, bindingOf} from './keymap.js';
import {createNoticeboard, createRunner} from './noticeboard.js';
import {createStacks, type Stacks} from './stacks.js';
import {createTeller} from './teller.js';
import {keepTicking, type Ticking} from './ticking.js';
import type {Action, Area, BaseConsole, Description, Head, Notice, Tab, View} from './view.js';

type Made = 'changed' | 'go' | 'open' | 'close' | 'notice' | 'run';

/** A console whose screens are gone to in this way. */
type Going<Where> = BaseConsole & {go: (place: Where) => void};

export type ControllerOptions<Where extends {screen: string}, Own extends Going<Where>> = {
	/** All of a console that is not the controller's own doing. */
	parts: Omit<Own, Made>;
	/** The screens, in order. */
	tabs: readonly Tab<Where['screen']>[];
	screens: Record<Where['screen'], (console: Own) => View>;
	/** What can be done on every screen, besides what every console can. */
	everywhere: (console: Own) => readonly Action[];
	/** Made with the console when they are asked for. */
	dialogs: {
		help: (console: Own, about: View, everywhere: readonly Action[]) => View;
		palette: (console: Own, about: View, everywhere: readonly Action[], history: string[]) => View;
		/** What must be answered before it quits; nothing where it may. */
		quit: (console: Own, quit: () => void) => View | undefined;
	};
	/** What is seen in place of every screen while it is needed. */
	cover: (console: Own) => {view: View; isNeeded: () => boolean};
	head: (console: Own, area: Area) => Head;
	/** What the head counts in seconds, and all else that a console is to be painted anew for. */
	ticking: (console: Own) => Ticking;
	watched?: (console: Own) => readonly Ticking['subscribe'][];
	suspend: () => void;
	redraw: () => void;
	quit: () => void;
};

/** What is on the screen now. */
export type Shown = {
	screen: string;
	view: View;
	notice: Notice | undefined;
	/** What the bottom line may name. */
	actions: readonly Action[];
	everywhere: readonly Action[];
	isTyping: boolean;
};

export type Controller<Own extends BaseConsole = BaseConsole> = {
	console: Own;
	tabs: readonly Tab[];
	head: (area: Area) => Head;
	shown: () => Shown;
	key: (event: KeyEvent) => void;
	render: (area: Area) => ReactElement;
	describe: () => Description;
	/** Called after something changed, once for all that changed in one turn. */
	subscribe: (listener: () => void) => () => void;
	close: () => void;
};

const isChange = (id: ActionId) => bindingOf(id).isChange === true;

/** What can be done on every screen. */
const everywhereActions = <Where extends {screen: string}, Own extends Going<Where>>(
	options: ControllerOptions<Where, Own>,
	console: Own,
	stacks: Stacks<Where>,
	top: () => View,
	shownActions: () => readonly Action[],
): readonly Action[] => {
	const {dialogs, tabs} = options;
	const history: string[] = [];
	// Every place may be named by its screen alone.
	const goTo = (tab: Tab<Where['screen']> | undefined) => tab && console.go({screen: tab.id} as Where);
	const goBy = (step: number) => {
		const index = tabs.findIndex(({id}) => id === stacks.current());
		goTo(tabs[(index + step + tabs.length) % tabs.length]);
	};

	const quit = () => {
		const question = dialogs.quit(console, options.quit);
		if (question) console.open(question);
		else options.quit();
	};

	const back = () => {
		if (stacks.top().back?.() === true || stacks.isRoot()) return;
		console.close(stacks.top());
	};

	return [
		...tabs.map(tab => ({id: tab.action, run: () => goTo(tab)})),
		{id: 'screen.next', run: () => goBy(1)},
		{id: 'screen.previous', run: () => goBy(-1)},
		{id: 'palette', run: () => console.open(dialogs.palette(console, top(), shownActions(), history))},
		{id: 'help', run: () => console.open(dialogs.help(console, top(), shownActions()))},
		...options.everywhere(console),
		{id: 'back', run: back},
		{id: 'redraw', run: options.redraw},
		{id: 'suspend', run: options.suspend},
		{id: 'quit', run: quit},
	];
};

/** Only these work while a dialog waits for its answer. */
const alwaysAllowed: readonly ActionId[] = ['back', 'redraw', 'suspend', 'quit', 'help'];

/** Which screen is seen, what is on top of it, and what a key does there. */
export const createController = <Where extends {screen: string}, Own extends Going<Where>>(
	options: ControllerOptions<Where, Own>,
): Controller<Own> => {
	const {tabs, screens} = options;
	const teller = createTeller();
	// Of what a console has, these are all its own.
	const {clock, isReadOnly} = options.parts as Pick<BaseConsole, 'clock' | 'isReadOnly'>;
	const notices = createNoticeboard(clock, teller.tell);
	const made: Pick<Going<Where>, Made> = {
		changed: teller.tell,
		notice: notices.put,
		run: createRunner(notices.put),
		go(place) {
			stacks.go(place);
			teller.tell();
		},
		open(view) {
			stacks.push(view);
			teller.tell();
		},
		close(view) {
			stacks.remove(view);
			teller.tell();
		},
	};
	const console = {...options.parts, ...made} as unknown as Own;
	const allowed = (actions: readonly Action[]) => (isReadOnly ? actions.filter(({id}) => !isChange(id)) : actions);
	const stacks = createStacks<Where>(tabs.map(({id}: Tab<Where['screen']>) => [id, screens[id](console)] as const));
	const cover = options.cover(console);
	/** What is seen. Dialogs, which wait for an answer, and the help stay what they are. */
	const top = (): View => {
		const view = stacks.top();
		return cover.isNeeded() && !view.isModal && !view.isAside ? cover.view : view;
	};

	const everywhere: readonly Action[] = everywhereActions(options, console, stacks, top, () => everywhereHere());
	const everywhereHere = (): readonly Action[] =>
		allowed(everywhere).filter(({id}) => stacks.top().isModal !== true || alwaysAllowed.includes(id));
	const ticking = options.ticking(console);
	const stopTicking = keepTicking(ticking, clock, teller.tell);
	const watched = [ticking.subscribe, ...(options.watched?.(console) ?? [])];
	const stopWatching = watched.map(subscribe => subscribe(teller.tell));

	const boundTo = (actions: readonly Action[], chord: string) =>
		actions.find(({id}) => bindingOf(id).keys.includes(chord));

	const refuseChange = (chord: string) => {
		const refused = isReadOnly && boundTo([...top().actions(), ...everywhere], chord);
		if (refused) notices.put({tone: 'warn', text: `Not with --read-only: ${bindingOf(refused.id).help}`});
	};

	const key = (event: KeyEvent) => {
		notices.clear();
		teller.tell();
		const view = top();
		const chord = chordOf(event);
		if (view.isTyping?.() === true && view.key?.(event) === true) return;
		const isText = view.isTyping?.() === true && event.text !== '' && !event.ctrl && !event.alt;
		if (isText) return;
		const action = boundTo(allowed(view.actions()), chord);
		if (action) console.run(action);
		else if (view.key?.(event) === true) return;
		else {
			const global = boundTo(everywhereHere(), chord);
			if (global) console.run(global);
			else refuseChange(chord);
		}
	};

	/** What the view's keys do. While a filter is written they do nothing but write; a dialog with a field knows which it leaves free. */
	const actionsHere = (): readonly Action[] => {
		const view = top();
		const isFiltering = view.isTyping?.() === true && view.isModal !== true;
		return [
			...(isFiltering ? [] : allowed(view.actions())),
			...(stacks.isRoot() && !isFiltering ? [] : everywhere.filter(({id}) => id === 'back')),
		];
	};

	stacks.top().show?.();
	return {
		console,
		tabs,
		head: area => options.head(console, area),
		shown: () => ({
			screen: stacks.current(),
			view: top(),
			notice: notices.get(),
			actions: actionsHere(),
			everywhere: everywhereHere(),
			isTyping: top().isTyping?.() === true,
		}),
		key,
		render: area => top().render(area),
		describe: () => top().describe(),
		subscribe: teller.subscribe,
		close() {
			stopTicking();
			for (const stop of stopWatching) stop();
			notices.clear();
			for (const view of stacks.all()) view.dispose?.();
		},
	};
};
