import {request as requestHttp} from 'node:http';
import {request as requestHttps} from 'node:https';

/** Says whether something is well there. Never throws. */
export type Probe = () => Promise<boolean>;

const LIMIT_MS = 1_400;

/**
Asks a coordinator whether it is there, over a connection of its own and for little: so a console that waits can ask often.
It asks for its health rather than only connecting, for a proxy takes connections for a coordinator that is gone.
*/
export const createProbe =
	(url: string): Probe =>
	async () => {
		const {pathOf} = await import('../protocol/routes.js');
		const request = url.startsWith('https:') ? requestHttps : requestHttp;
		return new Promise(resolve => {
			const asked = request(url + pathOf('health'), {agent: false, signal: AbortSignal.timeout(LIMIT_MS)}, response => {
				resolve(response.statusCode === 200);
				response.destroy();
			});
			asked.once('error', () => resolve(false)).end();
		});
	};
