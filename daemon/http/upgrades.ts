import type {IncomingMessage, Server as HttpServer} from 'node:http';
import type {Server as HttpsServer} from 'node:https';
import type {Duplex} from 'node:stream';
import {TLSSocket} from 'node:tls';
import type {PjasError} from '../../source/protocol/errors.js';
import {rawAnswer, rawText, type WholeAnswer} from './errors.js';
import type {Serving} from './serving.js';

/** What takes connections that are to speak another protocol from now on. */
export type Upgrade = {
	/** Whether this request is one of its own. */
	isWanted: (request: IncomingMessage) => boolean;
	/** Has the connection from now on, with what came on it after the request. */
	take: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
};

export type Upgraded = {
	has: (socket: Duplex) => boolean;
	/** Cuts off all of them. */
	end: () => void;
};

/** Answers a request for an upgrade with an error, and ends its connection. */
export const refuseUpgrade = (socket: Duplex, error: PjasError, headers: Record<string, string> = {}): void => {
	socket.end(rawAnswer(error, headers), () => socket.destroy());
};

/** The same with a status and a text that are made already. */
export const refuseUpgradeWith = (socket: Duplex, answer: WholeAnswer): void => {
	socket.end(rawText(answer), () => socket.destroy());
};

/** A request's head as it came, but that nothing is asked for beside an answer. */
const plainHeadOf = ({method = '', url = '', httpVersion, rawHeaders}: IncomingMessage): string => {
	const lines = [`${method} ${url} HTTP/${httpVersion}`];
	for (let at = 0; at < rawHeaders.length; at += 2) {
		const name = rawHeaders[at] ?? '';
		const value = rawHeaders[at + 1] ?? '';
		const lower = name.toLowerCase();
		if (lower === 'upgrade') continue;
		const kept = value.split(',').filter(word => word.trim().toLowerCase() !== 'upgrade');
		if (lower !== 'connection') lines.push(`${name}: ${value}`);
		else if (kept.length > 0) lines.push(`${name}: ${kept.join(',')}`);
	}

	return `${lines.join('\r\n')}\r\n\r\n`;
};

/**
Lets a server's connections be upgraded where `upgrade` wants that. Who asks for anything else (clients offer HTTP/2 in this
way) is served as if it had not asked, as RFC 9110, 7.8, lets servers do; Node itself has only one choice for all requests.
*/
export const takeUpgrades = (server: HttpServer | HttpsServer, upgrade: Upgrade, serving: Serving): Upgraded => {
	const sockets = new Set<Duplex>();
	server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
		if (!upgrade.isWanted(request)) {
			if (head.length > 0) socket.unshift(head);
			socket.unshift(Buffer.from(plainHeadOf(request), 'latin1'));
			server.emit(socket instanceof TLSSocket ? 'secureConnection' : 'connection', socket);
			return;
		}

		socket.on('error', () => undefined);
		const wrong = serving.wrongOf(request);
		if (wrong) {
			refuseUpgrade(socket, wrong);
			return;
		}

		sockets.add(socket);
		socket.once('close', () => sockets.delete(socket));
		upgrade.take(request, socket, head);
	});
	return {
		has: socket => sockets.has(socket),
		end() {
			for (const socket of sockets) socket.destroy();
		},
	};
};
