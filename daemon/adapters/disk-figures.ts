import {statfs} from 'node:fs/promises';

/** How large the disk of a folder is, and what of it is free for this user; `undefined` where its system doesn't tell. */
export const diskFigures = async (folder: string): Promise<{sizeBytes: number; freeBytes: number} | undefined> => {
	try {
		const {bavail, blocks, bsize} = await statfs(folder);
		return blocks > 0 ? {sizeBytes: blocks * bsize, freeBytes: bavail * bsize} : undefined;
	} catch {
		return undefined;
	}
};
