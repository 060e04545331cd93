import {open, rename} from 'node:fs/promises';
import path from 'node:path';

export const ADMIN_TOKEN_FILE = 'admin.token';

export const adminTokenFileOf = (dataFolder: string): string => path.join(dataFolder, ADMIN_TOKEN_FILE);

/** Keeps the first admin's token in the data folder, for its owner's eyes only; durable when it resolves. */
export const keepAdminToken = async (dataFolder: string, token: string): Promise<void> => {
	const target = adminTokenFileOf(dataFolder);
	const temporary = `${target}.new`;
	const file = await open(temporary, 'w', 0o600);
	try {
		await file.chmod(0o600);
		await file.writeFile(`${token}\n`);
		await file.sync();
	} finally {
		await file.close();
	}

	await rename(temporary, target);
	const folder = await open(dataFolder, 'r');
	try {
		await folder.sync();
	} finally {
		await folder.close();
	}
};
