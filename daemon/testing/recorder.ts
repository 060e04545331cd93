import {once} from 'node:events';
import {type AddressInfo, connect, createServer, type Socket} from 'node:net';
import type {Keeper} from './processes.js';

export type Recorder = {
	url: string;
	/** Every byte that went through, in both directions. */
	recorded: () => Buffer;
};

/** A TCP proxy before a server, which keeps all that goes through it. Ends with its keeper. */
export const startRecorder = async (t: Keeper, target: string): Promise<Recorder> => {
	const {hostname, port} = new URL(target);
	const pieces: Buffer[] = [];
	const sockets = new Set<Socket>();
	const pass = (from: Socket, to: Socket) => {
		sockets.add(from);
		from.on('data', (piece: Buffer) => pieces.push(Buffer.from(piece)));
		from.on('error', () => to.destroy());
		from.once('close', () => sockets.delete(from));
		from.pipe(to);
	};

	const server = createServer(socket => {
		const onward = connect(Number(port), hostname);
		pass(socket, onward);
		pass(onward, socket);
	});
	await once(server.listen(0, '127.0.0.1'), 'listening');
	t.teardown(() => {
		server.close();
		for (const socket of sockets) socket.destroy();
	});
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		recorded: () => Buffer.concat(pieces),
	};
};
