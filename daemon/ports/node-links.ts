import type {Duplex} from 'node:stream';
import type {NodeId} from '../../source/protocol/ids.js';

/** The links that nodes have opened to this coordinator: connections over which it asks them. */
export type NodeLinks = {
	/** Takes one of a node's that nobody has; it is the taker's until it closes. */
	take: (node: NodeId) => Duplex | undefined;
	/** How many are open, taken or not. */
	count: (node: NodeId) => number;
	/** Calls `changed` whenever a node has one more or one less, until what is returned is called. */
	watch: (changed: (node: NodeId) => void) => () => void;
};
