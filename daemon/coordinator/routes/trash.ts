import {emptyTrashQuerySchema, type TrashedFile, trashQuerySchema} from '../../../source/protocol/healing-api.js';
import {isPjasError} from '../../../source/protocol/errors.js';
import {viewerOf} from '../../core/access.js';
import {type FileRecord, type TrashPlace, trashPlaceOf} from '../../core/model.js';
import {validate} from '../../http/body.js';
import type {TrashPage} from '../../ports/catalog.js';
import {fileView} from '../views.js';
import {titleOf} from './file-deed.js';
import {fileNotFound, findTrashed} from './find-file.js';
import type {Parts} from './parts.js';
import {publishFile} from './publish-file.js';
import {noteDeed, type Serve} from './serve.js';
import {nameOf} from './session.js';
import {triedAnew} from './tried-anew.js';

/** So many files are purged by one call: the next goes on. */
const MOST_EMPTIED = 200;

const pageOf = (owner: string | undefined, before: string | undefined, limit: number): TrashPage => ({
	limit,
	...(owner !== undefined && {owner}),
	...(before !== undefined && {before: before as TrashPlace}),
});

/** The place after which the next page begins; `null` where there is none. */
const nextOf = (files: readonly FileRecord[], limit: number): string | null => {
	const last = files.length > limit ? files[limit - 1] : undefined;
	return (last && trashPlaceOf(last)) ?? null;
};

/** What is in the trash, and what becomes of it. */
export const trashRoutes = (serve: Serve, parts: Parts): void => {
	const {catalog, note, trash} = parts;
	const find = findTrashed(parts);

	const trashedView = (file: FileRecord): TrashedFile => ({
		...fileView(file, parts),
		deleted_at: file.trashed?.at ?? 0,
		deleted_by: file.trashed?.by ?? '',
		purge_at: trash.purgeAt(file),
	});

	serve('trash', async (ctx, principal) => {
		const {limit, before} = validate(trashQuerySchema, ctx.query, 'query');
		const owner = viewerOf(principal);
		const files = await catalog.trash(pageOf(owner, before, limit + 1));
		const totals = catalog.trashTotals(owner);
		ctx.body = {
			success: true,
			files: files.slice(0, limit).map(trashedView),
			total: totals.files,
			total_size: totals.bytes,
			next_before: nextOf(files, limit),
		};
	});

	serve('restoreFile', async (ctx, principal) => {
		const file = await triedAnew(async () => {
			const trashed = await find(ctx, principal, 'change');
			noteDeed(ctx, titleOf(trashed));
			return trash.restore(trashed);
		});
		note('INFO', `${JSON.stringify(file.name)} brought back from the trash`, {file: file._id, owner: file.owner});
		publishFile(parts, file);
		ctx.body = {success: true, file: fileView(file, parts)};
	});

	/** Says whether the file was there. */
	const purge = async (file: FileRecord) => {
		if (!(await trash.purge(file))) return false;
		note('INFO', `${JSON.stringify(file.name)} deleted from the trash`, {file: file._id, owner: file.owner});
		return true;
	};

	serve('purgeFile', async (ctx, principal) => {
		await triedAnew(async () => {
			const file = await find(ctx, principal, 'change');
			noteDeed(ctx, titleOf(file));
			if (!(await purge(file))) throw fileNotFound();
		});
		ctx.body = {success: true};
	});

	serve('emptyTrash', async (ctx, principal) => {
		const {before} = validate(emptyTrashQuerySchema, ctx.query, 'query');
		const owner = principal.kind === 'account' ? nameOf(principal) : undefined;
		const page = await catalog.trash(pageOf(owner, before, MOST_EMPTIED + 1));
		const purged = {files: 0, bytes: 0};
		for (const file of page.slice(0, MOST_EMPTIED)) {
			try {
				if (!(await purge(file))) continue;
				purged.files++;
				purged.bytes += file.sizeBytes;
			} catch (error) {
				// Brought back at this moment: that holds.
				if (!isPjasError(error, 'CONFLICT')) throw error;
			}
		}

		noteDeed(ctx, `${purged.files} files, ${purged.bytes} bytes`);
		if (purged.files === 0) ctx.state.deed = {isIdle: true};
		ctx.body = {success: true, ...purged, next_before: nextOf(page, MOST_EMPTIED)};
	});
};
