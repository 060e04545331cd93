import {once} from 'node:events';
import {type AddressInfo, connect, createServer, type Socket} from 'node:net';
import type {ExecutionContext} from 'ava';
import type {Chance} from './crash-chance.js';

/**
What befalls a connection: both sides see it break; one side's bytes end in the middle, as if it had closed; nothing comes
for a while; nothing comes any more, and nobody is told.
*/
export const lineFaults = ['drop', 'truncate', 'delay', 'stall'] as const;
export type LineFault = (typeof lineFaults)[number];

/** A line to a server, on which things go wrong when a test says. */
export type BadLine = {
	url: string;
	/** Does this to one of the connections after at most so many more of its bytes. Nothing where there is none. */
	spoil: (fault: LineFault, chance: Chance, withinBytes: number) => void;
	/** Nothing that is due happens any more, and connections that are stalled are ended. */
	mend: () => void;
	/** Sockets that are open, on both sides. */
	sockets: () => number;
};

type Connection = {
	client: Socket;
	onward: Socket;
	/** What is to happen, and after how many bytes from `side`. */
	due?: {fault: LineFault; side: Socket; leftBytes: number; delayMs: number} | undefined;
	isStalled: boolean;
};

export const startBadLine = async (t: ExecutionContext, target: string): Promise<BadLine> => {
	const {hostname, port: targetPort} = new URL(target);
	const connections = new Set<Connection>();
	const timers = new Set<NodeJS.Timeout>();
	let open = 0;

	const end = (connection: Connection) => {
		connections.delete(connection);
		connection.client.destroy();
		connection.onward.destroy();
	};

	const happen = (connection: Connection, from: Socket, to: Socket, part: Buffer, rest: Buffer) => {
		const {fault, delayMs} = connection.due ?? {fault: 'drop', delayMs: 0};
		connection.due = undefined;
		if (fault === 'drop') {
			end(connection);
			return;
		}

		if (fault === 'truncate') {
			from.removeAllListeners('data').pause();
			to.end(part, () => end(connection));
			return;
		}

		to.write(part);
		from.pause();
		to.pause();
		if (fault === 'stall') {
			connection.isStalled = true;
			return;
		}

		const timer = setTimeout(() => {
			timers.delete(timer);
			if (to.writable) to.write(rest);
			from.resume();
			to.resume();
		}, delayMs);
		timers.add(timer);
	};

	const carry = (connection: Connection, from: Socket, to: Socket) => {
		from.on('data', piece => {
			const {due} = connection;
			if (due?.side === from) {
				if (piece.length >= due.leftBytes) {
					happen(connection, from, to, piece.subarray(0, due.leftBytes), piece.subarray(due.leftBytes));
					return;
				}

				due.leftBytes -= piece.length;
			}

			if (!to.write(piece)) {
				from.pause();
				to.once('drain', () => {
					if (!connection.isStalled) from.resume();
				});
			}
		});
		from.on('error', () => end(connection));
		from.once('close', () => {
			open--;
			end(connection);
		});
		from.once('end', () => to.end());
	};

	const server = createServer({allowHalfOpen: true}, client => {
		const onward = connect({port: Number(targetPort), host: hostname, allowHalfOpen: true});
		const connection: Connection = {client, onward, isStalled: false};
		connections.add(connection);
		open += 2;
		carry(connection, client, onward);
		carry(connection, onward, client);
	});
	await once(server.listen(0, '127.0.0.1'), 'listening');
	t.teardown(async () => {
		for (const timer of timers) clearTimeout(timer);
		for (const connection of connections) end(connection);
		await new Promise(resolve => server.close(resolve));
	});

	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		spoil(fault, chance, withinBytes) {
			const sound = [...connections].filter(({due, isStalled}) => !due && !isStalled);
			if (sound.length === 0) return;
			const connection = chance.pick(sound);
			const side = chance.pick([connection.client, connection.onward]);
			connection.due = {fault, side, leftBytes: chance.between(1, withinBytes), delayMs: chance.between(1, 200)};
		},
		mend() {
			for (const connection of connections) {
				connection.due = undefined;
				if (connection.isStalled) end(connection);
			}
		},
		sockets: () => open,
	};
};
