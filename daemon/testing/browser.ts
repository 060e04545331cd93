import {accessSync, constants} from 'node:fs';
import path from 'node:path';
import type {TestFn} from 'ava';
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

/** A name that leads here, and that a browser does not trust as it does the numbers: a page there came over plain HTTP. */
export const PLAIN_HOST = 'pjas.test';

/** Starts it without a screen. Root, whom it would refuse, is who tests in a container. */
export const startBrowser = async (program: string): Promise<Browser> =>
	chromium.launch({
		executablePath: program,
		timeout: 120_000,
		args: [
			'--disable-gpu',
			'--disable-dev-shm-usage',
			`--host-resolver-rules=MAP ${PLAIN_HOST} 127.0.0.1`,
			...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
		],
	});

let browser: Browser | undefined;

/** The browser of this file's tests. */
export const openedBrowser = (): Browser => {
	if (browser) return browser;
	throw new Error('there is no browser');
};

/** For a file whose tests want a browser: where there is none, they are left out, and one says so. */
export const browserTests = (test: TestFn) => {
	const program = findBrowser();
	if (program === undefined) {
		test('the page in a browser is left out', t => {
			t.log('No Chromium was found: install one, or name one in PJAS_BROWSER');
			t.pass();
		});
		return test.skip;
	}

	test.before(async () => {
		browser = await startBrowser(program);
	});
	test.after.always(async () => browser?.close());
	return test.serial;
};
