import type {FileView} from './protocol/api.js';

type Access = Pick<FileView, 'visibility' | 'shared_with'>;

const words: Record<FileView['visibility'], string> = {
	private: 'private',
	network: 'whoever is signed in',
	public: 'everybody',
};

/** Who may read a file beside its owner, in words. */
export const readersText = ({visibility, shared_with: names}: Access): string =>
	names.length === 0 ? words[visibility] : `${words[visibility]}, shared with ${names.join(', ')}`;
