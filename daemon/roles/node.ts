import {openNodeFolder} from '../adapters/disk-shards-folder.js';
import {createScavenger} from '../adapters/scavenger.js';
import {type NodeOptions, type RunningNode, startNode as start} from '../node/start.js';

export type NodeRole = Omit<NodeOptions, 'openFolder'>;

/** Opens a storage folder, serves it, and joins a coordinator. The folder must be locked already. */
export const startNode = async (role: NodeRole): Promise<RunningNode> =>
	start({...role, openFolder: async folder => openNodeFolder({...folder, onBytes: createScavenger()})});
