import {once} from 'node:events';
import {type AddressInfo, connect, createServer, type Socket} from 'node:net';
import type {ExecutionContext} from 'ava';

/** A line to a server that breaks when a test says. */
export type CuttingProxy = {
	url: string;
	/** Breaks the next connection after so many bytes of the client's, and each one at once where it is 0; never again without. */
	cutAfter: (bytes: number | undefined) => void;
	/** Breaks the next connection after so many bytes of the server's. */
	cutAnswerAfter: (bytes: number) => void;
	/** The client's bytes that went through so far. */
	sentBytes: () => number;
	/** How many connections were broken. */
	cuts: () => number;
};

export const startCuttingProxy = async (t: ExecutionContext, target: string): Promise<CuttingProxy> => {
	const {hostname, port: targetPort} = new URL(target);
	const sockets = new Set<Socket>();
	let leftBytes: number | undefined;
	let leftAnswerBytes: number | undefined;
	let [sentBytes, cuts] = [0, 0];

	const server = createServer(client => {
		const onward = connect(Number(targetPort), hostname);
		const close = () => {
			client.destroy();
			onward.destroy();
		};
		for (const socket of [client, onward]) {
			sockets.add(socket);
			socket.on('error', close).once('close', () => {
				sockets.delete(socket);
				close();
			});
		}

		client.on('data', piece => {
			const part = leftBytes === undefined ? piece : piece.subarray(0, leftBytes);
			sentBytes += part.length;
			if (leftBytes !== undefined) leftBytes -= part.length;
			if (leftBytes === 0 && part.length < piece.length) {
				leftBytes = undefined;
				cuts++;
				client.removeAllListeners('data').pause();
				// What came so far arrives, as on a line that breaks.
				onward.end(part);
				client.destroy();
				return;
			}

			if (!onward.write(part)) {
				client.pause();
				onward.once('drain', () => client.resume());
			}
		});
		onward.on('data', piece => {
			const part = leftAnswerBytes === undefined ? piece : piece.subarray(0, leftAnswerBytes);
			if (leftAnswerBytes !== undefined) leftAnswerBytes -= part.length;
			if (part.length < piece.length) {
				leftAnswerBytes = undefined;
				cuts++;
				onward.removeAllListeners('data').destroy();
				client.end(part);
				return;
			}

			if (!client.write(part)) {
				onward.pause();
				client.once('drain', () => onward.resume());
			}
		});
		onward.once('end', () => client.end());
	});
	await once(server.listen(0, '127.0.0.1'), 'listening');
	t.teardown(async () => {
		for (const socket of sockets) socket.destroy();
		await new Promise(resolve => server.close(resolve));
	});
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		cutAfter: bytes => (leftBytes = bytes),
		cutAnswerAfter: bytes => (leftAnswerBytes = bytes),
		sentBytes: () => sentBytes,
		cuts: () => cuts,
	};
};
