import {once} from 'node:events';
import {type AddressInfo, connect, createServer, type Socket} from 'node:net';
import type {ExecutionContext} from 'ava';

/** A line to a server that breaks when a test says. */
export type CuttingProxy = {
	url: string;
	/** Breaks the next connection after so many bytes of the client's; none without. */
	cutAfter: (bytes: number | undefined) => void;
	/** The same of all connections, and opens no other until it is mended. */
	breakAfter: (bytes: number) => void;
	mend: () => void;
	/**
	Holds the first connection that gets so many bytes of the server's from now on: nothing behind them goes through. Resolves
	then, with what breaks it. What its client has not read by then, it never gets.
	*/
	holdAnswerAfter: (bytes: number) => Promise<() => void>;
	/** The client's bytes that went through so far. */
	sentBytes: () => number;
	/** How many connections were broken. */
	cuts: () => number;
};

/** How many bytes each connection may still get, and what is to happen then. */
type Hold = {bytes: number; reached: (cut: () => void) => void};

export const startCuttingProxy = async (t: ExecutionContext, target: string): Promise<CuttingProxy> => {
	const {hostname, port: targetPort} = new URL(target);
	const sockets = new Set<Socket>();
	let leftBytes: number | undefined;
	let hold: Hold | undefined;
	let [isLasting, isDown] = [false, false];
	let [sentBytes, cuts] = [0, 0];

	/** What came so far arrives, as on a line that breaks. */
	const cutBehind = (client: Socket, onward: Socket, part: Buffer) => {
		leftBytes = undefined;
		cuts++;
		isDown = isLasting;
		client.removeAllListeners('data').pause();
		onward.end(part);
		client.destroy();
		if (isDown) for (const socket of sockets) if (socket !== onward) socket.destroy();
	};

	const sendOn = (client: Socket, onward: Socket) => (piece: Buffer) => {
		const part = leftBytes === undefined ? piece : piece.subarray(0, leftBytes);
		sentBytes += part.length;
		if (leftBytes !== undefined) leftBytes -= part.length;
		if (leftBytes === 0 && part.length < piece.length) {
			cutBehind(client, onward, part);
			return;
		}

		if (!onward.write(part)) {
			client.pause();
			onward.once('drain', () => client.resume());
		}
	};

	const sendBack = (client: Socket, onward: Socket) => {
		let [counted, gotBytes]: [Hold | undefined, number] = [undefined, 0];
		return (piece: Buffer) => {
			if (counted !== hold) [counted, gotBytes] = [hold, 0];
			const part = hold ? piece.subarray(0, hold.bytes - gotBytes) : piece;
			gotBytes += part.length;
			const isWritten = client.write(part);
			if (hold && gotBytes === hold.bytes) {
				const {reached} = hold;
				hold = undefined;
				onward.removeAllListeners('data').pause();
				reached(() => {
					cuts++;
					onward.destroy();
				});
			} else if (!isWritten) {
				onward.pause();
				client.once('drain', () => onward.resume());
			}
		};
	};

	const server = createServer(client => {
		if (isDown) {
			client.destroy();
			return;
		}

		const onward = connect(Number(targetPort), hostname);
		for (const [socket, other] of [
			[client, onward],
			[onward, client],
		] as const) {
			sockets.add(socket);
			socket.on('error', () => socket.destroy());
			socket.once('close', () => {
				sockets.delete(socket);
				if (!other.writableEnded) other.destroy();
			});
		}

		client.on('data', sendOn(client, onward));
		onward.on('data', sendBack(client, onward));
		onward.once('end', () => client.end());
	});
	await once(server.listen(0, '127.0.0.1'), 'listening');
	t.teardown(async () => {
		for (const socket of sockets) socket.destroy();
		await new Promise(resolve => server.close(resolve));
	});
	const cutAfter = (bytes: number | undefined, lasts: boolean) => {
		leftBytes = bytes;
		isLasting = lasts;
	};
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		cutAfter: bytes => cutAfter(bytes, false),
		breakAfter: bytes => cutAfter(bytes, true),
		mend: () => (isDown = false),
		holdAnswerAfter: async bytes => new Promise(reached => (hold = {bytes, reached})),
		sentBytes: () => sentBytes,
		cuts: () => cuts,
	};
};
