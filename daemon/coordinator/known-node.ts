import {type Latency, unknownLatency} from '../core/latency.js';
import type {NodeRecord} from '../core/model.js';

const FIRST_ROOMS = 64;

/**
What nodes can still take, by their places. Whoever looks for room among thousands that have hardly any looks at these
numbers, which lie side by side, and not at their records, which lie all over the memory.
*/
export class Rooms {
	#freeBytes = new Float64Array(FIRST_ROOMS);

	hasRoom(place: number, sizeBytes: number): boolean {
		return (this.#freeBytes[place] ?? 0) >= sizeBytes;
	}

	set(place: number, freeBytes: number): void {
		if (place >= this.#freeBytes.length) {
			const larger = new Float64Array(2 * place);
			larger.set(this.#freeBytes);
			this.#freeBytes = larger;
		}

		this.#freeBytes[place] = freeBytes;
	}
}

/** The state of a node, which keeps its room up to date. */
export class KnownNode {
	isOnline = false;
	inFlight = 0;
	latency: Latency = unknownLatency;
	failures = 0;
	coolUntilMs = 0;
	#record: NodeRecord;
	#reservedBytes = 0;
	#place: number | undefined;
	readonly #rooms: Rooms;

	constructor(record: NodeRecord, place: number, rooms: Rooms) {
		this.#record = record;
		this.#place = place;
		this.#rooms = rooms;
		this.#note();
	}

	get record(): NodeRecord {
		return this.#record;
	}

	set record(record: NodeRecord) {
		this.#record = record;
		this.#note();
	}

	get reservedBytes(): number {
		return this.#reservedBytes;
	}

	set reservedBytes(bytes: number) {
		this.#reservedBytes = bytes;
		this.#note();
	}

	/** Where it stands among all; nowhere once it is forgotten, though work with it may be under way yet. */
	get place(): number | undefined {
		return this.#place;
	}

	set place(place: number | undefined) {
		this.#place = place;
		this.#note();
	}

	#note(): void {
		if (this.#place === undefined) return;
		this.#rooms.set(this.#place, this.#record.freeBytes - this.#reservedBytes);
	}
}
