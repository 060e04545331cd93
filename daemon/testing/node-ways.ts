import type {ExecutionContext} from 'ava';
import type {NodeView} from '../../source/protocol/api.js';
import {hasNginx} from './nginx.js';

/** How a node and its coordinator reach each other; `proxied`: over links through nginx. */
export type NodeWay = 'direct' | 'link' | 'proxied' | 'classic';

const everyWay: readonly NodeWay[] = ['direct', 'link', 'proxied', 'classic'];

/** One of each kind; without nginx, one less. */
export const oneOfEach = (t: ExecutionContext): NodeWay[] =>
	everyWay.filter(way => way !== 'proxied' || hasNginx(t, 'the node behind a proxy'));

export const direct = (count: number): NodeWay[] => Array<NodeWay>(count).fill('direct');

/** What the coordinator calls a node that it reaches so. */
export const kindOf: Record<NodeWay, NodeView['kind']> = {
	direct: 'direct',
	link: 'link',
	proxied: 'link',
	classic: 'classic',
};
