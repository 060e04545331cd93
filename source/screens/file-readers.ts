import type {Piece} from '../console/table.js';
import type {Whoami} from '../client/people-contract.js';
import type {FileView} from '../protocol/api.js';
import {printable} from '../terminal/text.js';

/** Who owns a file and who may read it, as lists, details and the help show it. */

const codes: Record<FileView['visibility'], string> = {private: 'P', network: 'N', public: '*'};

/** What the codes mean. */
export const readersLegend: readonly string[] = [
	'WHO  P   private: its owner alone',
	'     N   network: everybody who is signed in',
	'     *   public: everybody, also without an account',
	'     P+  and the accounts that it is shared with',
];

/** What everybody may read stands out. */
export const readersPiece = ({visibility, shared_with: names}: FileView): Piece => {
	const text = `${codes[visibility]}${names.length === 0 ? '' : '+'}`;
	if (visibility === 'public') return {text, tone: 'warn'};
	return visibility === 'private' ? {text} : {text, tone: 'muted'};
};

export const ownerText = ({owner}: FileView): string => (owner === '' ? 'nobody' : owner);

/** Whose it is and who may read it: ann, private, shared with bob. */
export const ownerPiece = (file: FileView): Piece => {
	const {visibility, shared_with: names} = file;
	const shared = names.length === 0 ? '' : `, shared with ${names.join(', ')}`;
	return {
		text: `${ownerText(file)}, ${visibility}${shared}`,
		...(visibility === 'public' && {tone: 'warn' as const}),
	};
};

/** Why somebody may not say who reads files, or `undefined`: told before a form is filled in for nothing. */
export const shareProblem = (whoami: Whoami | undefined, files: readonly FileView[]): string | undefined => {
	if (!whoami || whoami.open || whoami.role === 'admin') return undefined;
	const foreign = files.find(({owner}) => owner !== whoami.name);
	if (!foreign) return undefined;
	return `Only its owner (${ownerText(foreign)}) or an admin says who may read ${printable(foreign.filename)}`;
};
