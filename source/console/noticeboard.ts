import type {Action, Clock, Notice} from './view.js';

export type Noticeboard = {get: () => Notice | undefined; clear: () => void; put: (notice: Notice) => void};

const NOTICE_MS = 8_000;

/** A message that goes by itself. */
export const createNoticeboard = (clock: Clock, changed: () => void): Noticeboard => {
	let notice: Notice | undefined;
	let forget = () => {};
	return {
		get: () => notice,
		clear() {
			forget();
			notice = undefined;
		},
		put(next: Notice) {
			forget();
			notice = next;
			forget = clock.timer(NOTICE_MS, () => {
				notice = undefined;
				changed();
			});
			changed();
		},
	};
};

/** Does what an action says, and tells what went wrong. */
export const createRunner = (notice: (notice: Notice) => void) => {
	const fail = (error: unknown) => notice({tone: 'bad', text: error instanceof Error ? error.message : String(error)});
	return (action: Action) => {
		const problem = action.problem?.();
		if (problem !== undefined) {
			notice({tone: 'warn', text: problem});
			return;
		}

		try {
			Promise.resolve(action.run()).catch(fail);
		} catch (error) {
			fail(error);
		}
	};
};
