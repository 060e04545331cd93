import {PjasError} from '../../../source/protocol/errors.js';
import type {FileId} from '../../../source/protocol/ids.js';
import type {Clock} from '../../ports/clock.js';

export type UploadLocks = {
	/**
	Waits until nobody else has this upload. Whoever has it is asked to let go: a client that lost its line comes back
	before we know that the line is lost.

	@param letGo - Called when somebody else wants it.
	@returns Gives it back; to be called once.
	@throws {PjasError} `UPLOAD_LOCKED` where it is not let go of in time.
	*/
	take: (upload: FileId, letGo: () => void) => Promise<() => void>;
	isTaken: (upload: FileId) => boolean;
};

type Holder = {letGo: () => void; gone: Promise<void>};

/** As long as chunks that are on their way may take. */
const LONGEST_WAIT_MS = 20_000;
const RETRY_AFTER_SECONDS = 5;

/** One writer at a time for each unfinished upload. */
export const createUploadLocks = (clock: Pick<Clock, 'timer'>): UploadLocks => {
	const holders = new Map<FileId, Holder>();

	return {
		async take(upload, letGo) {
			let giveUp: () => void = () => undefined;
			const late = new Promise<void>(resolve => (giveUp = resolve)).then(() => true);
			const cancel = clock.timer(LONGEST_WAIT_MS, giveUp);
			try {
				for (let holder = holders.get(upload); holder; holder = holders.get(upload)) {
					holder.letGo();
					const isLate = await Promise.race([holder.gone.then(() => false), late]);
					if (isLate) {
						const problem = 'Another request goes on with this upload, and still writes what it got';
						throw new PjasError('UPLOAD_LOCKED', `${problem}. Try again in a moment`, {
							retryAfterSeconds: RETRY_AFTER_SECONDS,
						});
					}
				}
			} finally {
				cancel();
			}

			let leave: () => void = () => undefined;
			const holder = {letGo, gone: new Promise<void>(resolve => (leave = resolve))};
			holders.set(upload, holder);
			return () => {
				holders.delete(upload);
				leave();
			};
		},
		isTaken: upload => holders.has(upload),
	};
};
