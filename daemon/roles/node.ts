import {openNodeFolder} from '../adapters/disk-shards-folder.js';
import {createScavenger} from '../adapters/scavenger.js';
import {type NodeOptions, type RunningNode, startNode as start} from '../node/start.js';
import {tlsOf, type TlsSettings} from './tls.js';

export type NodeRole = Omit<NodeOptions, 'openFolder' | 'tls'> & TlsSettings;

/** Opens a storage folder, serves it, and joins a coordinator. The folder must be locked already. */
export const startNode = async (role: NodeRole): Promise<RunningNode> =>
	start({
		...role,
		tls: tlsOf(role, role.clock),
		openFolder: async folder => openNodeFolder({...folder, onBytes: createScavenger()}),
	});
