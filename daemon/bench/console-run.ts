import {once} from 'node:events';
import {createServer, type AddressInfo, type Socket} from 'node:net';
import {setTimeout as delay} from 'node:timers/promises';
import {consoleEnvironment} from '../../source/testing/console-program.js';
import {program as bundled} from '../../source/testing/program.js';
import {openPty, type Pty} from '../../source/testing/pty.js';
import {type FakeCoordinator, type FakeNetwork, startFakeCoordinator} from './console-coordinator.js';

export const COLUMNS = 120;
export const ROWS = 40;

const QUIET_MS = 300;

type Opening = {url: string; home: string; program?: string; bytesPerSecond?: number};

export const open = ({url, home, program = bundled, bytesPerSecond}: Opening): Pty =>
	openPty({
		command: process.execPath,
		args: [program, '--coordinator', url],
		...{columns: COLUMNS, rows: ROWS, cwd: home},
		env: consoleEnvironment({home}),
		...(bytesPerSecond !== undefined && {bytesPerSecond}),
	});

/** Every frame has the keys in its last line. */
export const isPainted = (screen: string[]): boolean => screen.at(-1) !== '';

/** Resolves when nothing was written for a moment. */
export const quiet = async (pty: Pty): Promise<void> => {
	for (let before = -1; before !== pty.bytes();) {
		before = pty.bytes();
		await delay(QUIET_MS);
	}
};

/** How long it took until the screen was another one, in milliseconds. */
export const timeToChange = async (pty: Pty, change: () => void): Promise<number> => {
	const before = pty.text();
	const start = performance.now();
	change();
	await pty.waitFor(() => pty.text() !== before);
	return performance.now() - start;
};

export type Session = {pty: Pty; coordinator: FakeCoordinator; network: FakeNetwork};

/** Runs `work` with a console that shows the nodes of a network. */
export const withConsole = async (
	{network, home, bytesPerSecond}: {network: FakeNetwork; home: string; bytesPerSecond?: number},
	work: (session: Session) => Promise<void>,
): Promise<void> => {
	const coordinator = await startFakeCoordinator(network);
	const pty = open({url: coordinator.url, home, ...(bytesPerSecond !== undefined && {bytesPerSecond})});
	try {
		await pty.waitFor('LIVE');
		pty.press('2');
		await pty.waitFor('node-00000');
		await quiet(pty);
		await work({pty, coordinator, network});
	} finally {
		await pty.close();
		await coordinator.stop();
	}
};

/** Runs `work` with an address that takes connections and never answers. */
export const withSilence = async (work: (url: string) => Promise<void>): Promise<void> => {
	const sockets = new Set<Socket>();
	const server = createServer(socket => {
		sockets.add(socket);
		socket.on('error', () => undefined);
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	try {
		await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
	} finally {
		for (const socket of sockets) socket.destroy();
		server.close();
		await once(server, 'close');
	}
};
