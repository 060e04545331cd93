/** What a folder can't be called, on one system or another. */
const isPlain = (part: string): boolean => part !== '' && part !== '.' && part !== '..';

const safePath = (name: string): string => {
	const parts = name
		.replaceAll(/[\\:*?"<>|\p{Cc}]/gu, '_')
		.split('/')
		.filter(isPlain);
	return parts.length === 0 ? '_' : parts.join('/');
};

/** `a.txt` becomes `a (2).txt`. */
const numbered = (path: string, number: number): string => {
	const end = /\.[^./]+$/.exec(path)?.index ?? path.length;
	return `${path.slice(0, end)} (${number})${path.slice(end)}`;
};

/**
Names for a zip, each once and inside the folder where somebody unpacks it, whatever the files are called. Upper and lower case
are the same on some disks.
*/
export const zipNames = (names: readonly string[]): string[] => {
	const taken = new Set<string>();
	return names.map(name => {
		const path = safePath(name);
		let free = path;
		for (let number = 2; taken.has(free.toLowerCase()); number++) free = numbered(path, number);
		taken.add(free.toLowerCase());
		return free;
	});
};
