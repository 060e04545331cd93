import {Buffer} from 'node:buffer';
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {makeReady} from './ready.mjs';

/**
Checks everything: installs, builds, then lints, looks at the format and runs the tests. The linter and the formatter work
beside the tests, which often wait for something; what they say comes in one piece each, on standard error, as they end. Whatever
is wrong with one of the three, the others are finished too. What stands on the command line is for ava.
*/
const root = fileURLToPath(new URL('..', import.meta.url));
const programs = {
	eslint: path.join(root, 'node_modules', 'eslint', 'bin', 'eslint.js'),
	prettier: path.join(root, 'node_modules', 'prettier', 'bin', 'prettier.cjs'),
	ava: path.join(root, 'node_modules', 'ava', 'entrypoints', 'cli.mjs'),
};

/** Whether a program ends well. With `isHeld`, what it says is kept until then. */
const succeeds = async (name, args, {isHeld}) => {
	const child = spawn(process.execPath, [programs[name], ...args], {
		cwd: root,
		stdio: isHeld ? ['ignore', 'pipe', 'pipe'] : 'inherit',
	});
	const said = [];
	for (const stream of isHeld ? [child.stdout, child.stderr] : []) stream.on('data', piece => said.push(piece));
	const [code, signal] = await once(child, 'close');
	const isFine = code === 0;
	if (isHeld) process.stderr.write(Buffer.concat(said));
	if (!isFine) process.stderr.write(`${name} failed (${signal ?? `exit code ${code}`})\n`);
	return isFine;
};

const lintsWell = async () => {
	const isRight = await succeeds('eslint', ['.'], {isHeld: true});
	return (await succeeds('prettier', ['--check', '.'], {isHeld: true})) && isRight;
};

if (makeReady()) {
	const outcomes = await Promise.all([succeeds('ava', process.argv.slice(2), {isHeld: false}), lintsWell()]);
	process.exitCode = outcomes.every(Boolean) ? 0 : 1;
	if (process.exitCode !== 0) process.stderr.write('Something above failed\n');
} else {
	process.exitCode = 1;
}
