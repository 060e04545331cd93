import path from 'node:path';
import {escapeControls} from '../protocol/escape.js';

export type TransferErrorCode =
	| 'TARGET_EXISTS'
	| 'TARGET_IN_USE'
	| 'DISK_FULL'
	| 'FILE_MISSING'
	| 'FOLDER_MISSING'
	| 'NO_PERMISSION'
	| 'NOT_A_FILE'
	| 'NAME_NOT_ALLOWED'
	| 'FILE_CHANGED'
	| 'DISK_FAILED'
	| 'CHECKSUM_MISMATCH'
	| 'TOO_MANY_FILES'
	| 'QUEUE_CLOSED';

/** What this machine's disk or the queue refuses. The message names the path and says what to do. */
export class TransferError extends Error {
	override readonly name = 'TransferError';
	readonly code: TransferErrorCode;

	constructor(code: TransferErrorCode, message: string, {cause}: {cause?: unknown} = {}) {
		super(message, cause === undefined ? undefined : {cause});
		this.code = code;
	}
}

/** A path as a message shows it. */
export const shown = (target: string): string => escapeControls(target);

type Doing = 'read' | 'written';
type Say = (target: string, doing: Doing) => [TransferErrorCode, string];

const folderOf = (target: string) => shown(path.dirname(path.resolve(target)));

const missing: Say = (target, doing) =>
	doing === 'read'
		? ['FILE_MISSING', `${shown(target)} is not there: look whether it was moved or removed`]
		: ['FOLDER_MISSING', `The folder ${folderOf(target)} is not there: make it, or choose another one`];
const forbidden: Say = (target, doing) =>
	doing === 'read'
		? ['NO_PERMISSION', `${shown(target)} may not be read by you: change its permissions`]
		: ['NO_PERMISSION', `You may not write in ${folderOf(target)}: change its permissions, or choose another folder`];
const full: Say = target => [
	'DISK_FULL',
	`There is no room left for ${shown(target)}: make room and try again, or choose another folder`,
];
const isFolder: Say = target => ['NOT_A_FILE', `${shown(target)} is a folder: name a file in it`];
const unusableName: Say = target => [
	'NAME_NOT_ALLOWED',
	`${shown(target)} is no name for a file here: choose a shorter one`,
];

const sayings: Record<string, Say> = {
	ENOENT: missing,
	ENOTDIR: (target, doing) =>
		doing === 'read'
			? missing(target, doing)
			: ['FOLDER_MISSING', `${folderOf(target)} is no folder: choose another place`],
	EACCES: forbidden,
	EPERM: forbidden,
	EROFS: target => ['NO_PERMISSION', `${folderOf(target)} is on a disk that can only be read: choose another folder`],
	ENOSPC: full,
	EDQUOT: full,
	EISDIR: isFolder,
	ENAMETOOLONG: unusableName,
	EINVAL: unusableName,
	EFBIG: target => [
		'DISK_FULL',
		`${shown(target)} is larger than files may be on that disk: choose a folder on another one`,
	],
	ELOOP: target => ['NOT_A_FILE', `${shown(target)} is a link that leads nowhere: name a file`],
};

export const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | undefined)?.code;

/** What an error of the file system means for whoever wanted `target` read or written. */
export const diskError = (error: unknown, target: string, doing: Doing): TransferError => {
	if (error instanceof TransferError) return error;
	const code = codeOf(error) ?? String(error);
	const [meaning, message] = sayings[code]?.(target, doing) ?? [
		'DISK_FAILED',
		`${shown(target)} could not be ${doing} (${shown(code)}): look after its disk, then try again`,
	];
	return new TransferError(meaning, message, {cause: error});
};

/** Does something with the file system; what goes wrong becomes a `TransferError` about `target`. */
export const onDisk = async <Result>(target: string, doing: Doing, act: () => Promise<Result>): Promise<Result> => {
	try {
		return await act();
	} catch (error) {
		throw diskError(error, target, doing);
	}
};
