import {isPjasError} from '../../source/protocol/errors.js';
import type {Clock} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import {isFull, toDiskError} from './disk-shards-files.js';
import type {Space} from './disk-shards-space.js';

type Options = {
	/** Told when the disk says that it is full, whatever was reckoned. */
	space: Pick<Space, 'distrust'>;
	log: Log;
	clock: Pick<Clock, 'monotonicMs'>;
};

const TELL_EVERY_MS = 60_000;

/** What goes wrong with a node's disk, in our words. A disk that is in trouble is so for every request: that is said now and then. */
export class DiskTroubles {
	readonly #options: Options;
	/** When each kind of trouble was last told. */
	readonly #toldAtMs = new Map<string, number>();

	constructor(options: Options) {
		this.#options = options;
	}

	/** Runs what touches the disk. */
	async around<T>(work: () => Promise<T>): Promise<T> {
		try {
			return await work();
		} catch (error) {
			if (isFull(error)) this.#options.space.distrust();
			const said = toDiskError(error);
			if (said !== error && isPjasError(said, 'NODE_FAILED')) this.#tell(said.message, error);
			throw said;
		}
	}

	#tell(message: string, error: unknown): void {
		const {clock, log} = this.#options;
		const nowMs = clock.monotonicMs();
		const isNew = nowMs - (this.#toldAtMs.get(message) ?? -Infinity) > TELL_EVERY_MS;
		if (isNew) this.#toldAtMs.set(message, nowMs);
		log[isNew ? 'error' : 'debug'](message, {error});
	}
}
