import {isPjasError} from '../../../source/protocol/errors.js';
import type {SmallKind, SmallRecords} from '../../core/model.js';
import type {Catalog} from '../../ports/catalog.js';

const MOST_TRIES = 8;

/**
Reads a record, lets it be changed and puts it back, anew where somebody else was faster. `undefined` where it is not
there, or where `change` leaves it as it is.
*/
export const changeSmall = async <K extends SmallKind>(
	catalog: Catalog,
	kind: K,
	id: string,
	change: (record: SmallRecords[K]) => SmallRecords[K] | undefined,
): Promise<SmallRecords[K] | undefined> => {
	for (let tries = 1; ; tries++) {
		const record = await catalog.getSmall(kind, id);
		const changed = record && change(record);
		if (!changed) return undefined;
		try {
			return await catalog.putSmall(kind, changed);
		} catch (error) {
			if (!isPjasError(error, 'CONFLICT') || tries === MOST_TRIES) throw error;
		}
	}
};
