import type {Clock} from './clock.js';
import type {Live} from './live-state.js';

export type TokenWatchOptions = {
	live: Pick<Live, 'get' | 'subscribe' | 'retryNow'>;
	clock: Pick<Clock, 'timer'>;
	token: string | undefined;
	/** The token that is kept now. */
	read: () => Promise<string | undefined>;
};

export type TokenWatch = {token: () => string | undefined; stop: () => void};

const LOOK_EVERY_MS = 2_000;

/** While the coordinator refuses the token, looks whether another was kept meanwhile: by `pjas-tui login` in another terminal. */
export const watchToken = ({live, clock, token: first, read}: TokenWatchOptions): TokenWatch => {
	let token = first;
	let cancel: (() => void) | undefined;
	const isRefused = () => live.get().connection.state === 'refused';

	const look = async () => {
		// One that can't be read is none, until it can.
		const kept = await read().catch(() => undefined);
		if (cancel === undefined) return;
		cancel = undefined;
		if (kept !== undefined && kept !== token) {
			token = kept;
			live.retryNow();
		}

		wait();
	};

	const wait = () => {
		if (isRefused()) cancel ??= clock.timer(LOOK_EVERY_MS, () => void look());
	};

	const unsubscribe = live.subscribe(wait);
	return {
		token: () => token,
		stop() {
			unsubscribe();
			cancel?.();
			cancel = undefined;
		},
	};
};
