import {type ChildProcess, spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdir, mkdtemp, open, readdir, readFile, rm, stat} from 'node:fs/promises';
import {createServer} from 'node:net';
import {join} from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
import {createParser, type EventSourceMessage} from 'eventsource-parser';
import {ask, download, type Envelope, upload, uploadByTus} from './client.js';
import type {Party} from './party.js';

const READY_WITHIN_MS = 60_000;
const REMOVED_WITHIN_MS = 30_000;
const STOPPED_WITHIN_MS = 20_000;
const LOG_TAIL_LINES = 12;
const host = '127.0.0.1';
const cli = fileURLToPath(new URL('../pjas-daemon.cjs', import.meta.url));

const boundary = 'pjas-bench-4c1d0a6e93b7';
const form: Envelope = {
	headers: {'content-type': `multipart/form-data; boundary=${boundary}`},
	before: Buffer.from(
		`--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="bench.bin"\r\n` +
			'Content-Type: application/octet-stream\r\n\r\n',
	),
	after: Buffer.from(`\r\n--${boundary}--\r\n`),
};

export const freePort = async (): Promise<number> => {
	const server = createServer().listen(0, host);
	await once(server, 'listening');
	const address = server.address();
	server.close();
	await once(server, 'close');
	return typeof address === 'object' && address ? address.port : 0;
};

/** Asks again and again until `holds` says so; an error counts as no. Gives up at once where `isOver` says so. */
export const until = async (
	what: string,
	withinMs: number,
	holds: () => Promise<boolean>,
	isOver = () => false,
): Promise<void> => {
	const end = performance.now() + withinMs;
	while (performance.now() < end && !isOver()) {
		if (await holds().catch(() => false)) return;
		await delay(100);
	}

	throw new Error(isOver() ? `${what}: it ended` : `${what}: not within ${withinMs / 1000} s`);
};

type Daemon = {label: string; child: ChildProcess; logFile: string};

/** Starts one daemon as a process of its own, with its log in a file, and nothing of this one's configuration. */
const start = async (label: string, folder: string, args: string[], profileFolder?: string): Promise<Daemon> => {
	const logFile = join(folder, `${label.replace(' ', '-')}.log`);
	const log = await open(logFile, 'w');
	const profiling = [
		'--cpu-prof',
		`--cpu-prof-dir=${profileFolder}`,
		`--cpu-prof-name=${label.replace(' ', '-')}.cpuprofile`,
	];
	const environment = Object.entries(process.env).filter(([name]) => !name.startsWith('PJAS_') && name !== 'PORT');
	const child = spawn(process.execPath, [...(profileFolder ? profiling : []), cli, ...args], {
		cwd: folder,
		env: Object.fromEntries(environment),
		stdio: ['ignore', log.fd, log.fd],
	});
	await once(child, 'spawn');
	await log.close();
	return {label, child, logFile};
};

const hasEnded = ({child}: Daemon): boolean => child.exitCode !== null || child.signalCode !== null;

const stop = async (daemon: Daemon): Promise<void> => {
	const {child} = daemon;
	if (hasEnded(daemon)) return;
	const ended = once(child, 'exit');
	child.kill('SIGTERM');
	const timer = setTimeout(() => child.kill('SIGKILL'), STOPPED_WITHIN_MS);
	await ended;
	clearTimeout(timer);
};

/** What the files below a folder take, but for those that go while it is counted; nothing where it is gone. */
const sizeOf = async (folder: string): Promise<number> => {
	const entries = await readdir(folder, {recursive: true, withFileTypes: true}).catch(() => []);
	const sizes = entries
		.filter(entry => entry.isFile())
		.map(async entry => (await stat(join(entry.parentPath, entry.name)).catch(() => ({size: 0}))).size);
	return (await Promise.all(sizes)).reduce((total, size) => total + size, 0);
};

type Headers = Record<string, string>;

const hasOnline = async (port: number, headers: Headers, nodes: number): Promise<boolean> => {
	const {nodes: list} = JSON.parse(await ask({host, port, headers, path: '/api/nodes'})) as {nodes: {status: string}[]};
	return list.filter(({status}) => status === 'online').length === nodes;
};

/** A code for so many nodes; each says its zone itself. */
const joinCode = async (port: number, headers: Headers, nodes: number): Promise<string> => {
	const options = {host, port, method: 'POST', path: '/api/nodes/invitations'};
	const body = {headers: {...headers, 'content-type': 'application/json'}, before: Buffer.from(`{"uses":${nodes}}`)};
	return (JSON.parse(await upload(options, 0, {...body, after: Buffer.alloc(0)})) as {code: string}).code;
};

