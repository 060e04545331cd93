/** Lets work on the same thing follow each other, and work on different things go on at once. */
export class Turns<Key> {
	readonly #last = new Map<Key, Promise<unknown>>();

	async take<T>(key: Key, work: () => Promise<T>): Promise<T> {
		const before = this.#last.get(key) ?? Promise.resolve();
		const turn = before.catch(() => undefined).then(work);
		this.#last.set(key, turn);
		try {
			return await turn;
		} finally {
			if (this.#last.get(key) === turn) this.#last.delete(key);
		}
	}
}
