import {editableSize} from './format.js';
import type {NodeView} from './protocol/api.js';
import {
	limitAsText,
	type LimitName,
	limitRules,
	type RemoteLimitName,
	remoteLimitNames,
} from './protocol/member-limits.js';
import type {Wish} from './protocol/node-care.js';

/** What a node was asked from afar to have for limits, and what came of it, in words. */

/** A limit's value as it can be written, and is read back as the same. */
export const writtenLimit = (name: LimitName, value: number | string): string => {
	if (typeof value === 'string') return value;
	if (value === 0) return '0';
	const text = editableSize(value);
	return limitRules[name].parse(text) === value ? text : limitAsText(value);
};

/** What allows it, on the node's own machine. */
export const ALLOW_COMMAND = 'pjas-daemon set remote-limits on';

/**
`applied`: it holds. `pending`: the node has not heard of it yet. `not-allowed`: its member lets nobody set limits from afar.
`overruled`: its member has set another since, on the machine.
*/
export type WishState = 'applied' | 'pending' | 'not-allowed' | 'overruled';

export type LimitWish = {name: RemoteLimitName; wish: Wish; state: WishState};

const stateOf = ({line}: Pick<NodeView, 'line'>, name: RemoteLimitName, {at, value}: Wish): WishState => {
	if (line?.limits?.[name] === value) return 'applied';
	if (!line?.remote?.allowed) return 'not-allowed';
	return at > line.remote.heard ? 'pending' : 'overruled';
};

/** All wishes, in the order of the limits. */
export const wishesOf = (node: Pick<NodeView, 'line' | 'wished'>): LimitWish[] =>
	remoteLimitNames.flatMap(name => {
		const wish = node.wished?.[name];
		return wish ? [{name, wish, state: stateOf(node, name, wish)}] : [];
	});

/** What came of a wish, as the end of a sentence about it. */
export const wishText = (state: WishState, isOnline: boolean): string => {
	switch (state) {
		case 'applied':
			return 'taken over';
		case 'pending':
			return isOnline ? 'taken over in a moment' : 'taken over once the node is there';
		case 'not-allowed':
			return `not allowed there: on its machine, ${ALLOW_COMMAND}`;
		case 'overruled':
			return 'set otherwise on its machine since';
	}
};
