import {accessSync, constants} from 'node:fs';
import path from 'node:path';
import {type Browser, chromium} from 'playwright-core';

/** The browser of Debian, or another one of its family: none is downloaded. */
const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

const isProgram = (file: string): boolean => {
	try {
		accessSync(file, constants.X_OK);
		return true;
	} catch {
		return false;
	}
};

/** Where a browser is that can be driven: `PJAS_BROWSER`, else the first that stands in the `PATH`; `undefined` without one. */
export const findBrowser = (environment: NodeJS.ProcessEnv = process.env): string | undefined => {
	const {PJAS_BROWSER: named, PATH = ''} = environment;
	if (named !== undefined && named !== '') return named;
	const folders = PATH.split(path.delimiter).filter(folder => folder !== '');
	return names.flatMap(name => folders.map(folder => path.join(folder, name))).find(isProgram);
};

/** Starts it without a screen. Root, whom it would refuse, is who tests in a container. */
export const startBrowser = async (program: string): Promise<Browser> =>
	chromium.launch({
		executablePath: program,
		args: ['--disable-gpu', '--disable-dev-shm-usage', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])],
	});
