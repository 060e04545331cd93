import type {LiveState} from '../client/live-state.js';
import type {Console} from '../console/view.js';
import type {FileView} from '../protocol/api.js';

export type FileWatch = {
	/** The file as it is now. Stays what it was last where it is gone. */
	file: () => FileView;
	/** Whether it is known to be gone. */
	isGone: () => boolean;
	start: () => void;
	stop: () => void;
};

type Options = {
	console: Console;
	file: FileView;
	holders: () => ReadonlySet<string>;
	/** Something changed that has to do with where its shards are. */
	onChange: () => void;
	/** The coordinator can be reached again. */
	onReconnect: () => void;
};

/** Which of the holders are online, as a text to compare. */
const onlineAmong = (nodes: LiveState['nodes'], holders: ReadonlySet<string>): string =>
	(nodes ?? [])
		.filter(({node_id: id, status}) => status === 'online' && holders.has(id))
		.map(({node_id: id}) => id)
		.join(' ');

/** Looks at one file in what the network is known to be, and only at the parts that are others than before. */
export const createFileWatch = ({console, file, holders, onChange, onReconnect}: Options): FileWatch => {
	const {live} = console;
	const id = file.file_id;
	let seen: LiveState | undefined;
	let current = file;
	let wasListed = false;
	let isGone = false;
	let stop: (() => void) | undefined;

	const lookAtFiles = ({files}: LiveState): boolean => {
		if (!files || files.list === seen?.files?.list) return false;
		const found = files.list.find(each => each.file_id === id);
		isGone = !found && (wasListed || files.isComplete);
		if (!found) return isGone;
		wasListed = true;
		const isOther = found !== current;
		current = found;
		return isOther;
	};

	const lookAtNodes = ({nodes}: LiveState): boolean => {
		if (!seen?.nodes || nodes === seen.nodes) return false;
		return onlineAmong(nodes, holders()) !== onlineAmong(seen.nodes, holders());
	};

	const lookAtFaults = ({faults}: LiveState): boolean => {
		if (!seen || faults === seen.faults) return false;
		const known = new Set(seen.faults);
		return faults.some(fault => fault.file_id === id && !known.has(fault));
	};

	const look = () => {
		const state = live.get();
		if (state === seen) return;
		const changes = [lookAtFiles(state), lookAtNodes(state), lookAtFaults(state)];
		const isBack = seen?.connection.state === 'stale' && state.connection.state === 'live';
		const isFirst = seen === undefined;
		seen = state;
		if (isBack) onReconnect();
		if (!isFirst && changes.includes(true)) onChange();
	};

	return {
		file: () => current,
		isGone: () => isGone,
		start() {
			if (stop) return;
			look();
			stop = live.subscribe(look);
		},
		stop() {
			stop?.();
			stop = undefined;
		},
	};
};
