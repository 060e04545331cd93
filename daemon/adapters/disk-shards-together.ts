import {setImmediate as nextTurn} from 'node:timers/promises';
import {MOST_PACK_BYTES, MOST_PACKED_SHARDS} from '../core/shard-pack.js';
import type {Arrived} from './disk-shards-pack-file.js';

type Waiting<A> = {shard: A; resolve: () => void; reject: (error: unknown) => void};

/** Those that came first, as many as one pack takes. */
const takeGroup = <A extends Arrived>(waiting: Waiting<A>[]): Waiting<A>[] => {
	let sumBytes = 0;
	const isFull = ({shard}: Waiting<A>, at: number) =>
		at === MOST_PACKED_SHARDS || (sumBytes += shard.bytes.length) > MOST_PACK_BYTES;
	const end = waiting.findIndex(isFull);
	return waiting.splice(0, end < 0 ? waiting.length : end);
};

/**
Group commit: what comes in one turn of the event loop is written together, and so is what comes while others are written.

@param write - Makes a group durable.
*/
export const keepTogether = <A extends Arrived>(write: (group: readonly A[]) => Promise<void>) => {
	const waiting: Waiting<A>[] = [];
	let isBusy = false;

	const writeAll = async (): Promise<void> => {
		isBusy = true;
		while (waiting.length > 0) {
			await nextTurn();
			const group = takeGroup(waiting);
			try {
				await write(group.map(({shard}) => shard));
				for (const {resolve} of group) resolve();
			} catch (error) {
				for (const {reject} of group) reject(error);
			}
		}

		isBusy = false;
	};

	return async (shard: A): Promise<void> =>
		new Promise((resolve, reject) => {
			waiting.push({shard, resolve, reject});
			if (!isBusy) void writeAll();
		});
};
