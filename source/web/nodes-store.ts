import {useCallback, useEffect, useState} from 'react';
import {type NodeView, nodesSchema} from '../protocol/api.js';
import {call} from './api.js';
import {on} from './live.js';

/** Members are told by events of their own nodes only; how the others do is asked now and then. */
const ASK_AGAIN_MS = 20_000;

export type Nodes = {nodes: NodeView[] | undefined; problem: unknown; load: () => void; put: (node: NodeView) => void};

/** The nodes, kept as they are for as long as somebody looks. */
export const useNodes = (): Nodes => {
	const [nodes, setNodes] = useState<NodeView[]>();
	const [problem, setProblem] = useState<unknown>();
	const load = useCallback(() => {
		call('nodes', nodesSchema).then(({nodes: found}) => {
			setProblem(undefined);
			setNodes(found);
		}, setProblem);
	}, []);
	const put = useCallback((node: NodeView) => {
		setNodes(old => {
			if (!old) return old;
			const isKnown = old.some(({node_id: id}) => id === node.node_id);
			return isKnown ? old.map(other => (other.node_id === node.node_id ? node : other)) : [...old, node];
		});
	}, []);
	useEffect(() => {
		load();
		const timer = window.setInterval(load, ASK_AGAIN_MS);
		const ends = [
			on('node', put),
			on('node-removed', ({node_id: id}) => setNodes(old => old?.filter(node => node.node_id !== id))),
			on('reset', load),
		];
		return () => {
			window.clearInterval(timer);
			for (const end of ends) end();
		};
	}, [load, put]);
	return {nodes, problem, load, put};
};
