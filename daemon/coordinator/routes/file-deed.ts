import type {FileRecord} from '../../core/model.js';
import type {AppContext} from '../../http/app.js';

/** A file as the audit log shows it. */
export const titleOf = ({_id, name}: FileRecord): string => `${_id} ${JSON.stringify(name)}`;

/** Whether a download begins with this request: that later parts are asked for is no news. */
export const isBeginning = (ctx: AppContext): boolean =>
	ctx.method === 'GET' && /^(bytes=0-.*)?$/.test(ctx.get('Range'));
