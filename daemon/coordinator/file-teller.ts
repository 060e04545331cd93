import type {FileId} from '../../source/protocol/ids.js';
import {mayFile} from '../core/access.js';
import type {Catalog} from '../ports/catalog.js';
import type {Worker} from '../ports/worker.js';
import type {Events} from './events.js';
import type {Fleet} from './fleet.js';
import {fileView} from './views.js';

type FileTellerOptions = {catalog: Catalog; fleet: Fleet; events: Pick<Events, 'publish'>};

export type FileTeller = Worker & {
	/** The redundancy of this file changed. */
	changed: (file: FileId) => void;
};

/** Each step leaves most of the room that events have to what else happens. */
const FILES_A_STEP = 200;

/**
Tells of files whose redundancy changed, each anew and once a step, however many of its shards are found lost or sound
meanwhile. Those that wait are at most all files there are.
*/
export const createFileTeller = ({catalog, fleet, events}: FileTellerOptions): FileTeller => {
	const waiting = new Set<FileId>();
	return {
		name: 'file teller',
		changed: file => void waiting.add(file),
		async step() {
			for (const id of [...waiting].slice(0, FILES_A_STEP)) {
				waiting.delete(id);
				const file = await catalog.getFile(id);
				if (file && !file.trashed)
					events.publish('file', fileView(file, {catalog, fleet}), principal => mayFile(principal, 'see', file));
			}

			return 'idle';
		},
	};
};
