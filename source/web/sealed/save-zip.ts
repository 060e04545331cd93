import {makeZip, predictLength} from 'client-zip';
import {zipNames} from '../../protocol/zip-names.js';
import {ApiError} from '../api.js';
import type {SavingPart} from '../savings.js';
import {openFile} from './open.js';
import {saveOpened, type SaveOptions} from './save.js';

async function* readingOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
	const reader = stream.getReader();
	try {
		for (;;) {
			const {done, value} = await reader.read();
			if (done) return;
			yield value;
		}
	} finally {
		await reader.cancel().catch(() => undefined);
	}
}

const changed = (name: string) =>
	new ApiError('FILE_CHANGED', `“${name}” became another one while it was downloaded. Start again.`);

/**
Downloads several files as one zip that is made here, a file after the other, each opened as it comes. Nothing is compressed,
as in a zip that the coordinator makes: so its size is known before.

@throws {PjasError} `SEAL_BROKEN`, or whatever keeps one of them from being read; then the browser's download has failed too.
*/
export const saveZip = async (parts: readonly SavingPart[], {name, onBytes, signal}: SaveOptions): Promise<void> => {
	const names = zipNames(parts.map(part => part.name));
	const entries = parts.map((part, index) => ({...part, name: names[index] ?? part.name}));
	let doneBytes = 0;

	/** A file's bytes: as many as were said, for the zip's size was told before. */
	async function* contentOf(part: SavingPart): AsyncGenerator<Uint8Array> {
		const {sizeBytes, body} = await openFile(part.source, signal);
		if (sizeBytes !== part.sizeBytes) throw changed(part.name);
		for await (const piece of body) {
			doneBytes += piece.length;
			onBytes(doneBytes);
			yield piece;
		}
	}

	const lengthBytes = predictLength(entries.map(({name: entry, sizeBytes: size}) => ({name: entry, size})));
	const zip = makeZip(
		(function* () {
			for (const part of entries) {
				const {name: entry, sizeBytes: size, changedAt} = part;
				yield {name: entry, size, ...(changedAt !== undefined && {lastModified: changedAt}), input: contentOf(part)};
			}
		})(),
	);
	await saveOpened({name, type: 'application/zip', sizeBytes: Number(lengthBytes), body: readingOf(zip), signal});
};
