import {openNodeFolder} from '../adapters/disk-shards-folder.js';
import {createScavenger} from '../adapters/scavenger.js';
import {type NodeOptions, type RunningNode, startNode as start} from '../node/start.js';
import {memberSocketOf, thisMachine} from '../../source/member-socket.js';
import {remoteLimitsText} from '../../source/protocol/member-limits.js';
import {packageVersion} from '../../source/version.js';
import {ownDoctor} from './doctor.js';
import {tlsOf, type TlsSettings} from './tls.js';

export type NodeRole = Omit<NodeOptions, 'openFolder' | 'tls' | 'scrub' | 'limits' | 'doctor'> &
	TlsSettings & {
		/** Within how many days each shard is read again; without it, as usual. */
		scrubDays?: number;
		/** The most that is read in a second for that; 0 for any. */
		scrubBytesPerSecond?: number;
		/** What its member configured of its line; without it, no limit. */
		up?: number;
		down?: number;
		schedule?: string;
		monthlyCapBytes?: number;
		hours?: string;
		/** Whether limits may be set from afar. */
		remoteLimits?: boolean;
		/** Whether the process has nothing else to do. */
		isAlone?: boolean;
	};

const DAY_MS = 24 * 60 * 60 * 1000;

/** Opens a storage folder, serves it, and joins a coordinator. The folder must be locked already. */
export const startNode = async (role: NodeRole): Promise<RunningNode> => {
	const {coordinatorUrl, classic = false, version = packageVersion()} = role;
	const examined = coordinatorUrl === undefined ? undefined : {...role, coordinatorUrl, classic};
	return start({
		...role,
		doctor: examined && ownDoctor(examined, {...role, version}),
		tls: tlsOf(role, role.clock),
		memberSocket: memberSocketOf(role.storagePath, thisMachine()),
		limits: {
			...(role.up !== undefined && {up: role.up}),
			...(role.down !== undefined && {down: role.down}),
			...(role.schedule !== undefined && {schedule: role.schedule}),
			...(role.monthlyCapBytes !== undefined && {monthly_cap: role.monthlyCapBytes}),
			...(role.hours !== undefined && {hours: role.hours}),
			...(role.remoteLimits !== undefined && {remote_limits: remoteLimitsText(role.remoteLimits)}),
		},
		scrub: {
			...(role.scrubDays !== undefined && {periodMs: role.scrubDays * DAY_MS}),
			...(role.scrubBytesPerSecond !== undefined && {bytesPerSecond: role.scrubBytesPerSecond}),
		},
		openFolder: async folder => {
			const onBytes = createScavenger({copies: 1, isStreaming: role.isAlone ?? false});
			return openNodeFolder({...folder, onBytes});
		},
	});
};
