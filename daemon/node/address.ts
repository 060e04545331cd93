import {connect, isIPv6} from 'node:net';
import {PjasError} from '../../source/protocol/errors.js';
import {isLoopback} from '../http/addresses.js';
import {ngrokAddress} from './ngrok.js';

export type AddressOptions = {
	publicUrl?: string | undefined;
	ngrokUrl?: string | undefined;
	/** Where the API of an ngrok agent would be. */
	ngrokApi?: string | undefined;
	/** What a router leads to this node. */
	mapped?: (() => string | undefined) | undefined;
	/** Whether the node serves HTTPS. */
	isTls?: boolean;
	host: string;
	port: number;
	coordinatorUrl: string;
	/** Whether it must have one, as where the coordinator knows of no links. */
	isNeeded?: boolean;
};

const CONNECT_TIMEOUT_MS = 5_000;
const anyAddress = new Set(['0.0.0.0', '::', '']);

export const withoutSlash = (url: string): string => url.replace(/\/+$/, '');

/** The base of a coordinator's API, from an URL with or without `/api` at its end. */
export const apiOf = (coordinatorUrl: string): string => {
	const base = withoutSlash(coordinatorUrl);
	return base.endsWith('/api') ? base : `${base}/api`;
};

/** The name or address in an URL, without the brackets of IPv6. */
const hostOf = (url: string): string => new URL(url).hostname.replace(/^\[|\]$/g, '');

/** The address that this machine has on its way to the coordinator: the one under which others can reach it. */
const localAddressTo = async (coordinatorUrl: string, signal?: AbortSignal): Promise<string> => {
	signal?.throwIfAborted();
	const {port, protocol} = new URL(coordinatorUrl);
	const target = {host: hostOf(coordinatorUrl), port: Number(port) || (protocol === 'https:' ? 443 : 80)};
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

const isOwn = (host: string): boolean => host === 'localhost' || isLoopback(host);

/** The base URL under which the coordinator is to reach this node; none where nobody else reaches what it listens on. */
export const addressOf = async (options: AddressOptions, signal?: AbortSignal): Promise<string | undefined> => {
	const {publicUrl, ngrokUrl, ngrokApi, isTls = false, host, port, coordinatorUrl, isNeeded = false} = options;
	const tunnel = async () => (ngrokApi === undefined ? undefined : ngrokAddress({api: ngrokApi, port}, signal));
	const given = publicUrl ?? ngrokUrl ?? (await tunnel()) ?? options.mapped?.();
	if (given !== undefined) return withoutSlash(given);
	if (isOwn(host) && !isNeeded && !isOwn(hostOf(coordinatorUrl))) return undefined;
	const reachable = anyAddress.has(host) ? await localAddressTo(coordinatorUrl, signal) : host;
	return `${isTls ? 'https' : 'http'}://${isIPv6(reachable) ? `[${reachable}]` : reachable}:${port}`;
};
