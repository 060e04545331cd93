import {escapeControls} from '../../protocol/escape.js';
import type {OpenedFile} from '../../client/opened-files.js';

/** What a file is called here: the coordinator's name for what is sealed end to end says nothing. */
export const titleOf = ({filename, e2e, seal}: OpenedFile): string => {
	if (seal === 'broken') return 'Not what was sealed';
	return e2e && seal !== 'opened' ? 'Sealed end to end' : escapeControls(filename);
};

/** Why a sealed file can't be opened here; `undefined` where it can, or needs no key. */
export const lockedText = ({e2e, seal}: OpenedFile): string | undefined => {
	if (seal === 'broken') {
		return 'This is not what was sealed under the key that your keyring has for it. Don’t trust whoever keeps it.';
	}

	if (seal === 'locked') return 'Your keyring has no key for it. Ask whoever uploaded it for a link.';
	return e2e && seal === undefined
		? 'It is sealed end to end: your keyring opens it, once you give its passphrase.'
		: undefined;
};
