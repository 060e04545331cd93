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
	Writes down what was seen of shards that a chunk has. Of one that it no longer has, nothing is: whoever took it off is about to
	have it removed. A chunk that is gone meanwhile is nobody's loss.
	*/
	record: (chunk: ChunkId, findings: readonly Finding[]) => Promise<void>;
	/** Has a chunk count from now on on a sound shard, also one that it did not know of. Nobody may remove it meanwhile. */
	countIn: (chunk: ChunkId, shard: Pick<ShardRecord, 'node' | 'digest'>) => Promise<void>;
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

	/** Changes a chunk's shards, again where somebody else changed it meanwhile. `undefined` changes nothing. */
	const change = async (
		id: ChunkId,
		findings: readonly Finding[],
		shardsOf: (chunk: ChunkRecord) => ShardRecord[] | undefined,
	): Promise<void> => {
		for (let attempt = 1; ; attempt++) {
			const chunk = await catalog.getChunk(id);
			const shards = chunk && shardsOf(chunk);
			if (!chunk || !shards) return;
			try {
				const changed = await catalog.putChunk({...chunk, shards});
				if (soundNodes(changed) !== soundNodes(chunk)) onChange?.(changed);
				announce(chunk.file, chunk, findings);
				return;
			} catch (error) {
				if (!isPjasError(error, 'CONFLICT') || attempt === MOST_TRIES) throw error;
			}
		}
	};

	const seen = (chunk: ChunkRecord, findings: readonly Finding[]): ShardRecord[] =>
		chunk.shards.map(shard =>
			withFinding(
				shard,
				findings.find(finding => isAbout(shard, finding)),
				clock.now(),
			),
		);

	return {
		async record(id, findings) {
			await change(id, findings, chunk => {
				const isConcerned = findings.some(finding => chunk.shards.some(shard => isAbout(shard, finding)));
				return isConcerned ? seen(chunk, findings) : undefined;
			});
		},
		async countIn(id, {node, digest}) {
			const finding: Finding = {node, digest, result: 'ok'};
			await change(id, [finding], chunk => {
				const shards = seen(chunk, [finding]);
				return chunk.shards.some(shard => isAbout(shard, finding))
					? shards
					: [...shards, {digest, node, verifiedAt: clock.now()}];
			});
		},
	};
};
