import type {IncomingMessage} from 'node:http';
import {isIP} from 'node:net';
import {TLSSocket} from 'node:tls';
import proxyAddress from 'proxy-addr';
import {plainAddress} from './addresses.js';

/** Who makes a request. */
export type Client = {
	/** Its address; '' where its connection is gone, or is none of TCP. */
	address: string;
	/** Whether it came over TLS: to this server, or to the proxy before it. */
	isSecure: boolean;
};

export type IsProxy = (address: string) => boolean;

/**
Tells proxies by a list of addresses, networks (`192.0.2.0/24`) and the names `loopback`, `linklocal` and `uniquelocal`.

@throws {TypeError} where one is none of these.
*/
export const proxiesOf = (list: readonly string[]): IsProxy => {
	const isTrusted = proxyAddress.compile([...list]);
	return address => isTrusted(address, 0);
};

const isForwardedSecure = (request: IncomingMessage): boolean => {
	const header = request.headers['x-forwarded-proto'];
	if (typeof header !== 'string') return false;
	// Each proxy may have added what it saw; one that saw no TLS is enough for none.
	return header.split(',').every(scheme => scheme.trim().toLowerCase() === 'https');
};

/**
Who made a request. `X-Forwarded-For` and `-Proto` are believed only where they come from a proxy: of the addresses in it, the
last one counts that no proxy has, for whatever stands before it anybody could have written.
*/
export const clientOf = (request: IncomingMessage, isProxy?: IsProxy): Client => {
	const {socket} = request;
	const {remoteAddress} = socket;
	const address = remoteAddress === undefined ? '' : plainAddress(remoteAddress);
	const isSecure = socket instanceof TLSSocket;
	if (!isProxy || address === '' || !isProxy(address)) return {address, isSecure};
	const forwarded = proxyAddress(request, isProxy);
	return {
		address: isIP(forwarded) === 0 ? address : plainAddress(forwarded),
		isSecure: isForwardedSecure(request),
	};
};
