import type {Clock} from '../console/view.js';
import type {Transfer} from '../transfers/transfer.js';

/** How fast transfers went while somebody watched, a value a second. */
export type TransferRates = {
	sample: (list: readonly Transfer[]) => void;
	/** Oldest first. */
	of: (id: number) => readonly number[];
};

const MOST_SECONDS = 120;
/** Of so many transfers the rates are kept. A few go at once; those that ended longest ago are forgotten. */
const MOST_TRANSFERS = 32;

type Samples = {values: number[]; second: number};

export const createTransferRates = (clock: Clock): TransferRates => {
	const kept = new Map<number, Samples>();

	const put = ({id, rate}: Transfer, second: number) => {
		const samples = kept.get(id) ?? {values: [], second};
		kept.delete(id);
		kept.set(id, samples);
		if (samples.values.length > 0 && samples.second === second) samples.values.pop();
		samples.second = second;
		samples.values.push(rate);
		if (samples.values.length > MOST_SECONDS) samples.values.shift();
		const [oldest] = kept.keys();
		if (kept.size > MOST_TRANSFERS && oldest !== undefined) kept.delete(oldest);
	};

	return {
		sample(list) {
			const second = Math.floor(clock.now() / 1000);
			for (const transfer of list) if (transfer.state === 'active') put(transfer, second);
		},
		of: id => kept.get(id)?.values ?? [],
	};
};
