import path from 'node:path';
import {PjasError} from '../../source/protocol/errors.js';

/** A machine's user, for whom a service is. */
export type ServiceUser = {
	platform: NodeJS.Platform;
	home: string;
	name: string;
	uid: number;
	/** `XDG_CONFIG_HOME`, where it is set. */
	configHome?: string | undefined;
	/** `LOCALAPPDATA`, on Windows. */
	localAppData?: string | undefined;
};

/** What is started: Node itself, the daemon's script, and the node's folder. All paths are absolute. */
export type StartedNode = {program: string; script: string; storagePath: string; configFile: string};

/** How the system's own manager of services is told to start a node whenever its user's session, or the machine, does. */
export type ServiceFile = {
	/** What the system calls it. */
	name: string;
	/** Where it belongs. */
	file: string;
	content: string;
	/** The storage folder's path as the content has it. */
	storageText: string;
	encoding: 'utf8' | 'utf16le';
	/** What has the system take it up and start it. */
	commands: readonly (readonly [program: string, ...words: string[]])[];
	/** How to look at it and to end it. */
	hints: readonly string[];
};

const wordsOf = ({program, script, storagePath, configFile}: StartedNode): string[] => [
	program,
	script,
	'--role',
	'node',
	storagePath,
	'--config',
	configFile,
];

/** A word of `ExecStart`: https://www.freedesktop.org/software/systemd/man/latest/systemd.service.html#Command%20lines */
const quotedForSystemd = (word: string): string =>
	`"${word
		.replaceAll('\\', String.raw`\\`)
		.replaceAll('"', String.raw`\"`)
		.replaceAll('%', '%%')
		.replaceAll('$', '$$$$')}"`;

const systemdUnit = (name: string, node: StartedNode, user: ServiceUser): ServiceFile => ({
	name,
	file: path.join(user.configHome ?? path.join(user.home, '.config'), 'systemd', 'user', `${name}.service`),
	encoding: 'utf8',
	storageText: quotedForSystemd(node.storagePath),
	content: `[Unit]
Description=Node of a PJAS network on ${node.storagePath.replaceAll('%', '%%')}
StartLimitIntervalSec=300
StartLimitBurst=10

[Service]
ExecStart=${wordsOf(node).map(quotedForSystemd).join(' ')}
Restart=on-failure
RestartSec=5
RestartPreventExitStatus=2
TimeoutStopSec=30
UMask=0077
NoNewPrivileges=yes

[Install]
WantedBy=default.target
`,
	commands: [
		['systemctl', '--user', 'daemon-reload'],
		['systemctl', '--user', 'enable', name],
		// One that runs already takes up what has changed.
		['systemctl', '--user', 'restart', name],
	],
	hints: [
		`systemctl --user status ${name}      says how it is; journalctl --user -u ${name} has its log`,
		`systemctl --user disable --now ${name}   ends it`,
		`loginctl enable-linger ${user.name}      has it run while you are not signed in as well, from the machine's start on`,
	],
});

const escapeXml = (text: string): string =>
	text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** https://developer.apple.com/library/archive/documentation/MacOSX/Conceptual/BPSystemStartup/Chapters/CreatingLaunchdJobs.html */
const launchAgent = (name: string, node: StartedNode, user: ServiceUser): ServiceFile => {
	const file = path.posix.join(user.home, 'Library', 'LaunchAgents', `${name}.plist`);
	const log = path.posix.join(user.home, 'Library', 'Logs', `${name}.log`);
	const text = (value: string) => `<string>${escapeXml(value)}</string>`;
	const words = wordsOf(node).map(word => `\t\t${text(word)}`);
	return {
		name,
		file,
		encoding: 'utf8',
		storageText: text(node.storagePath),
		content: `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>Label</key>
	${text(name)}
	<key>ProgramArguments</key>
	<array>
${words.join('\n')}
	</array>
	<key>RunAtLoad</key>
	<true/>
	<key>KeepAlive</key>
	<dict>
		<key>SuccessfulExit</key>
		<false/>
	</dict>
	<key>ThrottleInterval</key>
	<integer>10</integer>
	<key>Umask</key>
	<integer>63</integer>
	<key>StandardOutPath</key>
	${text(log)}
	<key>StandardErrorPath</key>
	${text(log)}
</dict>
</plist>
`,
		commands: [
			['launchctl', 'unload', '-w', file],
			['launchctl', 'load', '-w', file],
		],
		hints: [`launchctl list ${name}   says how it is; ${log} has its log`, `launchctl unload -w ${file}   ends it`],
	};
};

