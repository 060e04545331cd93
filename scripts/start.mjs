import {makeReady} from './ready.mjs';

// In this process, not in a child's: a signal then reaches the network itself, and its exit code is ours.
if (makeReady()) {
	process.argv.splice(2, 0, '--role', 'local');
	await import('../dist/daemon/cli.js');
} else {
	process.exitCode = 1;
}
