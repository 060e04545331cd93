import {mkdir, readFile, writeFile} from 'node:fs/promises';
import path from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
import type {Pty} from './pty.js';
import {maskScreen, screenDifference} from './screen-mask.js';

const folder = fileURLToPath(new URL('../../../fixtures/screens', import.meta.url));
const isUpdating = process.env['PJAS_UPDATE_SCREENS'] === '1';
const QUIET_MS = 400;
const SHOWN_WITHIN_MS = 15_000;

export type Size = {columns: number; rows: number};

/** Only where a person renews the golden screens, and looks at them then: what is written must not be on its way still. */
const settled = async (pty: Pty): Promise<void> => {
	for (let before = -1; before !== pty.bytes();) {
		before = pty.bytes();
		await delay(QUIET_MS);
	}
};

/** Rows that differ from run to run in more than a value, by what they show; they must show just that. */
export type Golden = (name: string, readyWhen: string | RegExp) => Promise<void>;

/**
Compares what a terminal shows with `fixtures/screens/<name>-<columns>x<rows>.txt`. `PJAS_UPDATE_SCREENS=1` writes that file anew.
*/
export const createGolden = (pty: Pty, {columns, rows}: Size, problems: string[]): Golden => {
	const matches = (wanted: readonly string[]) => async () => {
		await pty.waitFor(screen => screenDifference(wanted, maskScreen(screen)) === '', {timeoutMs: SHOWN_WITHIN_MS});
	};

	return async (name, readyWhen) => {
		const file = path.join(folder, `${name}-${columns}x${rows}.txt`);
		await pty.waitFor(readyWhen);
		if (isUpdating) {
			await settled(pty);
			await mkdir(folder, {recursive: true});
			await writeFile(file, `${maskScreen(pty.screen()).join('\n')}\n`);
			return;
		}

		const wanted = (await readFile(file, 'utf8')).slice(0, -1).split('\n');
		await matches(wanted)().catch(() => {
			problems.push(`${path.basename(file)}\n${screenDifference(wanted, maskScreen(pty.screen()))}`);
		});
	};
};
