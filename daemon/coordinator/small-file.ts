import {open, rename} from 'node:fs/promises';
import path from 'node:path';

/** Writes a small file of the data folder whole, for nobody else to read. It is the old one or the new one, whatever happens; durable when this returns. */
export const writeSmallFile = async (folder: string, name: string, text: string): Promise<void> => {
	const temporary = path.join(folder, `.${name}.part`);
	const file = await open(temporary, 'w', 0o600);
	try {
		await file.writeFile(text);
		await file.sync();
	} finally {
		await file.close();
	}

	await rename(temporary, path.join(folder, name));
	const handle = await open(folder);
	try {
		await handle.sync();
	} finally {
		await handle.close();
	}
};
