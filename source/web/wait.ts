/** Waits so long; shorter where the signal is aborted, or the browser is online again. */
export const wait = async (ms: number, signal: AbortSignal): Promise<void> =>
	new Promise(resolve => {
		const end = () => {
			window.clearTimeout(timer);
			window.removeEventListener('online', end);
			signal.removeEventListener('abort', end);
			resolve();
		};
		const timer = window.setTimeout(end, ms);
		window.addEventListener('online', end);
		signal.addEventListener('abort', end);
		if (signal.aborted) end();
	});