/** Quotes for CommandLineToArgvW. A path has no quote in it; a backslash before one would take its meaning. */
const quotedForWindows = (word: string): string => `"${word.replace(/\\+$/, '$&$&')}"`;

/** https://learn.microsoft.com/windows/win32/taskschd/task-scheduler-schema */
const scheduledTask = (name: string, node: StartedNode, user: ServiceUser): ServiceFile => {
	const [program = '', ...words] = wordsOf(node);
	const folder = user.localAppData ?? path.win32.join(user.home, 'AppData', 'Local');
	const file = path.win32.join(folder, 'PJAS', `${name}.xml`);
	return {
		name,
		file,
		encoding: 'utf16le',
		storageText: escapeXml(quotedForWindows(node.storagePath)),
		content: `\uFEFF<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
	<RegistrationInfo>
		<Description>Node of a PJAS network on ${escapeXml(node.storagePath)}</Description>
	</RegistrationInfo>
	<Triggers>
		<LogonTrigger>
			<Enabled>true</Enabled>
			<UserId>${escapeXml(user.name)}</UserId>
		</LogonTrigger>
	</Triggers>
	<Principals>
		<Principal id="Author">
			<UserId>${escapeXml(user.name)}</UserId>
			<LogonType>InteractiveToken</LogonType>
			<RunLevel>LeastPrivilege</RunLevel>
		</Principal>
	</Principals>
	<Settings>
		<MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
		<DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
		<StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
		<StartWhenAvailable>true</StartWhenAvailable>
		<ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
		<RestartOnFailure>
			<Interval>PT1M</Interval>
			<Count>999</Count>
		</RestartOnFailure>
	</Settings>
	<Actions Context="Author">
		<Exec>
			<Command>${escapeXml(program)}</Command>
			<Arguments>${escapeXml(words.map(quotedForWindows).join(' '))}</Arguments>
		</Exec>
	</Actions>
</Task>
`,
		commands: [
			['schtasks', '/Create', '/TN', name, '/XML', file, '/F'],
			['schtasks', '/Run', '/TN', name],
		],
		hints: [
			`schtasks /Query /TN ${name}   says how it is`,
			`schtasks /End /TN ${name}   and   schtasks /Delete /TN ${name}   end it`,
		],
	};
};

/**
The service that starts a node for a user, by the system's own manager of services: a unit of systemd, an agent of launchd, or a
task of Windows.

@throws {PjasError} `INVALID_CONFIGURATION` for a folder whose path none of them can hold, and on other systems.
*/
export const serviceFileOf = (name: string, node: StartedNode, user: ServiceUser): ServiceFile => {
	if (wordsOf(node).some(word => /\p{Cc}/u.test(word))) {
		throw new PjasError(
			'INVALID_CONFIGURATION',
			'A path with control characters in it can be in no service: choose another',
		);
	}

	if (user.platform === 'darwin') return launchAgent(name, node, user);
	if (user.platform === 'win32') return scheduledTask(name, node, user);
	if (user.platform === 'linux') return systemdUnit(name, node, user);
	const problem = `There is no service for ${user.platform} here: have its own manager start the node, and say --no-service`;
	throw new PjasError('INVALID_CONFIGURATION', problem);
};
