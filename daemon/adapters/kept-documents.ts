import {cloneOf, type Document} from './catalog-documents.js';
import {createChunkPacker, type PackedChunk} from './packed-chunks.js';

/**
The documents of a catalogue in memory, by their `_id`. Most by far are chunks, and those are packed: as objects they
would take two thirds of what a large network's coordinator needs.
*/
export class KeptDocuments {
	readonly #kept = new Map<string, Document | PackedChunk>();
	readonly #packer = createChunkPacker();

	/** It must not be changed. */
	get(id: string): Document | undefined {
		const kept = this.#kept.get(id);
		return typeof kept === 'string' ? this.#packer.unpack(id, kept) : kept;
	}

	/** Shares nothing with what is kept. */
	copyOf(id: string): Document | undefined {
		const kept = this.#kept.get(id);
		return typeof kept === 'string' ? this.#packer.unpack(id, kept) : cloneOf(kept);
	}

	has(id: string): boolean {
		return this.#kept.has(id);
	}

	/** The document is kept as it is from then on, where it isn't packed. */
	set(document: Document): void {
		this.#kept.set(document._id, this.#packer.pack(document) ?? document);
	}

	delete(id: string): boolean {
		return this.#kept.delete(id);
	}

	ids(): Iterable<string> {
		return this.#kept.keys();
	}
}
