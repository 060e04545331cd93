import {constants, PerformanceObserver} from 'node:perf_hooks';
import v8 from 'node:v8';
import type {Heap} from '../core/alerts.js';

const heapNow = (): Heap => {
	const {used_heap_size: liveBytes, heap_size_limit: limitBytes} = v8.getHeapStatistics();
	return {liveBytes, limitBytes};
};

/**
What V8's heap held when it was last gone through as a whole, or when this began, just after all was loaded, and the most that it
may hold. What it holds at any other moment is half garbage, and says nothing of how much room is left.
*/
export const watchHeap = (): {figures: () => Heap; stop: () => void} => {
	let last = heapNow();
	const observer = new PerformanceObserver(list => {
		// What an entry of this type has is not in TypeScript's own.
		const entries = list.getEntries() as readonly {detail?: {kind?: number}}[];
		if (entries.some(({detail}) => detail?.kind === constants.NODE_PERFORMANCE_GC_MAJOR)) last = heapNow();
	});
	observer.observe({entryTypes: ['gc']});
	return {figures: () => last, stop: () => observer.disconnect()};
};
