import path from 'node:path';

/** Paths as people write them. Nothing here looks at a disk. */

export type Folders = {home: string; working: string};

/** What is in a folder, as far as completing its name needs it. */
export type Candidate = {name: string; isFolder: boolean};

/** The path that is meant: `~` is the home, and what has no beginning begins in the working folder. */
export const resolveTyped = (typed: string, {home, working}: Folders): string => {
	if (typed === '~' || typed.startsWith('~/')) return path.resolve(home, `.${typed.slice(1)}`);
	return path.resolve(working, typed);
};

/** A path as it is shown and can be typed again: with `~` for the home. */
export const shortPath = (target: string, {home}: Pick<Folders, 'home'>): string => {
	if (target === home) return '~';
	return home !== '/' && target.startsWith(`${home}/`) ? `~${target.slice(home.length)}` : target;
};

/** A folder, ready for a name to be written after it. */
export const withSlash = (folder: string): string => (folder.endsWith('/') ? folder : `${folder}/`);

/** What was typed in two parts: up to the last slash, and the name that is being written. */
export const splitTyped = (typed: string): {folder: string; name: string} => {
	const at = typed.lastIndexOf('/') + 1;
	return at === 0 && typed === '~' ? {folder: '~/', name: ''} : {folder: typed.slice(0, at), name: typed.slice(at)};
};

const commonStart = (a: string, b: string): string => {
	const [first, second] = [Array.from(a), Array.from(b)];
	let length = 0;
	while (length < first.length && first[length] === second[length]) length++;
	return first.slice(0, length).join('');
};

/** Those whose name begins so; where none does, those that do but for capitals. Hidden ones only where a dot was typed. */
export const candidatesOf = (name: string, all: readonly Candidate[]): readonly Candidate[] => {
	const seen = name.startsWith('.') ? all : all.filter(each => !each.name.startsWith('.'));
	const exact = seen.filter(each => each.name.startsWith(name));
	if (exact.length > 0) return exact;
	const folded = name.toLowerCase();
	return seen.filter(each => each.name.toLowerCase().startsWith(folded));
};

/**
Writes on as far as that is certain. The only folder that fits gets its slash.

@param all - What is in the folder that was typed so far.
*/
export const completeTyped = (typed: string, all: readonly Candidate[]): {typed: string; count: number} => {
	const {folder, name} = splitTyped(typed);
	const found = candidatesOf(name, all);
	const [first, ...others] = found;
	if (!first) return {typed, count: 0};
	const start = others.reduce((common, each) => commonStart(common, each.name), first.name);
	const isWhole = others.length === 0 && first.isFolder;
	// Names that differ in capitals only may have a shorter beginning in common than what was typed.
	const written = start.length < name.length ? name : start;
	return {typed: folder + written + (isWhole ? '/' : ''), count: found.length};
};

/** A path that was pasted: terminals put quotes around it or backslashes into it, and a line's end after it. */
export const pastedPath = (text: string): string => {
	const line = text.trim().split('\n')[0] ?? '';
	const [, quoted] = /^'([^']*)'$/.exec(line) ?? /^"([^"]*)"$/.exec(line) ?? [];
	return quoted ?? line.replace(/\\([\s'"\\()[\]&;])/g, '$1');
};
