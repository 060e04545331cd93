import {connect, isIPv6} from 'node:net';
import {PjasError} from '../../source/protocol/errors.js';

export type AddressOptions = {
	publicUrl?: string | undefined;
	ngrokUrl?: string | undefined;
	/** Whether the node serves HTTPS. */
	isTls?: boolean;
	host: string;
	port: number;
	coordinatorUrl: string;
};

const CONNECT_TIMEOUT_MS = 5_000;
const anyAddress = new Set(['0.0.0.0', '::', '']);

export const withoutSlash = (url: string): string => url.replace(/\/+$/, '');

/** The base of a coordinator's API, from an URL with or without `/api` at its end. */
export const apiOf = (coordinatorUrl: string): string => {
	const base = withoutSlash(coordinatorUrl);
	return base.endsWith('/api') ? base : `${base}/api`;
};

/** The address that this machine has on its way to the coordinator: the one under which others can reach it. */
const localAddressTo = async (coordinatorUrl: string, signal?: AbortSignal): Promise<string> => {
	signal?.throwIfAborted();
	const {hostname, port, protocol} = new URL(coordinatorUrl);
	const target = {host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || (protocol === 'https:' ? 443 : 80)};
	return new Promise((resolve, reject) => {
		const socket = connect({...target, timeout: CONNECT_TIMEOUT_MS});
		const fail = (error: Error) => {
			socket.destroy();
			reject(error);
		};

		const abort = () => fail(signal?.reason as Error);
		signal?.addEventListener('abort', abort, {once: true});
		socket.once('close', () => signal?.removeEventListener('abort', abort));
		socket.once('error', fail);
		socket.once('timeout', () => fail(new PjasError('NODE_TIMEOUT', 'The coordinator does not answer')));
		socket.once('connect', () => {
			const {localAddress = ''} = socket;
			socket.destroy();
			resolve(localAddress.replace(/^::ffff:(?=\d+\.)/, ''));
		});
	});
};

/** The base URL under which the coordinator is to reach this node. */
export const addressOf = async (options: AddressOptions, signal?: AbortSignal): Promise<string> => {
	const {publicUrl, ngrokUrl, isTls = false, host, port, coordinatorUrl} = options;
	const given = publicUrl ?? ngrokUrl;
	if (given !== undefined) return withoutSlash(given);
	const reachable = anyAddress.has(host) ? await localAddressTo(coordinatorUrl, signal) : host;
	return `${isTls ? 'https' : 'http'}://${isIPv6(reachable) ? `[${reachable}]` : reachable}:${port}`;
};
