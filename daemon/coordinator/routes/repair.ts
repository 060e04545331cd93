import {PjasError} from '../../../source/protocol/errors.js';
import {isOperator, mayFile} from '../../core/access.js';
import {repairView} from '../repair-view.js';
import {titleOf} from './file-deed.js';
import {findAnywhere} from './find-file.js';
import type {Parts} from './parts.js';
import {noteDeed, type RouteContext, type Serve} from './serve.js';
import {nameOf} from './session.js';

export const repairRoutes = (serve: Serve, parts: Parts): void => {
	const {repairer} = parts;
	const find = findAnywhere(parts);
	const answer = (ctx: RouteContext) => {
		ctx.body = {success: true, repair: repairView(repairer)};
	};

	serve('repair', answer);
	serve('pauseRepair', async (ctx, principal) => {
		await repairer.pause(true, nameOf(principal));
		answer(ctx);
	});
	serve('resumeRepair', async (ctx, principal) => {
		await repairer.pause(false, nameOf(principal));
		answer(ctx);
	});
	serve('repairFile', async (ctx, principal) => {
		const file = await find(ctx, principal, 'see');
		if (!isOperator(principal) && !mayFile(principal, 'change', file))
			throw new PjasError('FORBIDDEN', 'You may not have this file repaired');
		noteDeed(ctx, titleOf(file));
		ctx.body = {success: true, file_id: file._id, chunks: await repairer.repairFile(file._id)};
	});
};
