import {spawn, spawnSync} from 'node:child_process';
import {once} from 'node:events';
import {readFile, writeFile} from 'node:fs/promises';
import path from 'node:path';
import {keptPort, type Keeper, temporaryFolder, until} from './processes.js';

/** nginx before a coordinator, as the manual has it. */
export type Front = {
	url: string;
	/** Starts it, again where it was stopped; resolves once the coordinator answers through it. */
	start: () => Promise<RunningFront>;
};

export type RunningFront = {stop: () => Promise<void>; errors: () => string};

const ERRORS_KEPT = 64 * 1024;

/** The manual's configuration of nginx, but for its ports and its certificate. */
const configurationOf = async (folder: string, port: number, target: string): Promise<string> => {
	const readme = await readFile(new URL('../../../README.md', import.meta.url), 'utf8');
	const [, printed = ''] = /```nginx\n(.*?)```/s.exec(readme) ?? [];
	const server = printed
		.replace('listen 443 ssl;', `listen 127.0.0.1:${port};`)
		.replaceAll(/\t(listen \[::\]|ssl_certificate).*\n/g, '')
		.replace('http://127.0.0.1:3000', target);
	const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
		name => `${name}_temp_path ${path.join(folder, name)};`,
	);
	return [
		`daemon off; master_process off; pid ${path.join(folder, 'pid')}; error_log stderr;`,
		'events {}',
		`http { access_log off; ${paths.join(' ')}`,
		server,
		'}',
	].join('\n');
};

const run = (t: Keeper, configuration: string): RunningFront => {
	const child = spawn('nginx', ['-c', configuration], {stdio: ['ignore', 'ignore', 'pipe']});
	let errors = '';
	child.stderr.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-ERRORS_KEPT)));
	const stop = async () => {
		if (child.exitCode !== null || child.signalCode !== null) return;
		child.kill('SIGKILL');
		await once(child, 'exit');
	};
	t.teardown(stop);
	return {stop, errors: () => errors};
};

/** Whether nginx is installed; says so where it is not, and what is left out for that. */
export const hasNginx = (t: Keeper, leftOut: string): boolean => {
	if (spawnSync('nginx', ['-v']).status === 0) return true;
	t.log(`Skipped: ${leftOut}, for nginx is not installed here (Debian: apt-get install nginx-light)`);
	return false;
};

/** Puts nginx before what listens at `target`; it is not started yet. */
export const createFront = async (t: Keeper, target: string): Promise<Front> => {
	const port = await keptPort();
	const file = path.join(temporaryFolder(t), 'nginx.conf');
	await writeFile(file, await configurationOf(path.dirname(file), port, target));
	const url = `http://127.0.0.1:${port}`;
	return {
		url,
		async start() {
			const front = run(t, file);
			await until('nginx answers', async () => (await fetch(`${url}/health`).catch(() => undefined))?.ok);
			return front;
		},
	};
};
