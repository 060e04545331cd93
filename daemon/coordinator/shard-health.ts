import {isPjasError} from '../../source/protocol/errors.js';
import type {ChunkId, Digest, FileId, NodeId} from '../../source/protocol/ids.js';
import type {EventData} from '../../source/protocol/events.js';
import {type ChunkRecord, type ShardRecord, soundShards} from '../core/model.js';
import type {Catalog} from '../ports/catalog.js';
import type {Clock} from '../ports/clock.js';

/** What was seen of one shard. */
export type Finding = {node: NodeId; digest: Digest; result: 'ok' | 'missing' | 'corrupt'};

type Options = {
	catalog: Catalog;
	clock: Clock;
	/** Told of each shard that was sound and is no longer. */
	onFault: (fault: EventData<'fault'>) => void;
	/** Told of each chunk that has a sound shard less or more. */
	onChange?: (chunk: ChunkRecord) => void;
};

export type ShardHealth = {
	/**
	Writes down what was seen of shards of a chunk. A sound one on a node that the chunk did not count on is counted from now
	on. A chunk that is gone meanwhile is nobody's loss.
	*/
	record: (chunk: ChunkId, findings: readonly Finding[]) => Promise<void>;
};

const MOST_TRIES = 8;

const isAbout = (shard: ShardRecord, {node, digest}: Finding) => shard.node === node && shard.digest === digest;

/** The shard as it is after a finding. What is found missing was not verified by that, and keeps its date. */
const withFinding = (shard: ShardRecord, finding: Finding | undefined, now: number): ShardRecord => {
	if (!finding) return shard;
	const {digest, node, verifiedAt, fault} = shard;
	if (finding.result === 'ok') return {digest, node, verifiedAt: now};
	return {digest, node, verifiedAt, fault: fault?.kind === finding.result ? fault : {kind: finding.result, at: now}};
};

const soundNodes = (chunk: ChunkRecord): string =>
	soundShards(chunk)
		.map(shard => shard.node)
		.join(' ');

export const createShardHealth = ({catalog, clock, onFault, onChange}: Options): ShardHealth => {
	const announce = (file: FileId, chunk: ChunkRecord, findings: readonly Finding[]) => {
		for (const finding of findings) {
			const shard = chunk.shards.find(each => isAbout(each, finding));
			if (finding.result === 'ok' || !shard || shard.fault?.kind === finding.result) continue;
			onFault({
				file_id: file,
				index: chunk.index,
				node_id: finding.node,
				digest: finding.digest,
				kind: finding.result,
			});
		}
	};

	return {
		async record(id, findings) {
			for (let attempt = 1; ; attempt++) {
				const chunk = await catalog.getChunk(id);
				if (!chunk) return;
				const shards = chunk.shards.map(shard =>
					withFinding(
						shard,
						findings.find(finding => isAbout(shard, finding)),
						clock.now(),
					),
				);
				const found = findings.filter(
					finding => finding.result === 'ok' && !chunk.shards.some(shard => isAbout(shard, finding)),
				);
				for (const {node, digest} of found) shards.push({digest, node, verifiedAt: clock.now()});
				try {
					const changed = await catalog.putChunk({...chunk, shards});
					if (soundNodes(changed) !== soundNodes(chunk)) onChange?.(changed);
					announce(chunk.file, chunk, findings);
					return;
				} catch (error) {
					if (!isPjasError(error, 'CONFLICT') || attempt === MOST_TRIES) throw error;
				}
			}
		},
	};
};
