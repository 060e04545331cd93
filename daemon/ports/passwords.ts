/** How passwords are kept: as hashes that say how they were made, so that the making can change and old ones still check. */
export type Passwords = {
	/** A hash in the PHC string format. */
	hash: (password: string) => Promise<string>;
	/** Whether this is the password. Without a hash it takes as long, and is not. */
	verify: (hash: string | undefined, password: string) => Promise<boolean>;
};
