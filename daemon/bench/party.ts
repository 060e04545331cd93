/** One process of a party. */
export type Member = {label: string; pid: number};

/** One side of the comparison, running: the floor, or ours. */
export type Party = {
	name: 'floor' | 'ours';
	members: readonly Member[];
	/** Where the stored bytes lie. */
	folders: readonly string[];
	/** Stores a file and returns what it is fetched by. */
	upload: (sizeBytes: number) => Promise<string>;
	/** Fetches a file and returns its length. */
	download: (id: string, take?: (piece: Buffer) => void) => Promise<number>;
	/** Removes these files, of which nothing else is stored; done when the disk has its room back. */
	clear: (ids: readonly string[]) => Promise<void>;
	/** What its processes said last, for whoever must find out why something failed. */
	explain: () => Promise<string>;
	stop: () => Promise<void>;
};