/** The last lines of each daemon's log, for whoever must find out why it did not work. */
const logsOf = async (daemons: readonly Daemon[]): Promise<string> => {
	const tails = daemons.map(async ({label, logFile}) => {
		const lines = (await readFile(logFile, 'utf8')).trimEnd().split('\n');
		return [`--- ${label}`, ...lines.slice(-LOG_TAIL_LINES)].join('\n');
	});
	return (await Promise.all(tails)).join('\n');
};

export type NetworkOptions = {
	/** Which side of the comparison it is. */
	name?: Party['name'];
	/** Whether it runs without accounts. */
	isOpen?: boolean;
	profileFolder?: string | undefined;
	/** How many nodes; 3 without it. */
	nodes?: number;
	/** Whether its nodes are reached over links. */
	isLinked?: boolean;
	/** Whether files come by tus. */
	isByTus?: boolean;
	/** What else the coordinator is told. */
	settings?: readonly string[];
};

type Started = {daemons: Daemon[]; headers: Headers};

type CoordinatorOptions = Pick<NetworkOptions, 'isOpen' | 'profileFolder' | 'settings'>;

const dataFolderIn = (folder: string): string => join(folder, 'coordinator');

const startCoordinator = async (
	folder: string,
	port: number,
	{isOpen = false, profileFolder, settings = []}: CoordinatorOptions,
	withinMs = READY_WITHIN_MS,
): Promise<Daemon> => {
	const open = isOpen ? ['--open'] : [];
	const args = ['--role', 'coordinator', ...open, '--port', String(port), '--data', dataFolderIn(folder)];
	const daemon = await start('coordinator', folder, [...args, ...settings], profileFolder);
	const answers = async () => {
		await ask({host, port, path: '/health'});
		return true;
	};
	await until('The coordinator answers', withinMs, answers, () => hasEnded(daemon)).catch(async (error: unknown) => {
		await stop(daemon);
		throw new Error(`The coordinator did not start.\n${await logsOf([daemon])}`, {cause: error});
	});
	return daemon;
};

const startDaemons = async (
	folder: string,
	port: number,
	folders: readonly string[],
	options: NetworkOptions,
): Promise<Started> => {
	const {isOpen = false, profileFolder} = options;
	const daemons = [await startCoordinator(folder, port, options)];
	try {
		const tokenFile = join(dataFolderIn(folder), 'admin.token');
		const token = isOpen ? undefined : (await readFile(tokenFile, 'utf8')).trim();
		const headers: Headers = token === undefined ? {} : {authorization: `Bearer ${token}`};
		const code = isOpen ? undefined : await joinCode(port, headers, folders.length);
		for (const [index, storage] of folders.entries()) {
			const label = `node ${index + 1}`;
			const names = ['--name', label, '--owner', label, '--zone', label];
			const join = code === undefined ? [] : ['--join', code];
			const at = ['--coordinator', `http://${host}:${port}/api`, '--port', '0'];
			const reach = options.isLinked === true ? ['--reach', 'links'] : [];
			const args = ['--role', 'node', storage, ...at, ...names, ...join, ...reach];
			daemons.push(await start(label, folder, args, profileFolder));
		}

		const count = folders.length;
		await until(`${count} nodes are online`, READY_WITHIN_MS, async () => hasOnline(port, headers, count));
		return {daemons, headers};
	} catch (error) {
		await Promise.all(daemons.map(stop));
		throw new Error(`The network did not start.\n${await logsOf(daemons)}`, {cause: error});
	}
};

export type Restart = {
	/** What it is told then. */
	settings: readonly string[];
	/** What is done with its data folder while it is not there. */
	meanwhile?: (dataFolder: string) => Promise<void>;
	/** When it is given up. */
	withinMs?: number;
};

/** Ours, with what can happen to it. */
export type Network = Party & {
	/** Asks the coordinator. */
	get: <T>(path: string) => Promise<T>;
	/** Listens to its events until the signal is aborted. */
	listen: (onEvent: (event: EventSourceMessage) => void, signal: AbortSignal) => Promise<void>;
	/** Ends a node at once, and its disk with it, as a machine that breaks does. */
	kill: (label: string) => Promise<void>;
	/** Ends the coordinator and starts it again. Returns how many seconds that took until it answered. */
	restart: (restart: Restart) => Promise<number>;
	port: number;
	dataFolder: string;
};

