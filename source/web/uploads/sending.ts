export type Sending = {
	file: File;
	/** As it is to be called, with the folders before it. */
	name: string;
	/** Whether it is to be sealed end to end. */
	isSealed: boolean;
	/** Told how many bytes have gone out. */
	onSent: (sentBytes: number) => void;
	signal: AbortSignal;
};

/** Sends a file, and returns once it is stored durably. */
export type Send = (sending: Sending) => Promise<void>;

const REMOVED = 'removed';

/** Stops an upload for good; without this reason, it is paused. */
export const stopForGood = (stop: AbortController | undefined): void => stop?.abort(REMOVED);
export const isRemoved = ({reason}: AbortSignal): boolean => reason === REMOVED;
