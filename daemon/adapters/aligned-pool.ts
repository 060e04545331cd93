import {PjasError} from '../../source/protocol/errors.js';

// Not in TypeScript's library for ES2023.
declare const WebAssembly: {Memory: new (limits: {initial: number; maximum: number}) => {buffer: ArrayBuffer}};

export type PooledBuffer = {
	/** Page-aligned where the platform allows it. Holds what its last user left in it. */
	bytes: Uint8Array;
	/** Gives it back; once. */
	release: () => void;
};

export type AlignedPoolOptions = {
	/** How many buffers there are at most. */
	count: number;
	/** Size of each; rounded up to whole pages. */
	bufferBytes: number;
	/** How many may wait for one before more are turned away. */
	maxWaiting: number;
};

type Waiter = {take: (bytes: Uint8Array) => void};

const WASM_PAGE_BYTES = 65_536;
export const SECTOR_BYTES = 4096;

export const roundUp = (sizeBytes: number, unitBytes: number): number => Math.ceil(sizeBytes / unitBytes) * unitBytes;

/** One region of page-aligned memory; the system gives pages to it as they are first touched. */
const allocateRegion = (sizeBytes: number): ArrayBuffer => {
	const pages = Math.ceil(sizeBytes / WASM_PAGE_BYTES);
	try {
		return new WebAssembly.Memory({initial: pages, maximum: pages}).buffer;
	} catch {
		// Where address space is short. It may not be aligned: then O_DIRECT is refused, and writing goes another way.
		return new ArrayBuffer(pages * WASM_PAGE_BYTES);
	}
};

/**
A bounded set of reused, page-aligned buffers, as O_DIRECT wants them. Whoever asks for more than there are waits its
turn. The one last given back is given out first, so that a node with little to do touches little memory.
*/
export class AlignedPool {
	readonly bufferBytes: number;
	readonly #count: number;
	readonly #maxWaiting: number;
	readonly #waiting = new Set<Waiter>();
	#free: Uint8Array[] | undefined;

	constructor({count, bufferBytes, maxWaiting}: AlignedPoolOptions) {
		this.#count = count;
		this.bufferBytes = roundUp(bufferBytes, SECTOR_BYTES);
		this.#maxWaiting = maxWaiting;
	}

	get inUse(): number {
		return this.#free ? this.#count - this.#free.length : 0;
	}

	async acquire(signal?: AbortSignal): Promise<PooledBuffer> {
		signal?.throwIfAborted();
		const bytes = this.#freeBuffers().pop();
		if (bytes) return this.#lend(bytes);
		if (this.#waiting.size >= this.#maxWaiting) {
			throw new PjasError('TOO_MANY_REQUESTS', 'Too many requests wait here already: try again in a moment', {
				retryAfterSeconds: 5,
			});
		}

		return new Promise((resolve, reject) => {
			const giveUp = () => {
				this.#waiting.delete(waiter);
				reject(signal?.reason as Error);
			};

			const waiter: Waiter = {
				take: given => {
					signal?.removeEventListener('abort', giveUp);
					resolve(this.#lend(given));
				},
			};
			this.#waiting.add(waiter);
			signal?.addEventListener('abort', giveUp, {once: true});
		});
	}

	#freeBuffers(): Uint8Array[] {
		if (!this.#free) {
			const region = allocateRegion(this.#count * this.bufferBytes);
			this.#free = Array.from(
				{length: this.#count},
				(_, index) => new Uint8Array(region, index * this.bufferBytes, this.bufferBytes),
			).reverse();
		}

		return this.#free;
	}

	#lend(bytes: Uint8Array): PooledBuffer {
		let isLent = true;
		return {
			bytes,
			release: () => {
				if (!isLent) return;
				isLent = false;
				const [next] = this.#waiting;
				if (next) {
					this.#waiting.delete(next);
					next.take(bytes);
				} else {
					this.#freeBuffers().push(bytes);
				}
			},
		};
	}
}
