import v8 from 'node:v8';
import vm from 'node:vm';

type MinorGc = (options: {type: 'minor'}) => void;

/**
How much of the room above the live heap may be used before V8 begins to go through all of it. That room is small in a small
heap, and by itself V8 begins at once when what streams hold comes near it.
*/
const MARKING_FROM_PERCENT = 95;

/** How much room there is above the live heap until V8 goes through all of it: of a large one, as of a large catalogue, less. */
const HEAP_ROOM_PERCENT = 100;
const LARGE_HEAP_ROOM_PERCENT = 30;
const LARGE_HEAP_BYTES = 400 * 1024 * 1024;

/** V8's own collector, which it hands out under a flag only. Nothing where a version doesn't. */
const findCollector = (isStreaming: boolean): MinorGc | undefined => {
	v8.setFlagsFromString('--expose-gc');
	// V8 complains on standard error of flags that it doesn't know, and these are known to be right for that of Node 20.
	if (process.versions.v8.startsWith('11.')) {
		v8.setFlagsFromString(`--incremental-marking-soft-trigger=${MARKING_FROM_PERCENT}`);
		v8.setFlagsFromString(`--incremental-marking-hard-trigger=${MARKING_FROM_PERCENT}`);
		// So few objects are found at once that to wake threads for them costs more than it gains.
		v8.setFlagsFromString('--no-parallel-scavenge');
		// What was not called for a while would be compiled anew, and be slow again: a few MB are not worth that.
		v8.setFlagsFromString('--no-flush-bytecode');
		// Young objects have 48 MB otherwise, most of which is empty when they are collected, and is gone through all the same.
		if (isStreaming) v8.setFlagsFromString('--semi-space-growth-factor=1');
		// After half a minute without work V8 leaves 2 MB of room above the live heap, which what streams then fills again and
		// again: it went through the whole heap at each 20 MiB, which doubled the CPU time of an upload.
		const isLarge = v8.getHeapStatistics().used_heap_size > LARGE_HEAP_BYTES;
		v8.setFlagsFromString(`--heap-growing-percent=${isLarge ? LARGE_HEAP_ROOM_PERCENT : HEAP_ROOM_PERCENT}`);
	}

	const collect: unknown = vm.runInNewContext('typeof gc === "function" ? gc : undefined');
	return collect as MinorGc | undefined;
};

/**
How much may lie about before it is collected. Each time takes about 0.3 ms, so with 2 MiB it was a sixth of a node's CPU time;
but about twice as much is in memory. With 48 MiB V8 went through the whole heap after all.
*/
const LEAST_GARBAGE_BYTES = 12 * 1024 * 1024;
const MOST_GARBAGE_BYTES = 32 * 1024 * 1024;
/** In a heap of this many times the least or less, the least. */
const HEAP_PARTS = 16;

type ScavengerOptions = {
	collect?: MinorGc | undefined;
	/** How often each byte is left behind: once as it came, and once more where it is sealed or opened. */
	copies: number;
	/** Whether the process does little else than stream: then young objects get no more room than they had at first. */
	isStreaming?: boolean;
	heapBytes?: () => number;
};

/**
Told of the bytes that stream through, collects what their pieces leave behind.

Each piece of a stream is a small object with 64 KiB outside V8's heap. V8 seldom collects so few young objects; it counts
what they hold outside, and at each 64 MiB of that it goes through the whole heap, which took a third of the coordinator's
CPU time and half of a node's. Going through the young objects alone frees the same and costs little; but it takes longer the
larger the whole heap is (2 to 6 ms with a million chunks), and is done the more seldom then.
*/
export const createScavenger = ({
	copies,
	isStreaming = false,
	collect = findCollector(isStreaming),
	heapBytes = () => v8.getHeapStatistics().used_heap_size,
}: ScavengerOptions): ((sizeBytes: number) => void) => {
	let garbageBytes = 0;
	let mostBytes = LEAST_GARBAGE_BYTES;
	return sizeBytes => {
		garbageBytes += copies * sizeBytes;
		if (!collect || garbageBytes < mostBytes) return;
		garbageBytes = 0;
		collect({type: 'minor'});
		mostBytes = Math.min(MOST_GARBAGE_BYTES, Math.max(LEAST_GARBAGE_BYTES, heapBytes() / HEAP_PARTS));
	};
};
