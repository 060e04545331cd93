import {lockFolder} from '../adapters/folder-lock.js';
import type {Clock} from '../ports/clock.js';

/** Starts something on a folder that nobody else may work on until it is closed. */
export const startLocked = async <Running extends {close: () => Promise<void>}>(
	folder: string,
	clock: Clock,
	start: () => Promise<Running>,
): Promise<Running> => {
	const lock = await lockFolder(folder, {clock});
	try {
		const running = await start();
		const close = async () => {
			try {
				await running.close();
			} finally {
				await lock.release();
			}
		};
		return {...running, close};
	} catch (error) {
		await lock.release();
		throw error;
	}
};
