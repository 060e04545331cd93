import type {ChunkRecord} from '../core/model.js';
import type {Catalog} from '../ports/catalog.js';
import type {FileId, NodeId} from '../../source/protocol/ids.js';

/** Which chunks are to be looked at: those of a node, those of a file, or all whose record says that they are amiss. */
export type Scan = {kind: 'amiss'} | {kind: 'node'; node: NodeId} | {kind: 'file'; file: FileId};

export type RepairScans = {
	/** Asks for a look; one that is under way begins anew. */
	request: (scan: Scan) => void;
	/** Some of the chunks that are to be looked at, as they are now. */
	take: (limit: number) => Promise<ChunkRecord[]>;
	isPending: () => boolean;
};

const keyOf = (scan: Scan): string => {
	if (scan.kind === 'amiss') return 'amiss';
	return scan.kind === 'node' ? scan.node : scan.file;
};

export const createRepairScans = (catalog: Catalog): RepairScans => {
	/** By what they are about; the first of them is under way. */
	const scans = new Map<string, {scan: Scan; chunks?: AsyncIterator<ChunkRecord>}>();

	const chunksOf = (scan: Scan): AsyncIterable<ChunkRecord> => {
		if (scan.kind === 'amiss') return catalog.chunksAmiss();
		return scan.kind === 'node' ? catalog.chunksOn(scan.node) : catalog.chunksOf(scan.file);
	};

	return {
		request(scan) {
			scans.set(keyOf(scan), {scan});
		},
		async take(limit) {
			const taken: ChunkRecord[] = [];
			const [first] = scans;
			if (!first) return taken;
			const [key, entry] = first;
			const chunks = (entry.chunks ??= chunksOf(entry.scan)[Symbol.asyncIterator]());
			while (taken.length < limit) {
				const next = await chunks.next();
				if (next.done) {
					if (scans.get(key) === entry) scans.delete(key);
					break;
				}

				taken.push(next.value);
			}

			return taken;
		},
		isPending: () => scans.size > 0,
	};
};
