import {execFileSync, spawnSync} from 'node:child_process';
import {existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {isPjasError} from '../../source/protocol/errors.js';
import {installService, runProgram} from './install-service.js';
import {serviceFileOf, type ServiceUser, type StartedNode} from './service-files.js';

const user: ServiceUser = {platform: 'linux', home: '/home/ann', name: 'ann', uid: 1000};
const mac: ServiceUser = {...user, platform: 'darwin', home: '/Users/ann'};
const windows: ServiceUser = {...user, platform: 'win32', home: String.raw`C:\Users\ann`, name: 'ATTIC&CO\\ann'};

/** Whatever may stand in a path, and means something to a unit of systemd, to XML, or to both. */
const awkward = String.raw`/srv/ann's 100% "own" $HOME \ disk <&> ünïcode`;
const node: StartedNode = {
	program: process.execPath,
	script: '/opt/pjas/dist/daemon/pjas-daemon.cjs',
	storagePath: awkward,
	configFile: `${awkward}/pjas_config.json`,
};
const words = [node.program, node.script, '--role', 'node', node.storagePath, '--config', node.configFile];

const folderOf = (t: ExecutionContext): string => {
	const folder = mkdtempSync(path.join(tmpdir(), 'pjas-service-'));
	t.teardown(() => rmSync(folder, {recursive: true, force: true}));
	return folder;
};

const has = (program: string): boolean => spawnSync(program, ['--version']).status === 0;

/** Runs a few lines of Python over a file, and gives what they print; nothing where there is no Python. */
const python = (t: ExecutionContext, script: string, content: string, encoding: BufferEncoding): string | undefined => {
	if (!has('python3')) {
		t.log('There is no Python here to read the file with');
		return undefined;
	}

	const file = path.join(folderOf(t), 'file');
	writeFileSync(file, content, encoding);
	return execFileSync('python3', ['-c', script, file], {encoding: 'utf8'});
};

test('the unit of systemd is one that systemd takes, whatever stands in the paths', t => {
	const {file, content, commands} = serviceFileOf('pjas-node', node, user);
	t.is(file, '/home/ann/.config/systemd/user/pjas-node.service');
	t.is(serviceFileOf('a', node, {...user, configHome: '/c'}).file, '/c/systemd/user/a.service');
	t.deepEqual(commands.at(-1), ['systemctl', '--user', 'restart', 'pjas-node']);
	const [, line = ''] = /^ExecStart=(.*)$/m.exec(content) ?? [];
	// Read back as systemd does: quotes, then backslashes, then what is doubled.
	const read = [...line.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, text = '']) =>
		text.replaceAll(/\\(.)/g, '$1').replaceAll('%%', '%').replaceAll('$$', '$'),
	);
	t.deepEqual(read, words);
	if (!has('systemd-analyze')) {
		t.log('There is no systemd-analyze here');
		return;
	}

	const folder = folderOf(t);
	const written = path.join(folder, 'pjas-node.service');
	writeFileSync(written, content);
	const env = {PATH: process.env['PATH'], HOME: folder, XDG_RUNTIME_DIR: folder};
	const checked = spawnSync('systemd-analyze', ['--user', 'verify', written], {encoding: 'utf8', env});
	t.deepEqual([checked.status, checked.stdout, checked.stderr], [0, '', '']);
});

test('the agent of launchd is a property list that has every word as it is', t => {
	const {file, content, encoding} = serviceFileOf('pjas-node', node, mac);
	t.is(file, '/Users/ann/Library/LaunchAgents/pjas-node.plist');
	const script = 'import json,plistlib,sys; print(json.dumps(plistlib.load(open(sys.argv[1],"rb"))))';
	const printed = python(t, script, content, encoding);
	if (printed === undefined) return;
	t.like(JSON.parse(printed), {
		Label: 'pjas-node',
		ProgramArguments: words,
		RunAtLoad: true,
		KeepAlive: {SuccessfulExit: false},
		Umask: 0o077,
	});
});

