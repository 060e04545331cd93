import type {EventData} from '../protocol/events.js';
import type {Fault} from './live-state.js';

/** The shards that are known to be missing or corrupt. */
export type LiveFaults = {
	get: () => readonly Fault[];
	add: (fault: Fault) => void;
	/** Takes away what a check has found sound again. Says whether there was such a thing. */
	mend: (check: EventData<'check'>) => boolean;
	/** Takes away what was of a file that is no more. */
	forget: (file: string) => boolean;
};

export const createLiveFaults = (mostFaults: number): LiveFaults => {
	let faults: readonly Fault[] = [];

	const keep = (isKept: (fault: Fault) => boolean): boolean => {
		const kept = faults.filter(isKept);
		const isChanged = kept.length < faults.length;
		if (isChanged) faults = kept;
		return isChanged;
	};

	return {
		get: () => faults,
		add(fault) {
			const {file_id: file, index, node_id: node} = fault;
			const others = faults.filter(other => other.file_id !== file || other.index !== index || other.node_id !== node);
			faults = [fault, ...others].slice(0, mostFaults);
		},
		mend({file_id: file, line}) {
			if (line.event !== 'chunk') return false;
			const sound = new Set(line.shards.filter(({result}) => result === 'ok').map(shard => shard.node_id));
			return keep(fault => fault.file_id !== file || fault.index !== line.index || !sound.has(fault.node_id));
		},
		forget: file => keep(fault => fault.file_id !== file),
	};
};
