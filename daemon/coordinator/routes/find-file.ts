import {PjasError} from '../../../source/protocol/errors.js';
import {parseFileId} from '../../../source/protocol/ids.js';
import {type FileAct, mayFile, type Principal} from '../../core/access.js';
import type {FileRecord} from '../../core/model.js';
import type {Catalog} from '../../ports/catalog.js';
import type {RouteContext} from './serve.js';

export type FindFile = (ctx: RouteContext, principal: Principal, act: FileAct) => Promise<FileRecord>;

export const fileNotFound = (): PjasError => new PjasError('FILE_NOT_FOUND', 'File not found');

/**
Finds the file that a call is about, for somebody who wants to do something with it. What one may not know of is not
there; what one may know of and not do is forbidden.
*/
export const findFile =
	({catalog}: {catalog: Catalog}): FindFile =>
	async (ctx, principal, act) => {
		const id = parseFileId(ctx.params['id']);
		const file = id && (await catalog.getFile(id));
		if (!file || !mayFile(principal, 'see', file)) throw fileNotFound();
		if (mayFile(principal, act, file)) return file;
		throw new PjasError('FORBIDDEN', act === 'read' ? 'You may not read this file' : 'You may not change this file');
	};
