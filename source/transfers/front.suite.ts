import {once} from 'node:events';
import {createServer, type IncomingMessage, request, type Server, type ServerResponse} from 'node:http';
import type {AddressInfo, Socket} from 'node:net';
import type {ExecutionContext} from 'ava';

/** A proxy before a coordinator, in which a test sees what is asked for, and breaks things. */
export type Front = {
	url: string;
	/** The `Range` of each download that was asked for, in order; '' where there was none. */
	ranges: string[];
	/** The paths of the downloads that were asked for, in order. */
	asked: string[];
	/** How many bytes of files went through. */
	sentBytes: () => number;
	/** The most downloads under way at once so far. */
	mostAtOnce: () => number;
	/** After so many bytes of files it goes away, as a coordinator does that is killed. */
	goAwayAfter: (bytes: number) => void;
	goAway: () => Promise<void>;
	/** Listens again, on its port. */
	comeBack: () => Promise<void>;
	/** After so many bytes of an answer nothing more of it comes, until this is taken back. */
	holdAfter: (bytes: number | undefined) => void;
	/** Answers all with this instead. */
	refuse: (answer: {status: number; headers?: Record<string, string>; code: string} | undefined) => void;
	refusals: () => number;
};

export const startFront = async (t: ExecutionContext, target: string): Promise<Front> => {
	const ranges: string[] = [];
	const asked: string[] = [];
	const held = new Set<() => void>();
	const sockets = new Set<Socket>();
	let [sentBytes, atOnce, mostAtOnce, refusals] = [0, 0, 0, 0];
	let leftBytes = Number.POSITIVE_INFINITY;
	let holdAfterBytes: number | undefined;
	let refusal: Parameters<Front['refuse']>[0];
	let server: Server | undefined;

	const goAway = async () => {
		const closing = server;
		server = undefined;
		for (const socket of sockets) socket.destroy();
		if (closing) await new Promise(resolve => closing.close(resolve));
	};

	const pass = async (answer: IncomingMessage, response: ServerResponse) => {
		let passedBytes = 0;
		for await (const piece of answer as AsyncIterable<Buffer>) {
			if (holdAfterBytes !== undefined && passedBytes >= holdAfterBytes) {
				await new Promise<void>(resolve => {
					held.add(resolve);
					response.once('close', resolve);
				});
			}

			if (response.destroyed) return;
			const part = piece.subarray(0, leftBytes);
			passedBytes += part.length;
			sentBytes += part.length;
			leftBytes -= part.length;
			await new Promise<void>(resolve => {
				response.once('close', resolve);
				response.write(part, () => {
					response.off('close', resolve);
					resolve();
				});
			});
			if (leftBytes === 0) {
				void goAway();
				return;
			}
		}

		response.end();
	};

	const serve = (incoming: IncomingMessage, response: ServerResponse) => {
		if (refusal) {
			refusals++;
			incoming.resume();
			response.writeHead(refusal.status, {'content-type': 'application/json', ...refusal.headers});
			response.end(JSON.stringify({success: false, error: 'Not now', code: refusal.code}));
			return;
		}

		const isDownload = incoming.url?.includes('/download') ?? false;
		if (isDownload) {
			ranges.push(incoming.headers.range ?? '');
			asked.push(incoming.url ?? '');
			mostAtOnce = Math.max(mostAtOnce, ++atOnce);
			response.once('close', () => atOnce--);
		}

		const {method, headers} = incoming;
		const onward = request(target + (incoming.url ?? ''), {method: method ?? 'GET', headers, agent: false}, answer => {
			response.writeHead(answer.statusCode ?? 500, answer.headers);
			if (isDownload) pass(answer, response).catch(() => response.destroy());
			else answer.pipe(response);
		});
		onward.on('error', () => response.destroy());
		response.once('close', () => onward.destroy());
		incoming.pipe(onward);
	};

	const listen = async (port: number) => {
		server = createServer(serve).on('connection', (socket: Socket) => {
			sockets.add(socket);
			socket.on('error', () => undefined).once('close', () => sockets.delete(socket));
		});
		await once(server.listen(port, '127.0.0.1'), 'listening');
		return (server.address() as AddressInfo).port;
	};

	const port = await listen(0);
	t.teardown(goAway);
	return {
		url: `http://127.0.0.1:${port}`,
		ranges,
		asked,
		sentBytes: () => sentBytes,
		mostAtOnce: () => mostAtOnce,
		goAwayAfter: bytes => (leftBytes = bytes),
		goAway,
		async comeBack() {
			leftBytes = Number.POSITIVE_INFINITY;
			await listen(port);
		},
		holdAfter(bytes) {
			holdAfterBytes = bytes;
			if (bytes !== undefined) return;
			for (const release of held) release();
			held.clear();
		},
		refuse: answer => (refusal = answer),
		refusals: () => refusals,
	};
};
