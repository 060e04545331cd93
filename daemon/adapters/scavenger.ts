import v8 from 'node:v8';
import vm from 'node:vm';

type MinorGc = (options: {type: 'minor'}) => void;

/** V8's own collector, which it hands out under a flag only. Nothing where a version doesn't. */
const findCollector = (): MinorGc | undefined => {
	v8.setFlagsFromString('--expose-gc');
	const collect: unknown = vm.runInNewContext('typeof gc === "function" ? gc : undefined');
	return collect as MinorGc | undefined;
};

const EVERY_BYTES = 2 * 1024 * 1024;

/**
Told of the bytes that stream through, collects what their pieces leave behind.

Each piece of a stream is a small object with 64 KiB outside V8's heap. V8 seldom collects so few young objects; it counts
what they hold outside, and at each 64 MiB of that it goes through the whole heap, which took a third of the coordinator's
CPU time and half of a node's. Going through the young objects alone frees the same and costs almost nothing.
*/
export const createScavenger = (collect = findCollector()): ((sizeBytes: number) => void) => {
	let sinceBytes = 0;
	return sizeBytes => {
		sinceBytes += sizeBytes;
		if (sinceBytes < EVERY_BYTES) return;
		sinceBytes = 0;
		collect?.({type: 'minor'});
	};
};
