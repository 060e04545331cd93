import {isPjasError} from '../../../source/protocol/errors.js';

const MOST_TRIES = 8;

/** Does what begins with a look at a record, from the start where somebody else changed that meanwhile. */
export const triedAnew = async <T>(work: () => Promise<T>): Promise<T> => {
	for (let tries = 1; ; tries++) {
		try {
			return await work();
		} catch (error) {
			if (!isPjasError(error, 'CONFLICT') || tries === MOST_TRIES) throw error;
		}
	}
};