test('the task of Windows is XML that has every word in quotes, in the encoding that it names', t => {
	const storagePath = 'D:\\';
	const onWindows = {...node, program: String.raw`C:\Program Files\nodejs\node.exe`, storagePath};
	const {file, content, encoding} = serviceFileOf('pjas-node', onWindows, windows);
	t.is(file, String.raw`C:\Users\ann\AppData\Local\PJAS\pjas-node.xml`);
	const script = `
import sys, xml.etree.ElementTree as E
space = '{http://schemas.microsoft.com/windows/2004/02/mit/task}'
task = E.parse(sys.argv[1]).getroot()
for name in ['Command', 'Arguments', 'UserId', 'ExecutionTimeLimit']: print(next(task.iter(space + name)).text)`;
	const printed = python(t, script, content, encoding);
	if (printed === undefined) return;
	t.deepEqual(printed.trimEnd().split(/\r?\n/), [
		onWindows.program,
		`"${node.script}" "--role" "node" "D:\\\\" "--config" "${node.configFile}"`,
		windows.name,
		'PT0S',
	]);
});

test('what no service can hold, and systems without one, are refused', t => {
	for (const [wrong, who] of [
		[{...node, storagePath: '/srv/a\nb'}, user],
		[node, {...user, platform: 'freebsd' as const}],
	] as const) {
		t.throws(() => serviceFileOf('pjas-node', wrong, who), {code: 'INVALID_CONFIGURATION'});
	}
});

test('a service is written and started, the same one again, and another node beside it', async t => {
	const home = folderOf(t);
	const here = {...user, home};
	const ran: string[] = [];
	const run = async (program: string, given: readonly string[]) => {
		ran.push([program, ...given].join(' '));
		return Promise.resolve();
	};
	const first = await installService(node, here, run);
	t.is(first.name, 'pjas-node');
	t.is(readFileSync(first.file, 'utf8'), first.content);
	t.deepEqual(ran, [
		'systemctl --user daemon-reload',
		'systemctl --user enable pjas-node',
		'systemctl --user restart pjas-node',
	]);
	const updated = await installService({...node, script: '/opt/newer/pjas-daemon.cjs'}, here, run);
	t.is(updated.file, first.file);
	t.regex(readFileSync(first.file, 'utf8'), /newer/);
	const second = await installService({...node, storagePath: '/srv/two'}, here, run);
	t.regex(second.name, /^pjas-node-[0-9a-f]{6}$/);
	t.regex(readFileSync(first.file, 'utf8'), /ann's/);
	const agent = await installService({...node, storagePath: '/srv/two'}, {...mac, home}, run);
	t.is(agent.file, path.join(home, 'Library/LaunchAgents/pjas-node.plist'));
	t.is((await installService({...node, storagePath: '/srv/two'}, {...mac, home}, run)).name, 'pjas-node');
	t.is((await installService(node, {...mac, home}, run)).name.length, 'pjas-node-123456'.length);
});

test('where the system does not start it, the file is there, and what to do is said', async t => {
	const home = folderOf(t);
	const refuse = async (program: string, given: readonly string[]) => {
		if (given.includes('enable') || program === 'launchctl') throw new Error('no bus here');
		return Promise.resolve();
	};
	const error = await t.throwsAsync(installService(node, {...user, home}, refuse), {code: 'SERVICE_NOT_STARTED'});
	t.true(isPjasError(error));
	t.regex(error.message, /"systemctl --user enable pjas-node" fails: no bus here/);
	t.true(existsSync(path.join(home, '.config/systemd/user/pjas-node.service')));
	const agent = await t.throwsAsync(installService(node, {...mac, home}, refuse));
	t.regex(agent.message, /"launchctl load -w/, 'to take away what is not there may fail');

	await t.throwsAsync(runProgram('pjas-no-such-program', []), {message: 'there is no pjas-no-such-program'});
	await t.throwsAsync(runProgram('sh', ['-c', 'echo broken >&2; exit 3']), {message: 'broken'});
	await t.throwsAsync(runProgram('sh', ['-c', 'exit 3']), {message: 'it ends with 3'});
	await t.notThrowsAsync(runProgram('true', []));
});
