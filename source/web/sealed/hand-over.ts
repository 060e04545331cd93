import {ApiError} from '../api.js';
import {baseName} from '../model/folders.js';
import workerAddress from './save-worker.ts?worker&url';

/** Below it stands nothing, and the worker sees nothing else. */
const SCOPE = '/assets/saved/';
const START_WITHIN_MS = 30_000;
const ALIVE_EVERY_MS = 5_000;

/** Without workers, which some browsers lack in private windows, a file is put together in memory first. */
export const canHandOver = (): boolean => 'serviceWorker' in navigator;

const readyWorker = async (): Promise<ServiceWorker> => {
	const registration = await navigator.serviceWorker.register(workerAddress, {scope: SCOPE});
	const worker = registration.installing ?? registration.waiting ?? registration.active;
	if (!worker) throw new Error('there is no worker');
	await new Promise<void>((resolve, reject) => {
		const look = () => {
			if (worker.state === 'activated') resolve();
			if (worker.state === 'redundant') reject(new Error('the worker was not taken'));
		};
		worker.addEventListener('statechange', look);
		look();
	});
	return worker;
};

const refused = (cause?: unknown) =>
	new ApiError('NOT_SAVED', 'The browser did not take the file. Allow this page to download, then try again.', cause);

/** As RFC 8187 has it. Half a character, which a name may hold, is no text. */
const percentEncoded = (name: string): string =>
	encodeURIComponent(name.replace(/\p{Surrogate}/gu, '\uFFFD')).replace(
		/['()*]/g,
		sign => `%${sign.charCodeAt(0).toString(16)}`,
	);

const headersOf = (name: string, sizeBytes: number): Record<string, string> => ({
	'Content-Type': 'application/octet-stream',
	'Content-Length': String(sizeBytes),
	'Content-Disposition': `attachment; filename*=UTF-8''${percentEncoded(baseName(name))}`,
	'X-Content-Type-Options': 'nosniff',
});

/** An address that is opened out of sight; what it answers is saved. */
const openUnseen = (address: string): HTMLIFrameElement => {
	const frame = document.createElement('iframe');
	frame.hidden = true;
	frame.src = address;
	document.body.append(frame);
	return frame;
};

type Handing = {
	name: string;
	sizeBytes: number;
	body: AsyncIterable<Uint8Array>;
	signal: AbortSignal;
};

/**
Has the browser save what comes, as it comes: no faster than it is written, and never much of it in memory. Where it breaks off,
the browser's download fails.

@throws {ApiError} `STOPPED` where it was ended in the browser; `NOT_SAVED`; what the body throws.
*/
export const handOver = async ({name, sizeBytes, body, signal}: Handing): Promise<void> => {
	const worker = await readyWorker().catch((error: unknown) => {
		throw refused(error);
	});
	const pieces = body[Symbol.asyncIterator]();
	const {port1: port, port2} = new MessageChannel();
	const address = SCOPE + crypto.randomUUID();
	let frame: HTMLIFrameElement | undefined;
	const alive = window.setInterval(() => worker.postMessage('alive'), ALIVE_EVERY_MS);
	let late: number | undefined;
	const breakOff = () => port.postMessage('broken');
	window.addEventListener('pagehide', breakOff);
	try {
		await new Promise<void>((resolve, reject) => {
			late = window.setTimeout(() => reject(refused()), START_WITHIN_MS);
			const stop = () => reject(new ApiError('STOPPED', 'Stopped.'));
			signal.addEventListener('abort', stop, {once: true});
			if (signal.aborted) stop();
			const give = async () => {
				const next = await pieces.next();
				if (next.done) {
					port.postMessage('end');
					resolve();
				} else {
					const {value} = next;
					port.postMessage(value, value.byteLength === value.buffer.byteLength ? [value.buffer] : []);
				}
			};

			port.onmessage = ({data}: MessageEvent<'ready' | 'more' | 'stopped'>) => {
				if (data === 'ready') frame = openUnseen(address);
				if (data === 'stopped') stop();
				if (data !== 'more') return;
				window.clearTimeout(late);
				give().catch(reject);
			};
			worker.postMessage({address, headers: headersOf(name, sizeBytes)}, [port2]);
		});
	} catch (error) {
		breakOff();
		throw error;
	} finally {
		window.removeEventListener('pagehide', breakOff);
		window.clearTimeout(late);
		window.clearInterval(alive);
		// The browser needs it a little longer than the last piece takes.
		if (frame) window.setTimeout(() => frame?.remove(), 60_000);
		// It may wait for a piece that nobody wants any more.
		void pieces.return?.().catch(() => undefined);
	}
};
