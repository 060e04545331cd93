import path from 'node:path';
import type {Piece} from '../console/table.js';
import {formatSize} from '../format.js';
import type {FileView} from '../protocol/api.js';
import {printable} from '../terminal/text.js';
import type {Placed, Target} from './download-target.js';
import {shortPath} from './path-input.js';

/** A download's target in words. */

export type Words = Required<Pick<Piece, 'text' | 'tone'>>;

type Shown = {
	target: Target;
	isOverwriting: boolean;
	/** Whether the next Enter makes the folder that is missing. */
	isMaking: boolean;
	home: string;
};

export const sizeOf = (files: readonly FileView[]): number => files.reduce((sum, {size}) => sum + size, 0);

const nameOf = (target: string) => printable(path.basename(target));

const oneTaken = ({path: free, taken = '', canOverwrite}: Placed, isOverwriting: boolean): Words => {
	if (!canOverwrite) return {text: `${nameOf(taken)} is taken already: it becomes ${nameOf(free)}.`, tone: 'warn'};
	return isOverwriting
		? {text: `Enter OVERWRITES ${nameOf(taken)}. Ctrl-o keeps both.`, tone: 'bad'}
		: {
				text: `${nameOf(taken)} is there already: Enter keeps both, this one as ${nameOf(free)}. Ctrl-o overwrites it.`,
				tone: 'warn',
			};
};

const takenWords = ({placed}: Target, isOverwriting: boolean): Words[] => {
	const taken = placed.filter(each => each.taken !== undefined);
	const [first] = taken;
	if (!first) return [];
	if (placed.length === 1) return [oneTaken(first, isOverwriting)];
	const files = taken.filter(({canOverwrite}) => canOverwrite).length;
	if (files === 0)
		return [{text: `${taken.length} of ${placed.length} names are taken: they get a number.`, tone: 'warn'}];
	return isOverwriting
		? [{text: `Enter OVERWRITES ${files} of ${placed.length}. Ctrl-o keeps both.`, tone: 'bad'}]
		: [
				{
					text: `${taken.length} of ${placed.length} are there already: Enter keeps both, the new ones with a number. Ctrl-o overwrites ${files}.`,
					tone: 'warn',
				},
			];
};

const roomWords = ({freeBytes, placed}: Target): Words[] => {
	if (freeBytes === undefined) return [];
	const needed = sizeOf(placed.map(({file}) => file));
	return freeBytes < needed
		? [{text: `There is no room: ${formatSize(needed)} are needed, ${formatSize(freeBytes)} are free.`, tone: 'bad'}]
		: [{text: `${formatSize(freeBytes)} are free there.`, tone: 'muted'}];
};

/** What Enter would do, and what speaks against it. */
export const targetWords = ({target, isOverwriting, isMaking, home}: Shown): Words[] => {
	if (target.problem !== undefined) return [{text: `${target.problem}.`, tone: 'bad'}];
	const folder = printable(shortPath(target.folder, {home}));
	const missing: Words = isMaking
		? {text: `Enter again makes the folder ${folder} and downloads.`, tone: 'warn'}
		: {text: `The folder ${folder} is not there. Enter offers to make it.`, tone: 'warn'};
	const [only] = target.placed;
	const whole: Words | undefined =
		only && target.placed.length === 1 && only.taken === undefined && !target.isFolderMissing
			? {text: `It becomes ${printable(shortPath(only.path, {home}))}.`, tone: 'muted'}
			: undefined;
	return [
		...(target.isFolderMissing ? [missing] : []),
		...takenWords(target, isOverwriting),
		...(whole ? [whole] : []),
		...roomWords(target),
	];
};
