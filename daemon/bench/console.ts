import {mkdtemp, rm} from 'node:fs/promises';
import {join} from 'node:path';
import type {ConsoleFigures, FigureName} from './console-figures.js';
import {measureCpu, measureLists, measureMemory} from './console-load.js';
import {measureFrames, measureSlowLine, measureStart} from './console-paint.js';
import type {Options} from './options.js';

type Measure = (home: string, keep: (name: FigureName, value: number) => void) => Promise<void>;

/** In each run; what takes minutes once. */
const measures: Measure[] = [measureStart, measureFrames, measureSlowLine, measureCpu, measureLists];

/** What operators see of the console: `pjas-tui` in a pseudo-terminal, against a coordinator that says what it is told to. */
export const benchConsole = async (
	{runs, folder}: Pick<Options, 'runs' | 'folder'>,
	print: (text: string) => void,
): Promise<ConsoleFigures> => {
	const figures: ConsoleFigures = new Map();
	const home = await mkdtemp(join(folder, 'pjas-bench-console-'));
	const measure = async (run: number, measureIt: Measure) =>
		measureIt(home, (name, value) => {
			figures.set(name, [...(figures.get(name) ?? []), value]);
			print(`  console    run ${run}: ${name} ${Number(value.toPrecision(4))}`);
		});
	try {
		for (let run = 1; run <= runs; run++) {
			for (const each of measures) await measure(run, each);
		}

		await measure(1, measureMemory);
	} finally {
		await rm(home, {recursive: true, force: true});
	}

	return figures;
};
