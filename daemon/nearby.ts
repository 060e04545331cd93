import {BlockList, isIP} from 'node:net';

const nearbyAddresses = new BlockList();
nearbyAddresses.addSubnet('127.0.0.0', 8);
nearbyAddresses.addAddress('::1', 'ipv6');
// RFC 1918, RFC 4193 and what is only on the own link (RFC 3927, RFC 4291).
nearbyAddresses.addSubnet('10.0.0.0', 8);
nearbyAddresses.addSubnet('172.16.0.0', 12);
nearbyAddresses.addSubnet('192.168.0.0', 16);
nearbyAddresses.addSubnet('169.254.0.0', 16);
nearbyAddresses.addSubnet('fc00::', 7, 'ipv6');
nearbyAddresses.addSubnet('fe80::', 10, 'ipv6');

const isNearbyHost = (host: string): boolean => {
	const version = isIP(host);
	if (version !== 0) return nearbyAddresses.check(host, version === 6 ? 'ipv6' : 'ipv4');
	return /(^|\.)localhost\.?$/i.test(host) || /\.local\.?$/i.test(host);
};

/** Whether what goes to an address is encrypted, or stays on this machine or in a private network. */
export const isNearby = (url: string): boolean => {
	const {protocol, hostname} = new URL(url);
	return protocol === 'https:' || isNearbyHost(hostname.replace(/^\[|\]$/g, ''));
};
