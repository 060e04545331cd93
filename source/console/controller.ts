import type {ReactElement} from 'react';
import {chordOf, type KeyEvent} from '../terminal/key.js';
import {type ActionId, bindingOf} from './keymap.js';
import {createNoticeboard, createRunner} from './noticeboard.js';
import {createStacks, type Stacks} from './stacks.js';
import {createTeller} from './teller.js';
import {keepTicking} from './ticking.js';
import {
	type Action,
	type Area,
	type Console,
	type Description,
	type Notice,
	type ScreenId,
	screenIds,
	type View,
} from './view.js';

export type ControllerOptions = {
	/** All of a console that is not the controller's own doing. */
	parts: Omit<Console, 'changed' | 'go' | 'open' | 'close' | 'notice' | 'run'>;
	screens: Record<ScreenId, (console: Console) => View>;
	/** Made with the console when they are asked for. */
	dialogs: {
		help: (console: Console, about: View, everywhere: readonly Action[]) => View;
		palette: (console: Console, about: View, everywhere: readonly Action[], history: string[]) => View;
		quit: (console: Console, quit: () => void) => View;
		upload: (console: Console) => View;
	};
	/** What is seen in place of every screen while the coordinator refuses whoever looks. */
	refused: (console: Console) => View;
	suspend: () => void;
	redraw: () => void;
	quit: () => void;
};

/** What is on the screen now. */
export type Shown = {
	screen: ScreenId;
	view: View;
	notice: Notice | undefined;
	/** What the bottom line may name. */
	actions: readonly Action[];
	everywhere: readonly Action[];
	isTyping: boolean;
};

export type Controller = {
	console: Console;
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
const everywhereActions = (
	options: ControllerOptions,
	console: Console,
	stacks: Stacks,
	top: () => View,
	shownActions: () => readonly Action[],
): readonly Action[] => {
	const {dialogs, parts} = options;
	const history: string[] = [];
	const goBy = (step: number) => {
		const index = (screenIds.indexOf(stacks.current()) + step + screenIds.length) % screenIds.length;
		console.go({screen: screenIds[index] ?? 'overview'});
	};

	const quit = () => {
		if (parts.transfers.isBusy()) console.open(dialogs.quit(console, options.quit));
		else options.quit();
	};

	const back = () => {
		if (stacks.top().back?.() === true || stacks.isRoot()) return;
		console.close(stacks.top());
	};

	return [
		...screenIds.map(id => ({id: `screen.${id}` as const, run: () => console.go({screen: id})})),
		{id: 'screen.next', run: () => goBy(1)},
		{id: 'screen.previous', run: () => goBy(-1)},
		{id: 'palette', run: () => console.open(dialogs.palette(console, top(), shownActions(), history))},
		{id: 'help', run: () => console.open(dialogs.help(console, top(), shownActions()))},
		{
			id: 'upload',
			run: () => console.open(dialogs.upload(console)),
			problem: () =>
				parts.live.get().connection.state === 'refused' ? `Sign in first: pjas-tui login ${parts.api.url}` : undefined,
		},
		{id: 'back', run: back},
		{
			id: 'retry',
			run: () => parts.live.retryNow(),
			problem: () => (parts.live.get().connection.state === 'live' ? 'It is connected' : undefined),
		},
		{id: 'redraw', run: options.redraw},
		{id: 'suspend', run: options.suspend},
		{id: 'quit', run: quit},
	];
};

/** Only these work while a dialog waits for its answer. */
const alwaysAllowed: readonly ActionId[] = ['back', 'redraw', 'suspend', 'quit', 'help'];

/** Which screen is seen, what is on top of it, and what a key does there. */
export const createController = (options: ControllerOptions): Controller => {
	const {parts} = options;
	const teller = createTeller();
	const notices = createNoticeboard(parts.clock, teller.tell);
	const console: Console = {
		...parts,
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
	const allowed = (actions: readonly Action[]) =>
		parts.isReadOnly ? actions.filter(({id}) => !isChange(id)) : actions;
	const stacks = createStacks(console, options.screens);
	const refused = options.refused(console);
	/** What is seen. Dialogs, which wait for an answer, and the help stay what they are. */
	const top = (): View => {
		const view = stacks.top();
		const isCovered = parts.live.get().connection.state === 'refused' && !view.isModal && !view.isAside;
		return isCovered ? refused : view;
	};

	const everywhere = everywhereActions(options, console, stacks, top, () => everywhereHere());
	const everywhereHere = () =>
		allowed(everywhere).filter(({id}) => stacks.top().isModal !== true || alwaysAllowed.includes(id));
	const stopTicking = keepTicking(parts.live, parts.clock, teller.tell);
	const stopWatching = [parts.transfers.subscribe(teller.tell), parts.live.subscribe(teller.tell)];

	const boundTo = (actions: readonly Action[], chord: string) =>
		actions.find(({id}) => bindingOf(id).keys.includes(chord));

	const refuseChange = (chord: string) => {
		const refused = parts.isReadOnly && boundTo([...top().actions(), ...everywhere], chord);
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
