import type {NodeView} from '../../protocol/api.js';

export type Standing = {state: 'safe' | 'short' | 'lost'; text: string};

/** How a node does, in words; what matters most comes first. */
export const standingOf = (node: NodeView): Standing => {
	if (node.banned_at !== undefined) return {state: 'lost', text: 'Kept out'};
	if (node.drain) {
		const {shards_total: total, shards_left: left} = node.drain;
		if (left === 0) return {state: 'safe', text: 'Emptied: it can be stopped'};
		return {state: 'short', text: `Being emptied: ${total - left} of ${total} pieces moved`};
	}

	if (node.suspended) return {state: 'lost', text: 'Suspended: it must prove what it holds'};
	if (node.status === 'offline') {
		return node.maintenance
			? {state: 'short', text: 'Away for a while, as announced'}
			: {state: 'lost', text: 'Offline'};
	}

	return node.maintenance ? {state: 'short', text: 'Online, may be away'} : {state: 'safe', text: 'Online'};
};
