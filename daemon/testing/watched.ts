import {readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';
import {createApi} from '../../source/client/api.js';
import {type Keeper, startDaemon, temporaryFolder, until} from './processes.js';
import {startRecorder} from './recorder.js';

/** All ways in which somebody might write some bytes down. */
const formsOf = (bytes: Uint8Array): Buffer[] => {
	const raw = Buffer.from(bytes);
	const texts = [
		raw.toString('hex'),
		raw.toString('hex').toUpperCase(),
		...[0, 1, 2].flatMap(shift => {
			// Base64 of a text inside another one begins at any of three places.
			const inner = Buffer.concat([Buffer.alloc(shift), raw]);
			const start = Math.ceil((shift * 4) / 3);
			return (['base64', 'base64url'] as const).map(encoding =>
				inner.toString(encoding).replace(/=+$/, '').slice(start, -1),
			);
		}),
		JSON.stringify(raw.toString('utf8')).slice(1, -1),
		encodeURIComponent(raw.toString('utf8')),
	];
	return [raw, ...texts.map(text => Buffer.from(text))];
};

/** What all files in a folder hold. */
export const filesBelow = (folder: string): Buffer[] =>
	readdirSync(folder, {recursive: true, withFileTypes: true})
		.filter(entry => entry.isFile())
		.map(entry => readFileSync(path.join(entry.parentPath, entry.name)));

/** Which of the secrets are found in any of the places. */
export const foundIn = (places: readonly Buffer[], secrets: Record<string, Uint8Array>): string[] =>
	Object.entries(secrets)
		.filter(([, bytes]) => formsOf(bytes).some(form => places.some(place => place.includes(form))))
		.map(([name]) => name);

/** A coordinator and three nodes on folders, whose log says all it can, behind something that records all that is said. */
export const startWatched = async (t: Keeper) => {
	const folder = temporaryFolder(t);
	const daemon = startDaemon(t, ['--role', 'local', '--data', 'data', '--port', '0', '--log-level', 'debug'], {folder});
	const url = await daemon.ready();
	const token = readFileSync(path.join(folder, 'data', 'coordinator', 'admin.token'), 'utf8').trim();
	const api = createApi(url, {token});
	await until('its nodes are there', async () => (await api.stats()).onlineNodes >= 3);
	return {folder, daemon, token, api, recorder: await startRecorder(t, url)};
};

/** All that is left of what was done: the disks, the logs, and what went over the wire. */
export const placesOf = ({folder, daemon, recorder}: Awaited<ReturnType<typeof startWatched>>): Buffer[] => [
	...filesBelow(path.join(folder, 'data')),
	Buffer.from(daemon.stdout()),
	Buffer.from(daemon.stderr()),
	recorder.recorded(),
];
