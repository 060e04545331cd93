import {mayFile} from '../../core/access.js';
import type {FileRecord} from '../../core/model.js';
import {fileView} from '../views.js';
import type {Parts} from './parts.js';

/** Tells whoever may see a file how it is now. */
export const publishFile = ({events, catalog, fleet}: Parts, file: FileRecord): void => {
	events.publish('file', fileView(file, {catalog, fleet}), principal => mayFile(principal, 'see', file));
};
