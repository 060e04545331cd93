export type Teller = {
	tell: () => void;
	/** Returns how to stop it. */
	subscribe: (listener: () => void) => () => void;
};

/** Tells all listeners once a turn of the event loop, however often it is called. */
export const createTeller = (): Teller => {
	const listeners = new Set<() => void>();
	let isTelling = false;
	return {
		tell() {
			if (isTelling) return;
			isTelling = true;
			setImmediate(() => {
				isTelling = false;
				for (const listener of listeners) listener();
			});
		},
		subscribe(listener: () => void) {
			listeners.add(listener);
			return () => void listeners.delete(listener);
		},
	};
};
