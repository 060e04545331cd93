import type {Action} from '../console/view.js';
import {type ChunkStates, worstFirst} from './replication-map.js';

/** The chunks of a file, the worst first, of which one is chosen. */
export type ChunkList = {
	/** The chosen chunk's index. Until the operator chooses one it is the worst, whichever that is. */
	chosen: () => number | undefined;
	/** The indexes that are seen in so many lines. */
	window: (lines: number) => readonly number[];
	/** The place of the chosen one in the list, and how many there are. */
	place: () => {position: number; total: number};
	actions: () => readonly Action[];
};

type Options = {
	states: () => ChunkStates | undefined;
	changed: () => void;
	onChoose: (index: number) => void;
};

const none = new Uint32Array();

/** Up and down go through the list, from bad to good; left and right through the map, in the file's own order. */
export const createChunkList = ({states, changed, onChoose}: Options): ChunkList => {
	let ordered: Uint32Array = none;
	let orderedFrom: ChunkStates | undefined;
	let revision = -1;
	let chosen: number | undefined;
	let start = 0;
	let height = 5;

	const order = () => {
		const now = states();
		if (now && (now !== orderedFrom || now.revision() !== revision)) {
			ordered = worstFirst(now);
			orderedFrom = now;
			revision = now.revision();
		}

		return ordered;
	};

	const current = () => chosen ?? order()[0];
	const position = () => (chosen === undefined ? 0 : Math.max(0, order().indexOf(chosen)));

	const choose = (index: number | undefined) => {
		if (index === undefined) return;
		chosen = index;
		onChoose(index);
		changed();
	};

	const moveTo = (place: number) => choose(order()[Math.max(0, Math.min(order().length - 1, place))]);
	const stepTo = (index: number) => choose(Math.max(0, Math.min(order().length - 1, index)));
	const actions: Action[] = [
		{id: 'list.up', run: () => moveTo(position() - 1)},
		{id: 'list.down', run: () => moveTo(position() + 1)},
		{id: 'list.left', run: () => stepTo((current() ?? 0) - 1)},
		{id: 'list.right', run: () => stepTo((current() ?? 0) + 1)},
		{id: 'list.first', run: () => moveTo(0)},
		{id: 'list.last', run: () => moveTo(order().length - 1)},
		{id: 'list.page-up', run: () => moveTo(position() - height)},
		{id: 'list.page-down', run: () => moveTo(position() + height)},
	];

	return {
		chosen: current,
		window(lines) {
			height = Math.max(1, lines);
			const at = position();
			start = Math.max(0, Math.min(start, at, order().length - height));
			if (at >= start + height) start = at - height + 1;
			return [...order().subarray(start, start + height)];
		},
		place: () => ({position: position(), total: order().length}),
		actions: () => (order().length === 0 ? [] : actions),
	};
};
