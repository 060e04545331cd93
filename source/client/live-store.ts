export type Store<State> = {
	get: () => State;
	/** The state is another one: it is built when it is looked at, and told to the listeners once in this turn. */
	changed: () => void;
	subscribe: (listener: () => void) => () => void;
	/** Tells nobody any more. */
	stop: () => void;
};

/** Snapshots of something that changes often and is looked at seldom. */
export const createStore = <State>(build: () => State): Store<State> => {
	const listeners = new Set<() => void>();
	let state = build();
	let isOld = false;
	let telling: NodeJS.Immediate | undefined;

	const tell = () => {
		telling = undefined;
		for (const listener of [...listeners]) listener();
	};

	return {
		get() {
			if (isOld) state = build();
			isOld = false;
			return state;
		},
		changed() {
			isOld = true;
			telling ??= setImmediate(tell);
		},
		subscribe(listener) {
			// Each subscription is one of its own, also of a function that listens already.
			const own = () => listener();
			listeners.add(own);
			return () => listeners.delete(own);
		},
		stop() {
			listeners.clear();
			if (telling) clearImmediate(telling);
		},
	};
};
