import type {Console, Place, ScreenId, View} from './view.js';
import {screenIds} from './view.js';

export type Stacks = {
	current: () => ScreenId;
	/** What is seen. */
	top: () => View;
	/** Whether nothing was opened on the screen. */
	isRoot: () => boolean;
	push: (view: View) => void;
	/** Takes a view away, and what was opened on it. */
	remove: (view: View) => void;
	go: (place: Place) => void;
	all: () => View[];
};

/** The screens, each with the panes that were opened on it. */
export const createStacks = (console: Console, screens: Record<ScreenId, (console: Console) => View>): Stacks => {
	const stacks = new Map<ScreenId, View[]>(screenIds.map(id => [id, [screens[id](console)]]));
	let current: ScreenId = 'overview';
	const stack = () => stacks.get(current) ?? [];
	const top = (): View => {
		const view = stack().at(-1);
		if (!view) throw new Error(`The screen ${current} has no view`);
		return view;
	};

	const switching = (change: () => void) => {
		const before = top();
		change();
		const after = top();
		if (before === after) return;
		before.hide?.();
		after.show?.();
	};

	return {
		current: () => current,
		top,
		isRoot: () => stack().length === 1,
		push: (view: View) => switching(() => stack().push(view)),
		remove(view: View) {
			switching(() => {
				for (const views of stacks.values()) {
					const index = views.indexOf(view, 1);
					if (index > 0) for (const gone of views.splice(index)) gone.dispose?.();
				}
			});
		},
		go(place: Place) {
			switching(() => {
				current = place.screen;
				const [root, ...panes] = stack();
				if (!root?.goTo || Object.keys(place).length === 1) return;
				for (const pane of panes) pane.dispose?.();
				stack().length = 1;
				root.goTo(place);
			});
		},
		all: () => [...stacks.values()].flat(),
	};
};
