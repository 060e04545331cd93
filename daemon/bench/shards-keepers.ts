import {spawn, spawnSync} from 'node:child_process';
import {once} from 'node:events';
import {mkdir, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import type {Digest} from '../../source/protocol/ids.js';
import {authenticateFor} from '../testing/signed-node.js';
import {ask} from './client.js';
import type {Print} from './compare.js';
import {endForked, startForked} from './forked.js';
import {freePort, startNetwork, until} from './network.js';

export type Operation = 'put' | 'get' | 'remove';

/** A process that keeps shards, and how it is asked. */
export type Keeper = {
	name: string;
	pid: number;
	port: number;
	pathOf: (digest: Digest) => string;
	headersOf: (operation: Operation, digest: Digest) => Record<string, string>;
	stop: () => Promise<void>;
};

const host = '127.0.0.1';
const READY_WITHIN_MS = 20_000;

/** Our node, asked as its coordinator asks it. */
const startOurs = async (parent: string): Promise<Keeper> => {
	const network = await startNetwork(parent, {nodes: 1});
	const {nodes} = await network.get<{nodes: {address: string}[]}>('/api/nodes');
	const authenticate = await authenticateFor(network.dataFolder, network.folders[0] ?? '');
	return {
		name: 'our node',
		pid: network.members.find(({label}) => label === 'node 1')?.pid ?? 0,
		port: Number(new URL(nodes[0]?.address ?? '').port),
		pathOf: digest => `/shards/${digest}`,
		headersOf: (operation, digest) => ({
			...authenticate({operation, digest, search: ''}).headers,
			'content-type': 'application/octet-stream',
		}),
		stop: network.stop,
	};
};

const startBare = async (parent: string, name: string, does: readonly string[]): Promise<Keeper> => {
	const folder = join(parent, ['bare', ...does].join('-'));
	await mkdir(folder, {recursive: true});
	const forked = await startForked('shards-server.js', [folder, ...does]);
	return {
		...{name, pid: forked.child.pid ?? 0, port: forked.port},
		pathOf: digest => `/${digest}`,
		headersOf: () => ({}),
		stop: async () => endForked([forked]),
	};
};

/** Why there is no nginx that could be measured. */
const nginxProblem = (): string | undefined => {
	const {status, stderr} = spawnSync('nginx', ['-V'], {encoding: 'utf8'});
	if (status !== 0) return 'nginx is not installed (Debian: apt-get install nginx-light)';
	return /--with-http_dav_module(\s|$)/.test(stderr) ? undefined : 'this nginx comes without its WebDAV module';
};

const configurationOf = (folder: string, port: number): string => {
	const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
		name => `${name}_temp_path ${join(folder, name)};`,
	);
	return `daemon off; master_process off; pid ${join(folder, 'pid')}; error_log stderr crit;
events {}
http {
	access_log off; sendfile on; client_max_body_size 0; keepalive_requests 1000000; ${temporary.join(' ')}
	server { listen ${host}:${port}; root ${join(folder, 'shards')}; dav_methods PUT DELETE; }
}
`;
};

const startNginx = async (parent: string): Promise<Keeper> => {
	const folder = join(parent, 'nginx');
	await mkdir(join(folder, 'shards'), {recursive: true});
	const port = await freePort();
	const file = join(folder, 'nginx.conf');
	await writeFile(file, configurationOf(folder, port));
	const child = spawn('nginx', ['-c', file], {stdio: ['ignore', 'ignore', 'inherit']});
	const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
	const stop = async () => {
		if (hasEnded()) return;
		const ended = once(child, 'exit');
		child.kill('SIGTERM');
		await ended;
	};
	// That there is nothing at its root is an answer.
	const answers = async () =>
		ask({host, port, path: '/'}).then(
			() => true,
			(error: unknown) => /40[34]/.test(String(error)),
		);
	await until('nginx answers', READY_WITHIN_MS, answers, hasEnded).catch(async (error: unknown) => {
		await stop();
		throw error;
	});
	return {...{name: 'nginx', pid: child.pid ?? 0, port}, pathOf: digest => `/${digest}`, headersOf: () => ({}), stop};
};

/** Starts all that are compared; what is started is put into `keepers` at once, so that it is stopped in any case. */
export const startKeepers = async (parent: string, keepers: Keeper[], print: Print): Promise<void> => {
	const problem = nginxProblem();
	if (problem === undefined) keepers.push(await startNginx(parent));
	else print(`  nginx is left out: ${problem}`);
	keepers.push(await startBare(parent, 'bare: written', []));
	keepers.push(await startBare(parent, 'bare: and on disk', ['sync']));
	keepers.push(await startBare(parent, 'bare: and hashed', ['sync', 'hash']));
	keepers.push(await startOurs(parent));
};