/** Starts ours: a coordinator and its nodes, each a process of its own, as an operator would. */
export const startNetwork = async (parent: string, options: NetworkOptions = {}): Promise<Network> => {
	const folder = join(parent, options.isOpen === true ? 'open' : 'network');
	const folders = Array.from({length: options.nodes ?? 3}, (_, index) => join(folder, `node-${index + 1}`));
	await Promise.all(folders.map(async path => mkdir(path, {recursive: true})));
	const port = await freePort();
	const {daemons, headers} = await startDaemons(folder, port, folders, options);
	const stored = new Map<string, number>();

	/** Shards are removed in the background: they must be gone before something else is measured. */
	const removed = async (): Promise<boolean> => {
		const kept = [...stored.values()].reduce((total, sizeBytes) => total + sizeBytes, 0);
		const sizes = await Promise.all(folders.map(sizeOf));
		return sizes.every(size => size <= kept * 1.05 + 8 * 1024 * 1024);
	};

	return {
		name: options.name ?? 'ours',
		get members() {
			return daemons.map(({label, child}) => ({label, pid: child.pid ?? 0}));
		},
		folders,
		upload: async sizeBytes => {
			if (options.isByTus === true) {
				const id = await uploadByTus({host, port, method: 'POST', path: '/api/uploads', headers}, sizeBytes);
				stored.set(id, sizeBytes);
				return id;
			}

			const answer = await upload({host, port, method: 'POST', path: '/api/files/upload'}, sizeBytes, {
				...form,
				headers: {...form.headers, ...headers},
			});
			const {file_id: id} = JSON.parse(answer) as {file_id: string};
			stored.set(id, sizeBytes);
			return id;
		},
		download: async (id, take) => download({host, port, headers, path: `/api/files/download/${id}`}, take),
		clear: async ids => {
			for (const id of ids) {
				await ask({host, port, headers, method: 'DELETE', path: `/api/files/${id}?forever=true`});
				stored.delete(id);
			}

			await until('The removed files have left the nodes', REMOVED_WITHIN_MS, removed).catch((error: unknown) => {
				// Worth knowing, but nothing that is measured here; the disk has room for all runs or the next one fails.
				process.stderr.write(`WARNING: ${String(error)}\n`);
			});
		},
		get: async <T>(path: string) => JSON.parse(await ask({host, port, headers, path})) as T,
		async listen(onEvent, signal) {
			const parser = createParser({onEvent});
			const decoder = new TextDecoder();
			const take = (piece: Buffer) => parser.feed(decoder.decode(piece, {stream: true}));
			await download({host, port, headers, path: '/api/events', signal}, take).catch((error: unknown) => {
				if (!signal.aborted) throw error;
			});
		},
		kill: async label => {
			const place = daemons.findIndex(daemon => daemon.label === label);
			const child = daemons[place]?.child;
			if (!child || child.exitCode !== null || child.signalCode !== null) return;
			const ended = once(child, 'exit');
			child.kill('SIGKILL');
			await ended;
			// The first daemon is the coordinator.
			const lost = folders[place - 1];
			if (lost !== undefined) await rm(lost, {recursive: true});
		},
		port,
		dataFolder: dataFolderIn(folder),
		async restart({settings, meanwhile, withinMs}) {
			const [coordinator] = daemons;
			if (coordinator) await stop(coordinator);
			await meanwhile?.(dataFolderIn(folder));
			const started = performance.now();
			daemons[0] = await startCoordinator(folder, port, {...options, settings}, withinMs);
			return (performance.now() - started) / 1000;
		},
		explain: async () => logsOf(daemons),
		stop: async () => {
			for (const daemon of daemons) {
				await stop(daemon);
			}
		},
	};
};

/** Runs `work` with a network, and leaves nothing of it behind; where it fails, what the network said last is printed. */
export const withNetwork = async <T>(
	parent: string,
	options: NetworkOptions,
	print: (text: string) => void,
	work: (network: Network, folder: string) => Promise<T>,
): Promise<T> => {
	const folder = await mkdtemp(join(parent, 'pjas-bench-'));
	let network: Network | undefined;
	try {
		network = await startNetwork(folder, options);
		return await work(network, folder);
	} catch (error) {
		if (network) print(await network.explain());
		throw error;
	} finally {
		await network?.stop();
		await rm(folder, {recursive: true, force: true});
	}
};
