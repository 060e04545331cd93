import {createHash} from 'node:crypto';
import {statSync} from 'node:fs';
import path from 'node:path';
import {PjasError} from './protocol/errors.js';

/** Where a node listens for its member, and where the member's programs look for it. */

/** What a socket's path may have on Linux (108 with its end) and on macOS (104). */
const LONGEST_PATH_BYTES = 103;
const SOCKET_NAME = 'node.sock';

type Machine = {platform: NodeJS.Platform; uid: number};

export const thisMachine = (): Machine => ({platform: process.platform, uid: process.getuid?.() ?? 0});

const hashOf = (folder: string): string => createHash('sha256').update(folder).digest('hex').slice(0, 24);

/**
The path of the socket of a node by its folder: in it, or, where that would be longer than the system allows, in a folder of this
user's in `/tmp`. On Windows it is a named pipe.
*/
export const memberSocketOf = (folder: string, {platform, uid}: Machine): string => {
	if (platform === 'win32') return `\\\\.\\pipe\\pjas-${hashOf(path.resolve(folder).toLowerCase())}`;
	const absolute = path.resolve(folder);
	const inside = path.join(absolute, SOCKET_NAME);
	return Buffer.byteLength(inside) <= LONGEST_PATH_BYTES ? inside : `/tmp/pjas-${uid}/${hashOf(absolute)}.sock`;
};

const statOf = (file: string) => {
	try {
		return statSync(file);
	} catch {
		return undefined;
	}
};

/** Where a member's program reaches a node. */
export type MemberTarget = {socketPath: string} | {url: string};

const notRunning = (folder: string) =>
	new PjasError(
		'NODE_NOT_FOUND',
		`No node runs on ${folder}, or not as this user: start it with pjas-daemon --role node ${folder}`,
	);

const loopbackHosts = ['localhost', '[::1]'];

const isLoopback = ({hostname}: URL) => loopbackHosts.includes(hostname) || /^127\.\d+\.\d+\.\d+$/.test(hostname);

/** The URL of a socket that was forwarded to this machine; `undefined` where the text is none. */
const forwardedUrlOf = (given: string): string | undefined => {
	if (!/^[a-z][a-z\d+.-]*:\/\//i.test(given) || /^(unix|file):/i.test(given)) return undefined;
	const url = URL.canParse(given) ? new URL(given) : undefined;
	if (url?.protocol === 'http:' && isLoopback(url) && url.pathname === '/' && url.search === '') return url.origin;
	throw new PjasError(
		'INVALID_CONFIGURATION',
		`A node is steered over its socket alone, never over a network, so ${given} can't be it. On its machine name its folder. From another, ssh -N -L 9000:FOLDER/node.sock THAT-MACHINE, then http://127.0.0.1:9000`,
	);
};

/**
Refuses what can't be the place of a node, whether one runs or not.

@throws {PjasError} `INVALID_CONFIGURATION`, with what can.
*/
export const checkMemberPlace = (given: string): void => void forwardedUrlOf(given);

/**
What `--node` or a command means: a node's folder, its socket, `unix:PATH`, or the URL of a socket that was forwarded to this
machine, as `ssh -L 9000:PATH` does.

@throws {PjasError} `NODE_NOT_FOUND` where there is none, `INVALID_CONFIGURATION` where it is a URL of something else.
*/
export const memberTargetOf = (given: string, machine: Machine = thisMachine()): MemberTarget => {
	const url = forwardedUrlOf(given);
	if (url !== undefined) return {url};
	const file = path.resolve(given.replace(/^(unix|file):(\/\/)?/i, ''));
	if (machine.platform === 'win32') return {socketPath: memberSocketOf(file, machine)};
	if (statOf(file)?.isSocket()) return {socketPath: file};
	const socketPath = memberSocketOf(file, machine);
	const stat = statOf(socketPath);
	// In /tmp somebody else could have made it.
	if (!stat?.isSocket() || (machine.uid !== 0 && stat.uid !== machine.uid)) throw notRunning(given);
	return {socketPath};
};
