import path from 'node:path';
import type {Console} from '../console/view.js';
import {printable} from '../terminal/text.js';
import type {Target} from './download-target.js';
import {shortPath} from './path-input.js';

/** Queues the downloads, and says what they are called where that is another name than was asked for. */
export const queueDownloads = (console: Console, {placed, folder}: Target, isOverwriting: boolean): void => {
	let count = 0;
	const run = () => {
		for (const {file, path: free, taken, canOverwrite} of placed) {
			const about = {id: file.file_id, name: file.filename, sizeBytes: file.size};
			if (isOverwriting && canOverwrite && taken !== undefined)
				console.transfers.download(about, taken, {overwrite: true});
			else console.transfers.download(about, free);
			count++;
		}

		const [only] = placed;
		const isRenamed = only?.taken !== undefined && !(isOverwriting && only.canOverwrite);
		const name = count === 1 && only && isRenamed ? `Queued as ${printable(path.basename(only.path))}` : undefined;
		const where = printable(shortPath(folder, console.folders));
		const text = name ?? `${count} download${count === 1 ? '' : 's'} to ${where} queued`;
		console.notice({tone: 'info', text: `${text}: 4 shows ${count === 1 ? 'it' : 'them'}`});
	};
	console.run({id: 'file.download', run});
};
