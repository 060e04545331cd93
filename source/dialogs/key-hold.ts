import type {KeyEvent} from '../terminal/key.js';

/** Keys that come while the disk is asked wait for its answer, so that a burst of them works as single ones do. */
export type KeyHold = {
	/** Whether the disk is being asked. */
	isHolding: () => boolean;
	/** Keeps the key for later, where keys wait. Says whether it did. */
	take: (event: KeyEvent) => boolean;
	/** Holds keys until that is done, and then lets them go on. It must not reject. */
	during: (work: () => Promise<void>) => void;
	close: () => void;
};

const MOST_KEYS = 1000;

export const createKeyHold = (key: (event: KeyEvent) => void): KeyHold => {
	const held: KeyEvent[] = [];
	let running = 0;
	let isClosed = false;

	const release = () => {
		while (running === 0 && !isClosed) {
			const event = held.shift();
			if (!event) return;
			key(event);
		}
	};

	return {
		isHolding: () => running > 0,
		take(event) {
			if (running === 0) return false;
			if (held.length < MOST_KEYS) held.push(event);
			return true;
		},
		during(work) {
			running++;
			void work().finally(() => {
				running--;
				release();
			});
		},
		close() {
			isClosed = true;
			held.length = 0;
		},
	};
};
