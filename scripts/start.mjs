import {fork} from 'node:child_process';
import {once} from 'node:events';
import {createInterface} from 'node:readline';
import {fileURLToPath} from 'node:url';
import {makeReady} from './ready.mjs';

/** How much of the network's log is kept, to be shown should it fail. */
const KEPT_LINES = 20;

const at = file => fileURLToPath(new URL(file, import.meta.url));

const parse = line => {
	try {
		return JSON.parse(line);
	} catch {
		return {message: line};
	}
};

/**
Runs the network in a process of its own, with the words of this one.

@returns Where it listens, once it is ready, and what it said for people; `undefined` where it failed, which is then said.
*/
const startNetwork = async () => {
	// A session of its own: Ctrl-Z stops the console, not the network.
	const child = fork(at('network.mjs'), process.argv.slice(2), {
		detached: true,
		// The threads for the disk: see daemon/pjas-daemon.cts.
		env: {UV_THREADPOOL_SIZE: '16', ...process.env},
		stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
	});
	const last = [];
	const said = [];
	createInterface({input: child.stdout}).on('line', line => said.push(line));
	const ready = new Promise(resolve => {
		const keep = line => {
			const entry = parse(line);
			last.push(entry.message);
			if (last.length > KEPT_LINES) last.shift();
			if (entry.message === 'ready') resolve(entry.url);
		};

		createInterface({input: child.stderr}).on('line', keep);
		child.once('exit', () => resolve(undefined));
	});
	const exited = once(child, 'exit');
	const url = await ready;
	if (url === undefined) {
		const [code] = await exited;
		process.stderr.write(`${last.join('\n')}\n`);
		process.exitCode = code ?? 1;
		return undefined;
	}

	return {
		url,
		said,
		async stop() {
			child.kill('SIGTERM');
			await exited;
		},
	};
};

const runWithConsole = async () => {
	process.stderr.write('Starting the network\n');
	const network = await startNetwork();
	if (!network) return;
	process.argv = [process.argv[0], 'pjas-tui', '--coordinator', network.url];
	globalThis[Symbol.for('pjas.afterConsole')] = async () => {
		process.stderr.write('Stopping the network\n');
		await network.stop();
		// The console stood over it: what is told once must not be lost.
		const from = network.said.findIndex(line => line.includes('first account'));
		if (from !== -1) process.stdout.write(`${network.said.slice(from).join('\n')}\n`);
	};
	await import('../dist/bundle/pjas-tui.js');
};

const asksForText = process.argv.some(word => ['--help', '--version'].includes(word));

if (!makeReady()) {
	process.exitCode = 1;
} else if (process.stdin.isTTY && process.stdout.isTTY && !asksForText) {
	await runWithConsole();
} else {
	// In this process, not in a child's: a signal then reaches the network itself, and its exit code is ours.
	process.argv.splice(2, 0, '--role', 'local');
	await import('../dist/bundle/pjas-daemon.js');
}
