import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import anyTest, {type TestFn} from 'ava';
import {isPjasError} from '../source/protocol/errors.js';
import {type Config, loadConfig, type Surroundings} from './config.js';

export const test = anyTest as TestFn<{folder: string; surroundings: Surroundings}>;

test.beforeEach(t => {
	const folder = mkdtempSync(path.join(tmpdir(), 'pjas-config-'));
	t.context = {folder, surroundings: {environment: {}, folder, hostname: 'attic'}};
});

test.afterEach.always(t => rmSync(t.context.folder, {recursive: true, force: true}));

export type Context = {folder: string; surroundings: Surroundings};

/** Writes a configuration file, and says where. */
export const writeConfig = ({folder}: Context, content: unknown, name = 'pjas_config.json') => {
	const file = path.join(folder, name);
	writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
	return file;
};

/** The configuration of a run. */
export const load = (
	{surroundings}: Context,
	argv: string[],
	environment: Surroundings['environment'] = {},
): Config => {
	const request = loadConfig(argv, {...surroundings, environment});
	if (request.kind !== 'run') throw new Error(`A run was expected, not ${request.kind}`);
	return request.config;
};

/** What is said about a configuration that can't be. */
export const problemOf = (context: Context, argv: string[], environment: Surroundings['environment'] = {}): string => {
	try {
		load(context, argv, environment);
	} catch (error) {
		if (isPjasError(error, 'INVALID_CONFIGURATION')) return error.message;
		throw error;
	}

	return '';
};
