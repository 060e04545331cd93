/**
A set for few things that come and go often, in their order.

A `Set` or `Map` leaves a trace of all that was in it: whenever it is full it takes a new table, and the old one still has what
was there, and refers to the new one. Once V8 has moved one of these to the old generation, all later ones follow with all
that they held, until it next goes through the whole heap. A `WeakMap` does not, nor a map whose keys stay and whose values
change.
*/
export class Few<T> {
	readonly #items: T[] = [];

	get size(): number {
		return this.#items.length;
	}

	/** It must not be there already. */
	add(item: T): void {
		this.#items.push(item);
	}

	/** @returns Whether it was there. */
	delete(item: T): boolean {
		const at = this.#items.indexOf(item);
		if (at < 0) return false;
		this.#items.splice(at, 1);
		return true;
	}

	/** Takes all out. */
	clear(): void {
		this.#items.length = 0;
	}

	/** Those that are there when it begins, whatever comes or goes meanwhile. */
	[Symbol.iterator](): Iterator<T> {
		return this.#items.slice().values();
	}
}
