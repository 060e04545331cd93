import {dateTime} from '../console/age.js';
import type {Console, View} from '../console/view.js';
import {formatSize} from '../format.js';
import type {FileView} from '../protocol/api.js';
import {createConfirm} from './confirm.js';
import {countOf, nameOf, withSeveral} from './several-files.js';

const NAMES_SHOWN = 5;

type DeleteOptions = {
	files: readonly FileView[];
	/** Whether they are in the trash already, so that nothing brings them back. */
	isForever?: boolean;
	/** Called when it was answered with yes. */
	onStart?: () => void;
	/** Called when all of it was tried. */
	onEnd?: () => void;
};

/** Into the trash, and until when they can be brought back from there, where this network keeps one. */
const trash = async (console: Console, files: readonly FileView[]) => {
	let firstPurgeAt = Infinity;
	let isKept = true;
	await withSeveral(console, {
		files,
		...{done: 'deleted', doing: 'Deleting', isGoneFine: true},
		async run({file_id: id}) {
			const purgeAt = await console.api.removeFile(id);
			if (purgeAt === undefined) isKept = false;
			else firstPurgeAt = Math.min(firstPurgeAt, purgeAt);
		},
		note() {
			if (!isKept) return 'This network keeps no trash';
			const what = files.length === 1 ? 'it' : 'them';
			return firstPurgeAt === Infinity ? '' : `The trash (t) keeps ${what} until ${dateTime(firstPurgeAt)}`;
		},
	});
};

const purge = async (console: Console, files: readonly FileView[]) =>
	withSeveral(console, {
		files,
		...{done: 'deleted for good', doing: 'Deleting for good', isGoneFine: true},
		run: async ({file_id: id}) => console.api.purgeFile(id),
	});

/**
Asks before files are deleted, and deletes them: into the trash, or what is there for good. More than one are deleted only
once their number is typed.
*/
export const createDeleteDialog = (
	console: Console,
	{files, isForever = false, onStart = () => {}, onEnd = () => {}}: DeleteOptions,
): View => {
	const sizeBytes = files.reduce((sum, {size}) => sum + size, 0);
	const isMany = files.length > 1;
	const names = files.slice(0, NAMES_SHOWN).map(file => `  ${nameOf(file, console)}, ${formatSize(file.size)}`);
	const more = files.length > NAMES_SHOWN ? [`  and ${files.length - NAMES_SHOWN} more`] : [];
	const sum = `${countOf(files.length)}, ${formatSize(sizeBytes)}`;
	const what = isForever
		? `${sum}, for good: nobody can bring ${isMany ? 'them' : 'it'} back.`
		: `${sum}, into the trash, if this network keeps one: t shows it, b brings back.`;
	const title = isMany ? `Delete ${countOf(files.length)}` : 'Delete a file';
	return createConfirm(console, {
		title: isForever ? `${title} for good` : title,
		lines: [what, ...names, ...more],
		yes: isMany ? 'delete them' : 'delete it',
		...(isMany && {typed: String(files.length)}),
		async run() {
			onStart();
			await (isForever ? purge(console, files) : trash(console, files));
			onEnd();
		},
	});
};
