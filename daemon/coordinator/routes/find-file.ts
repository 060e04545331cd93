import {PjasError} from '../../../source/protocol/errors.js';
import {parseFileId} from '../../../source/protocol/ids.js';
import {type FileAct, mayFile, mayKnow, type Principal} from '../../core/access.js';
import type {FileRecord} from '../../core/model.js';
import type {Catalog} from '../../ports/catalog.js';
import type {RouteContext} from './serve.js';

export type FindFile = (ctx: RouteContext, principal: Principal, act: FileAct) => Promise<FileRecord>;

export const fileNotFound = (): PjasError => new PjasError('FILE_NOT_FOUND', 'File not found');

const isKept = ({trashed}: FileRecord): boolean => !trashed;

const findBy = async (
	catalog: Catalog,
	isMeant: (file: FileRecord) => boolean,
	text: unknown,
	principal: Principal,
	act: FileAct,
): Promise<FileRecord> => {
	const id = parseFileId(text);
	const file = id && (await catalog.getFile(id));
	if (!file || !isMeant(file) || !mayKnow(principal, file)) throw fileNotFound();
	if (mayFile(principal, act, file)) return file;
	throw new PjasError('FORBIDDEN', act === 'read' ? 'You may not read this file' : 'You may not change this file');
};

const findWhere =
	({catalog}: {catalog: Catalog}, isMeant: (file: FileRecord) => boolean): FindFile =>
	async (ctx, principal, act) =>
		findBy(catalog, isMeant, ctx.params['id'], principal, act);

/**
Finds the file that a call is about, for somebody who wants to do something with it. What one may not know of is not
there, nor is what is in the trash; what one may know of and not do is forbidden.
*/
export const findFile = (parts: {catalog: Catalog}): FindFile => findWhere(parts, isKept);

/** One of several files that somebody wants to read. */
export const readableFile = async (
	{catalog}: {catalog: Catalog},
	principal: Principal,
	id: string,
): Promise<FileRecord> => findBy(catalog, isKept, id, principal, 'read');

/** The same, of what is in the trash only. */
export const findTrashed = (parts: {catalog: Catalog}): FindFile => findWhere(parts, ({trashed}) => Boolean(trashed));

/** The same, in the trash or not: for what is about a file's shards. */
export const findAnywhere = (parts: {catalog: Catalog}): FindFile => findWhere(parts, () => true);
