import type {Place, View} from './view.js';

export type Stacks<Where extends {screen: string}> = {
	current: () => Where['screen'];
	/** What is seen. */
	top: () => View;
	/** Whether nothing was opened on the screen. */
	isRoot: () => boolean;
	push: (view: View) => void;
	/** Takes a view away, and what was opened on it. */
	remove: (view: View) => void;
	go: (place: Where) => void;
	all: () => View[];
};

/** The screens, each with the panes that were opened on it. The first one is seen first. */
export const createStacks = <Where extends {screen: string}>(
	screens: readonly (readonly [id: Where['screen'], view: View])[],
): Stacks<Where> => {
	const stacks = new Map<Where['screen'], View[]>(screens.map(([id, view]) => [id, [view]]));
	let current: Where['screen'] = screens[0]?.[0] ?? '';
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
		go(place: Where) {
			switching(() => {
				current = place.screen;
				const [root, ...panes] = stack();
				if (!root?.goTo || Object.keys(place).length === 1) return;
				for (const pane of panes) pane.dispose?.();
				stack().length = 1;
				// A screen that goes to places is one of a network's.
				root.goTo(place as unknown as Place);
			});
		},
		all: () => [...stacks.values()].flat(),
	};
};
