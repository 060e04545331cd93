/** Things of which the first can be had at once, by an order that is asked for once: a binary heap. */
export type MinHeap<T> = {
	size: () => number;
	first: () => T | undefined;
	push: (item: T) => void;
	dropFirst: () => void;
};

export const createMinHeap = <T>(isBefore: (one: T, other: T) => boolean): MinHeap<T> => {
	const items: T[] = [];
	const swap = (one: number, other: number) => {
		const [a, b] = [items[one] as T, items[other] as T];
		items[one] = b;
		items[other] = a;
	};

	const isInOrder = (above: number, below: number) => !isBefore(items[below] as T, items[above] as T);

	return {
		size: () => items.length,
		first: () => items[0],
		push(item) {
			items.push(item);
			for (let at = items.length - 1; at > 0;) {
				const above = (at - 1) >>> 1;
				if (isInOrder(above, at)) return;
				swap(above, at);
				at = above;
			}
		},
		dropFirst() {
			const last = items.pop();
			if (items.length === 0) return;
			items[0] = last as T;
			for (let at = 0; ;) {
				let least = at;
				for (const below of [2 * at + 1, 2 * at + 2]) {
					if (below < items.length && !isInOrder(least, below)) least = below;
				}

				if (least === at) return;
				swap(at, least);
				at = least;
			}
		},
	};
};
