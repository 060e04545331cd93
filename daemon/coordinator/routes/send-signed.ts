import type {AppContext} from '../../http/app.js';
import type {Signed} from '../admission.js';

/** What is signed must go out as it was. */
export const sendSigned = (ctx: AppContext, {status, headers, text}: Signed): void => {
	ctx.status = status;
	ctx.set(headers);
	ctx.type = 'json';
	ctx.body = text;
};
