import type {Server as HttpServer} from 'node:http';
import type {Server as HttpsServer} from 'node:https';
import type {Socket} from 'node:net';
import {networkOf} from './addresses.js';

export type Connections = {
	/** Those over which requests come: with TLS, once its handshake is done. */
	readonly ready: ReadonlySet<Socket>;
	/** Those whose handshake is under way, and who may never end it. */
	readonly pending: () => Iterable<Socket>;
	readonly size: number;
};

export type ConnectionLimits = {
	/** How many connections one network may have. */
	perNetwork: number;
	/** Whose connections are not counted, as those of a proxy, which are many people's. */
	isShared: (address: string) => boolean;
};

/** A connection's ends, which no two connections have in common at a time. */
const endsOf = ({remoteAddress, remotePort, localAddress}: Socket): string =>
	`${remoteAddress ?? ''} ${remotePort ?? 0} ${localAddress ?? ''}`;

/** Keeps count of a server's connections, and refuses those of a network that has too many. */
export const trackConnections = (
	server: HttpServer | HttpsServer,
	{isTls, perNetwork, isShared}: ConnectionLimits & {isTls: boolean},
): Connections => {
	const ready = new Set<Socket>();
	const pending = new Map<string, Socket>();
	const counts = new Map<string, number>();

	const isTaken = (socket: Socket): boolean => {
		const {remoteAddress} = socket;
		// Whoever went away at once has no address any more.
		if (remoteAddress === undefined || isShared(remoteAddress)) return true;
		const network = networkOf(remoteAddress);
		const count = counts.get(network) ?? 0;
		if (count >= perNetwork) return false;
		counts.set(network, count + 1);
		socket.once('close', () => {
			const left = (counts.get(network) ?? 1) - 1;
			if (left > 0) counts.set(network, left);
			else counts.delete(network);
		});
		return true;
	};

	const add = (socket: Socket) => {
		ready.add(socket);
		socket.once('close', () => ready.delete(socket));
	};

	server.on('connection', (socket: Socket) => {
		// One whose upgrade nobody wanted comes again.
		if (ready.has(socket)) return;
		if (!isTaken(socket)) {
			socket.destroy();
			return;
		}

		if (!isTls) {
			add(socket);
			return;
		}

		const ends = endsOf(socket);
		pending.set(ends, socket);
		socket.once('close', () => {
			if (pending.get(ends) === socket) pending.delete(ends);
		});
	});
	server.on('secureConnection', (socket: Socket) => {
		pending.delete(endsOf(socket));
		add(socket);
	});

	return {
		ready,
		pending: () => pending.values(),
		get size() {
			return ready.size + pending.size;
		},
	};
};
