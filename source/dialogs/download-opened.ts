import type {OpenedFile} from '../client/opened-files.js';
import type {Console} from '../console/view.js';
import {createDownloadDialog} from './download.js';
import {withKeyring} from './passphrase.js';

/** The files as they are known now: what was locked may have been opened meanwhile. */
const newest = async ({api}: Console, files: readonly OpenedFile[]): Promise<OpenedFile[]> =>
	Promise.all(files.map(async file => (file.seal === 'locked' ? api.file(file.file_id) : file)));

/** Asks where files go; before that for the passphrase, where some are sealed and the keyring is locked. */
export const downloadOpened = (console: Console, files: readonly OpenedFile[]): void => {
	const locked = files.filter(({seal}) => seal === 'locked');
	const ask = async () => {
		const opened = await newest(console, files);
		const left = opened.filter(({seal}) => seal === 'locked').length;
		if (left === 0) console.open(createDownloadDialog(console, opened));
		else console.notice({tone: 'warn', text: 'Your keyring has no key for it: ask whoever uploaded it'});
	};

	if (locked.length === 0) console.open(createDownloadDialog(console, files));
	else withKeyring(console, () => console.run({id: 'file.download', run: ask}));
};
