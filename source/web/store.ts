import {useSyncExternalStore} from 'react';

/** A value that changes, and who wants to know. */
export type Store<Value> = {
	get: () => Value;
	set: (value: Value) => void;
	subscribe: (listener: () => void) => () => void;
};

export const createStore = <Value>(initial: Value): Store<Value> => {
	let value = initial;
	const listeners = new Set<() => void>();
	return {
		get: () => value,
		set(next) {
			value = next;
			for (const listener of listeners) listener();
		},
		subscribe(listener) {
			listeners.add(listener);
			return () => listeners.delete(listener);
		},
	};
};

export const useStore = <Value>({get, subscribe}: Store<Value>): Value => useSyncExternalStore(subscribe, get);
