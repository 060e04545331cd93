import type {Duplex} from 'node:stream';
import type {NodeId} from '../../source/protocol/ids.js';
import type {NodeLinks} from '../ports/node-links.js';

export type NodeLinkRegistry = NodeLinks & {
	/** Takes in a link that is open. It is forgotten when it closes. */
	add: (node: NodeId, link: Duplex) => void;
	/** Cuts off all of a node's. */
	drop: (node: NodeId) => void;
};

type Kept = {open: Set<Duplex>; free: Set<Duplex>};

/** Knows which links are open. */
export const createNodeLinks = (): NodeLinkRegistry => {
	const nodes = new Map<NodeId, Kept>();
	const watchers = new Set<(node: NodeId) => void>();
	const tell = (node: NodeId) => {
		for (const changed of watchers) changed(node);
	};

	return {
		add(node, link) {
			const kept = nodes.get(node) ?? {open: new Set(), free: new Set()};
			nodes.set(node, kept);
			kept.open.add(link);
			kept.free.add(link);
			link.once('close', () => {
				kept.open.delete(link);
				kept.free.delete(link);
				if (kept.open.size === 0 && nodes.get(node) === kept) nodes.delete(node);
				tell(node);
			});
			tell(node);
		},
		take(node) {
			const kept = nodes.get(node);
			for (const link of kept?.free ?? []) {
				kept?.free.delete(link);
				if (!link.destroyed) return link;
			}

			return undefined;
		},
		count: node => nodes.get(node)?.open.size ?? 0,
		watch(changed) {
			watchers.add(changed);
			return () => watchers.delete(changed);
		},
		drop(node) {
			for (const link of nodes.get(node)?.open ?? []) link.destroy();
		},
	};
};
