import {readdir, readFile, writeFile} from 'node:fs/promises';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';
import {brotliCompress, gzip} from 'node:zlib';
import {build} from 'vite';

/** Builds the web page, and compresses it beside itself, so that nobody who serves it has to. */
const root = fileURLToPath(new URL('..', import.meta.url));
const outDir = path.join(root, 'dist', 'web');
/** What is smaller gains nothing. */
const LEAST_COMPRESSED_BYTES = 512;

await build({
	configFile: false,
	root: path.join(root, 'source', 'web'),
	logLevel: 'warn',
	build: {
		outDir,
		emptyOutDir: true,
		target: 'es2022',
		assetsInlineLimit: 0,
		modulePreload: {polyfill: false},
		reportCompressedSize: false,
		license: {fileName: 'licenses.md'},
	},
});

const entries = await readdir(outDir, {recursive: true, withFileTypes: true});
for (const entry of entries.filter(found => found.isFile())) {
	const file = path.join(entry.parentPath, entry.name);
	const bytes = await readFile(file);
	if (bytes.length < LEAST_COMPRESSED_BYTES) continue;
	const [br, gz] = await Promise.all([promisify(brotliCompress)(bytes), promisify(gzip)(bytes, {level: 9})]);
	await Promise.all([writeFile(`${file}.br`, br), writeFile(`${file}.gz`, gz)]);
}
