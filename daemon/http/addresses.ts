const MAPPED = '::ffff:';
const GROUPS = 8;
const NETWORK_GROUPS = 4;

/** An address as it is written, for one that a socket of both families gives as `::ffff:192.0.2.7`. */
export const plainAddress = (address: string): string =>
	address.startsWith(MAPPED) && address.includes('.') ? address.slice(MAPPED.length) : address;

const groupsOf = (text: string): string[] => (text === '' ? [] : text.split(':'));

/**
What an address is counted by: an IPv4 address itself, an IPv6 address by its first 64 bits, since whoever has one of those
has them all.
*/
export const networkOf = (address: string): string => {
	const plain = plainAddress(address);
	if (!plain.includes(':')) return plain;
	const [bare = ''] = plain.split('%');
	const [left = '', right] = bare.split('::');
	const [before, after] = [groupsOf(left), groupsOf(right ?? '')];
	const zeros = right === undefined ? 0 : Math.max(0, GROUPS - before.length - after.length);
	const all = [...before, ...Array.from({length: zeros}, () => '0'), ...after];
	const network = all.slice(0, NETWORK_GROUPS).map(group => Number.parseInt(group, 16).toString(16));
	return `${network.join(':')}::/64`;
};

/** Whether an address is one of this machine that nobody else reaches. */
export const isLoopback = (address: string): boolean => {
	const plain = plainAddress(address);
	return plain.startsWith('127.') || plain === '::1';
};
