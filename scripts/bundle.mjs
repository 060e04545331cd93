import {readFile, rm} from 'node:fs/promises';
import {createRequire} from 'node:module';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {build} from 'esbuild';

/**
Puts each program and all that it imports into a few files: Node then opens those instead of hundreds, and the console's first
frame comes in half the time, as does a node that starts. What is imported when it is needed stays in files of its own.
*/
const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);

/**
ink-table is CommonJS and requires Ink, which awaits at its top and so can't be required. Here its `require` is given what it
asks for, imported. (Without a bundle, `source/components/ink-table.ts` does the same at run time.) It makes a row's key of a
SHA-1 of the row and of its place; ours are numbered, so the number does, at a fifteenth of the work of a frame.
*/
const inkTable = {
	name: 'ink-table',
	setup(builder) {
		builder.onLoad({filter: /[\\/]components[\\/]ink-table\.ts$/}, async () => {
			const code = await readFile(require.resolve('ink-table'), 'utf8');
			const contents = [
				"import * as ink from 'ink';",
				"import React from 'react';",
				'const rowNumber = ({line}) => line;',
				"const modules = {ink, react: {__esModule: true, default: React}, 'object-hash': {sha1: rowNumber}};",
				'const load = (exports, require) => {',
				code,
				'};',
				'const exported = {};',
				'load(exported, name => modules[name]);',
				'export const InkTableBase = exported.default;',
			].join('\n');
			return {contents, loader: 'js', resolveDir: path.dirname(require.resolve('ink-table'))};
		});
	},
};

export const bundle = async outdir => {
	await rm(outdir, {recursive: true, force: true});
	await build({
		absWorkingDir: root,
		entryPoints: {
			'pjas-tui': 'source/cli.ts',
			'pjas-daemon': 'daemon/cli.ts',
			// Tests start it many times.
			'testing/shifted-process': 'daemon/testing/shifted-process.ts',
		},
		outdir,
		bundle: true,
		splitting: true,
		format: 'esm',
		platform: 'node',
		target: 'node20.19',
		minifySyntax: true,
		minifyWhitespace: true,
		legalComments: 'linked',
		define: {'process.env.NODE_ENV': '"production"'},
		// Ink asks for the first only where somebody debugs React; the next two bring machine code, one file for each
		// system; the last is for few, and finds out about the system by itself.
		external: ['react-devtools-core', '@node-rs/argon2', 'bufferutil', '@silentbot1/nat-api'],
		banner: {
			// Packages in CommonJS ask for Node's own modules by `require`.
			js: "import {createRequire as createRequireOfBundle} from 'node:module'; const require = createRequireOfBundle(import.meta.url);",
		},
		plugins: [inkTable],
		logLevel: 'warning',
	});
};

await bundle(process.argv[2] ?? path.join(root, 'dist', 'bundle'));
