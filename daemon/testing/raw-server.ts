import {createServer, type AddressInfo, type Server, type Socket} from 'node:net';
import {createServer as createSecureServer, type TlsOptions} from 'node:tls';
import type {ExecutionContext} from 'ava';

export type RawServer = {
	url: string;
	/** How many connections were ever made. */
	readonly connections: number;
	/** Those that are open. */
	readonly sockets: ReadonlySet<Socket>;
};

/** A server that says whatever bytes a test wants. `onRequest` is called when a request's head is there, and its number on that connection. */
export const startRawServer = async (
	t: ExecutionContext,
	onRequest: (socket: Socket, head: string, number: number) => void,
	tls?: TlsOptions,
): Promise<RawServer> => {
	const sockets = new Set<Socket>();
	let connections = 0;
	const serve = (socket: Socket) => {
		connections++;
		sockets.add(socket);
		socket.on('error', () => undefined).once('close', () => sockets.delete(socket));
		let head = '';
		let number = 0;
		socket.on('data', (piece: Buffer) => {
			head += piece.toString('latin1');
			for (let end = head.indexOf('\r\n\r\n'); end >= 0; end = head.indexOf('\r\n\r\n')) {
				const whole = head.slice(0, end + 4);
				head = head.slice(end + 4);
				onRequest(socket, whole, ++number);
			}

			// The rest of a body is of no interest, but its last bytes may be the start of a head.
			head = head.slice(-10_000);
		});
	};

	const server: Server = tls ? createSecureServer(tls, serve) : createServer(serve);
	await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
	t.teardown(() => {
		server.close();
		for (const socket of sockets) socket.destroy();
	});
	const {port} = server.address() as AddressInfo;
	return {
		url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`,
		get connections() {
			return connections;
		},
		sockets,
	};
};
