import type {Clock} from '../ports/clock.js';
import {linkLost, type WebSocketStream} from './websocket-stream.js';

const PING_EVERY_MS = 15_000;

/**
Pings, so that what stands between doesn't take the link for idle, and ends a link over which nothing came in two intervals: its
other side is gone, though no word of that came. While this side does not read, nothing can be said of the other.
*/
export const watchPulse = (stream: WebSocketStream, clock: Pick<Clock, 'timer'>, everyMs = PING_EVERY_MS): void => {
	const {webSocket} = stream;
	let heard = 0;
	let heardBefore = 0;
	let missed = 0;
	const onSign = () => heard++;
	webSocket.on('ping', onSign).on('pong', onSign).on('message', onSign);

	const beat = () => {
		missed = heard === heardBefore && !webSocket.isPaused ? missed + 1 : 0;
		heardBefore = heard;
		if (missed >= 2) {
			stream.destroy(linkLost(`nothing came over the link for ${(missed * everyMs) / 1000} seconds`));
			return;
		}

		webSocket.ping(undefined, undefined, () => undefined);
		cancel = clock.timer(everyMs, beat);
	};
	let cancel = clock.timer(everyMs, beat);
	webSocket.once('close', () => cancel());
};
