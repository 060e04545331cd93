import {hash, type Options, verify} from '@node-rs/argon2';
import {PjasError} from '../../source/protocol/errors.js';
import type {Passwords} from '../ports/passwords.js';

/** The least that OWASP asks for Argon2id: https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html */
const defaultCost: Options = {memoryCost: 19_456, timeCost: 2, parallelism: 1};

/** Each takes 19 MiB: a flood of tries must not take more than this many. */
const MOST_AT_ONCE = 2;
const MOST_WAITING = 50;
const RETRY_AFTER_SECONDS = 5;

/** Lets so many do their work at once; so many more wait. */
const createGate = () => {
	const waiting: (() => void)[] = [];
	let atWork = 0;
	return async <T>(work: () => Promise<T>): Promise<T> => {
		if (atWork === MOST_AT_ONCE) {
			if (waiting.length >= MOST_WAITING) {
				const problem = 'Many people sign in at this moment. Try again in a few seconds';
				throw new PjasError('TOO_MANY_REQUESTS', problem, {retryAfterSeconds: RETRY_AFTER_SECONDS});
			}

			await new Promise<void>(resolve => waiting.push(resolve));
		} else {
			atWork++;
		}

		try {
			return await work();
		} finally {
			const next = waiting.shift();
			if (next) next();
			else atWork--;
		}
	};
};

/** Argon2id, the algorithm that the package takes where nothing else is said. A test may make it cheaper. */
export const argon2Passwords = (cost: Options = defaultCost): Passwords => {
	const through = createGate();
	// Of a password that nobody has, so that an unknown name takes as long as a wrong password.
	let nobodys: Promise<string> | undefined;
	return {
		hash: async password => through(async () => hash(password, cost)),
		verify: async (stored, password) =>
			through(async () => {
				nobodys ??= hash('a password that nobody has', cost);
				const isRight = await verify(stored ?? (await nobodys), password);
				return stored !== undefined && isRight;
			}),
	};
};
