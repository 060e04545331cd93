import type {Principal} from '../../core/access.js';
import type {FileRecord} from '../../core/model.js';
import type {Received} from '../upload.js';
import {titleOf} from './file-deed.js';
import type {Parts} from './parts.js';
import {publishFile} from './publish-file.js';
import {noteDeed, type RouteContext} from './serve.js';

const plural = (count: number, noun: string, more = `${noun}s`) => `${count} ${count === 1 ? noun : more}`;

/** Fewer copies than wanted are enough for an upload, and yet something to know of. */
const noteUploaded = ({note, replicas}: Parts, {file, lowestCopies}: Received) => {
	const chunks = `${JSON.stringify(file.name)} uploaded: ${plural(file.chunkCount, 'chunk')} in`;
	const about = {file: file._id, owner: file.owner};
	if (lowestCopies >= replicas) note('INFO', `${chunks} ${plural(replicas, 'copy', 'copies')}`, about);
	else note('WARN', `${chunks} only ${lowestCopies} of ${replicas} copies`, about);
};

/** Whose a new file is, and who may read it: what has no owner is for those who can't say who they are either. */
export const rightsOf = (principal: Principal): Pick<FileRecord, 'owner' | 'visibility'> => {
	if (principal.kind === 'account') return {owner: principal.name, visibility: 'private'};
	return {visibility: principal.kind === 'anonymous' ? 'public' : 'network'};
};

/** Tells everybody whom it concerns of a new file. */
export const tellUploaded = (parts: Parts, ctx: RouteContext, received: Received): void => {
	const {file, lowestCopies} = received;
	noteUploaded(parts, received);
	parts.meters.uploads.add({result: 'stored'});
	ctx.state.deed = {...ctx.state.deed, isIdle: false};
	noteDeed(ctx, titleOf(file));
	if (lowestCopies < parts.replicas) parts.repairer.fileChanged(file._id);
	publishFile(parts, file);
};
