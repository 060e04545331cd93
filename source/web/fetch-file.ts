import {errorOf, loadPart, offline} from './api.js';
import type {Seal} from './sealed/open.js';

export type FileSource = {
	/** Where it is fetched. */
	address: string;
	/** What must go along, where an address alone is not enough. */
	headers?: Record<string, string>;
	/** What opens it, where it is sealed end to end. */
	seal?: Seal;
};

const openPart = async () => loadPart(async () => import('./sealed/open.js'));

/** Calls for a file, and gives a good answer. */
export const fetchFrom = async (
	{address, headers = {}}: FileSource,
	more: Record<string, string>,
	signal: AbortSignal | null,
) => {
	const response = await fetch(address, {headers: {...headers, ...more}, signal, credentials: 'same-origin'}).catch(
		(error: unknown) => {
			throw offline(error);
		},
	);
	if (!response.ok) throw errorOf(await response.text());
	return response;
};

const broken = (error: unknown) => {
	throw offline(error);
};

/** The whole of a file. Whoever asks knows that it fits into memory. */
export const fetchBlob = async (source: FileSource, signal: AbortSignal): Promise<Blob> => {
	if (!source.seal) return (await fetchFrom(source, {}, signal)).blob().catch(broken);
	const {openFile, readAll} = await openPart();
	const {type, body} = await openFile(source, signal);
	return new Blob(await readAll(body), {type});
};

/** The beginning of a file as text, at most so many bytes of it. */
export const fetchText = async (source: FileSource, mostBytes: number, signal: AbortSignal): Promise<string> => {
	if (!source.seal) {
		return (await fetchFrom(source, {Range: `bytes=0-${mostBytes - 1}`}, signal)).text().catch(broken);
	}

	const {openFile, readAll} = await openPart();
	const {body} = await openFile(source, signal);
	return new Blob(await readAll(body, mostBytes)).text();
};

/** Has the browser keep something as a file. */
export const save = (blob: Blob, name: string): void => {
	const link = document.createElement('a');
	link.href = URL.createObjectURL(blob);
	link.download = name;
	link.click();
	// The browser needs it a little longer than the press takes.
	window.setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
};
