import {chmod, lstat, mkdir, rm} from 'node:fs/promises';
import {createServer} from 'node:http';
import path from 'node:path';
import {isMainThread} from 'node:worker_threads';
import Router from '@koa/router';
import {PjasError} from '../../source/protocol/errors.js';
import {
	memberLogQuerySchema,
	memberRoutes,
	type MemberStatus,
	setLimitsSchema,
} from '../../source/protocol/member-api.js';
import {type AppState, createApp} from '../http/app.js';
import {readJson, validate} from '../http/body.js';
import type {Clock, Random} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import type {LogTail} from './log-tail.js';
import type {Member} from './member.js';
import type {MemberDoctor} from './member-doctor.js';
import type {SafeToStop} from './safe-to-stop.js';

type MemberServerOptions = {
	/** A path, or a pipe's name. Nobody else may listen there: what is left there of an earlier run is removed. */
	socketPath: string;
	member: Pick<Member, 'set' | 'pause' | 'leave'>;
	status: () => Promise<MemberStatus>;
	tail: LogTail;
	/** Which run of the node this is: when it was started, in milliseconds since the epoch. */
	startedAt: number;
	/** Asks the coordinator whether the node can stop. */
	safeToStop: SafeToStop;
	/** Without one, the node can't look what is wrong with it. */
	doctor: MemberDoctor | undefined;
	log: Log;
	clock: Clock;
	random: Random;
};

/** In the node's own folder it is called so; elsewhere it stands in a folder that is made for it. */
const SOCKET_NAME = 'node.sock';
const PRIVATE_FOLDER = 0o700;
const PRIVATE_UMASK = 0o177;

const loopbackHost = /^(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/i;

/**
No page may ask or steer a node, also where its socket was forwarded to a port: neither one of another origin, nor one whose
name was made to lead to this machine (DNS rebinding).
*/
const refusePages = async (ctx: {get: (name: string) => string}, next: () => Promise<unknown>) => {
	if (ctx.get('Origin') !== '' || !loopbackHost.test(ctx.get('Host')))
		throw new PjasError('FORBIDDEN', 'A node is steered by programs, not by pages');
	await next();
};

const doctorOf = (doctor: MemberDoctor | undefined): MemberDoctor => {
	if (doctor) return doctor;
	throw new PjasError('ROUTE_NOT_FOUND', 'This node has no coordinator, so there is nothing for a doctor to look at');
};

const createMemberApp = (options: MemberServerOptions) => {
	const {member, status, tail, startedAt, safeToStop, doctor, log, clock, random} = options;
	const app = createApp({log, clock, random});
	const router = new Router<AppState>({exclusive: true});
	router.get(memberRoutes.status.path, async ctx => {
		ctx.body = await status();
	});
	router.get(memberRoutes.log.path, ctx => {
		const {limit, after} = validate(memberLogQuerySchema, {...ctx.query}, 'query');
		ctx.body = {success: true, entries: tail(limit, after), started_at: startedAt};
	});
	router.get(memberRoutes.examination.path, ctx => {
		ctx.body = doctorOf(doctor).view();
	});
	router.post(memberRoutes.safeToStop.path, async ctx => {
		ctx.body = await safeToStop();
	});
	router.post(memberRoutes.examine.path, ctx => {
		ctx.body = doctorOf(doctor).begin();
	});
	router.patch(memberRoutes.set.path, async ctx => {
		await member.set(await readJson(ctx.req, setLimitsSchema));
		ctx.body = await status();
	});
	for (const name of ['pause', 'resume'] as const) {
		router.post(memberRoutes[name].path, async ctx => {
			await member.pause(name === 'pause');
			ctx.body = await status();
		});
	}

	router.post(memberRoutes.leave.path, async ctx => {
		await member.leave('asked');
		ctx.body = await status();
	});
	router.delete(memberRoutes.stay.path, async ctx => {
		await member.leave('no');
		ctx.body = await status();
	});
	app.use(refusePages);
	app.use(router.routes());
	return app;
};

/** A folder in one that all may write to, where it is this user's alone. */
const makePrivateFolder = async (folder: string): Promise<void> => {
	await mkdir(folder, {mode: PRIVATE_FOLDER}).catch((error: unknown) => {
		if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
	});
	const {uid, mode} = await lstat(folder);
	if (uid === process.getuid?.() && (mode & 0o077) === 0) return;
	throw new PjasError(
		'INVALID_CONFIGURATION',
		`${folder} is not this user's alone: remove it, or take a shorter storage path`,
	);
};

/** Serves a node's member on a socket that only the user can open as whom the node runs. */
export const listenToMember = async (options: MemberServerOptions): Promise<{close: () => Promise<void>}> => {
	const {socketPath, log} = options;
	const isPipe = socketPath.startsWith('\\\\.\\pipe\\');
	const serve = createMemberApp(options).callback();
	const server = createServer((request, response) => void serve(request, response));
	if (!isPipe) {
		if (path.basename(socketPath) !== SOCKET_NAME) await makePrivateFolder(path.dirname(socketPath));
		await rm(socketPath, {force: true});
	}

	await new Promise<void>((resolve, reject) => {
		server.once('error', reject);
		// The socket is made here and now: nobody else could open it even for a moment.
		const umask = isPipe || !isMainThread ? undefined : process.umask(PRIVATE_UMASK);
		try {
			server.listen(socketPath, resolve);
		} finally {
			if (umask !== undefined) process.umask(umask);
		}
	});
	if (!isPipe) await chmod(socketPath, 0o600);
	server.removeAllListeners('error').on('error', error => log.error("the member's socket failed", {error}));
	return {
		close: async () =>
			new Promise(resolve => {
				server.close(() => resolve());
				server.closeAllConnections();
			}),
	};
};
