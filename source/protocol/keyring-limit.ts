/** How long a keyring is at most as it is kept: 25,000 keys or so. */
export const MOST_KEYRING_LENGTH = 4 * 1024 * 1024;

/** So few characters are soon guessed by whoever has the keyring. */
export const SHORTEST_PASSPHRASE = 8;
