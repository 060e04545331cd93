export type Follower = {
	/** Aborted with the signal that it follows; or before, by whoever has it. */
	controller: AbortController;
	/** Ends that. */
	release: () => void;
};

/**
A signal of its own beside one that lives long. `AbortSignal.any` would do the same, and leave something of each with the one
that lives long, for as long as that does: https://github.com/nodejs/node/issues/54614
*/
export const followSignal = (signal: AbortSignal): Follower => {
	const controller = new AbortController();
	const follow = () => controller.abort(signal.reason);
	if (signal.aborted) follow();
	else signal.addEventListener('abort', follow, {once: true});
	return {controller, release: () => signal.removeEventListener('abort', follow)};
};
