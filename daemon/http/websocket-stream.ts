import {Duplex} from 'node:stream';
import type {WebSocket} from 'ws';

/**
A WebSocket as the socket of an HTTP connection, with what `node:http` asks of a `net.Socket`. It does what `createWebSocketStream` of `ws` does, and
beside that: a long write goes out in frames, a few at a time; it knows when nothing moves; and the end of a WebSocket that was
cut off is an error, not an end.
*/
export type WebSocketStream = Duplex & {
	readonly webSocket: WebSocket;
	readonly bytesRead: number;
	/** Never: the WebSocket is open already. */
	readonly connecting: false;
	/** As of a `net.Socket`: emits `timeout` where nothing moves for so long; 0 for never. */
	setTimeout: (ms: number, onTimeout?: () => void) => unknown;
};

/** What is sent goes in frames of this size. A frame is read whole before it is given on, so each is kept short. */
const FRAME_BYTES = 64 * 1024;
/** What the other side may send in a frame: more than it does, and far from what would fill memory. */
export const MOST_FRAME_BYTES = 1024 * 1024;
/** How much is handed to the WebSocket before some of it is written: with a mask, each frame is a copy. */
const MOST_UNWRITTEN_BYTES = 512 * 1024;
const CLEAN_CODES: readonly number[] = [1000, 1001];
const CLOSED: number = 3;

/** The error of a connection that broke off, as a socket has it. */
export const linkLost = (problem: string): Error => Object.assign(new Error(problem), {code: 'ECONNRESET'});

class StreamOfWebSocket extends Duplex {
	readonly connecting = false;
	bytesRead = 0;
	timeout = 0;
	#timer: NodeJS.Timeout | undefined;
	#unwrittenBytes = 0;
	#goOn: (() => void) | undefined;

	constructor(readonly webSocket: WebSocket) {
		super({allowHalfOpen: false});
		// Whoever has it listens for errors while it is of use; at other times nobody has to.
		this.on('error', () => undefined);
		webSocket.on('message', (data: Buffer, isBinary: boolean) => {
			if (!isBinary) {
				this.destroy(linkLost('a frame of text came, and links carry bytes'));
				return;
			}

			this.bytesRead += data.length;
			this.#stir();
			if (!this.push(data)) webSocket.pause();
		});
		webSocket.on('error', error => this.destroy(error));
		webSocket.on('close', code => {
			if (CLEAN_CODES.includes(code)) this.push(null);
			else this.destroy(linkLost(`the link was cut off (${code})`));
		});
	}

	setTimeout(ms: number, onTimeout?: () => void): this {
		this.timeout = ms;
		clearTimeout(this.#timer);
		this.#timer = undefined;
		if (onTimeout) this.once('timeout', onTimeout);
		if (ms > 0 && !this.destroyed) this.#timer = setTimeout(() => this.emit('timeout'), ms).unref();
		return this;
	}

	setKeepAlive(): this {
		return this;
	}

	setNoDelay(): this {
		return this;
	}

	ref(): this {
		return this;
	}

	unref(): this {
		return this;
	}

	destroySoon(): void {
		if (this.writableFinished) this.destroy();
		else this.end(() => this.destroy());
	}

	override _read(): void {
		if (this.webSocket.isPaused) this.webSocket.resume();
	}

	override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
		let at = 0;
		const sendMore = () => {
			this.#goOn = undefined;
			while (at < chunk.length && this.#unwrittenBytes < MOST_UNWRITTEN_BYTES) {
				const piece = chunk.subarray(at, at + FRAME_BYTES);
				at += piece.length;
				this.#send(piece, at >= chunk.length ? done : undefined);
			}

			if (at < chunk.length) this.#goOn = sendMore;
		};

		if (chunk.length === 0) done();
		else sendMore();
	}

	override _final(done: (error?: Error | null) => void): void {
		const {webSocket} = this;
		if (webSocket.readyState === CLOSED) {
			done();
			return;
		}

		// The other side answers once it has all that was sent before.
		webSocket.once('close', () => done());
		webSocket.close(1000);
	}

	override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
		clearTimeout(this.#timer);
		this.#goOn = undefined;
		const {webSocket} = this;
		if (webSocket.readyState === CLOSED) {
			done(error);
			return;
		}

		webSocket.once('close', () => done(error));
		webSocket.terminate();
	}

	#send(piece: Buffer, done: ((error?: Error | null) => void) | undefined): void {
		this.#unwrittenBytes += piece.length;
		this.webSocket.send(piece, {binary: true}, error => {
			this.#unwrittenBytes -= piece.length;
			this.#stir();
			if (error && !done) this.destroy(error);
			done?.(error);
			this.#goOn?.();
		});
	}

	#stir(): void {
		this.#timer?.refresh();
	}
}

export const createWebSocketStream = (webSocket: WebSocket): WebSocketStream => new StreamOfWebSocket(webSocket);
