/**
The number of what nodes and coordinators speak to each other: calls, headers and bodies. It rises with a change that one
of the two must know of. A version speaks with the one before it as well: so nodes and coordinator can be updated one after
the other, in whatever order.

1: tickets, seals, signed registrations and heartbeats. Nobody told the number.
2: both tell number and version; links, for nodes without an address.
*/
export const PROTOCOL = 2;
/** The oldest that is still spoken. */
export const OLDEST_PROTOCOL = PROTOCOL - 1;
/** What somebody speaks who does not tell. */
export const UNTOLD_PROTOCOL = 1;

const numbersOf = (version: string): number[] | undefined =>
	/^\d{1,9}\.\d{1,9}\.\d{1,9}/.exec(version)?.[0].split('.').map(Number);

/** Whether a version comes before another, by their three numbers; where one has none, that is not known. */
export const isOlder = (version: string, than: string): boolean | undefined => {
	const [left, right] = [numbersOf(version), numbersOf(than)];
	if (!left || !right) return undefined;
	const at = left.findIndex((number, index) => number !== right[index]);
	return at !== -1 && (left[at] ?? 0) < (right[at] ?? 0);
};
