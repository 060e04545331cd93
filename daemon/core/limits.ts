import {CHUNK_SIZE_BYTES} from '../../source/protocol/chunking.js';
import {SEAL_TAG_BYTES} from '../../source/protocol/seal.js';

/** The largest shard: a full chunk and its seal's tag. */
export const MAX_SHARD_BYTES = CHUNK_SIZE_BYTES + SEAL_TAG_BYTES;

/** The most digests in one page of a node's listing. */
export const MAX_LISTING_PAGE = 10_000;

const BLOCK_BYTES = 4096;

/** What a file of this size takes on a disk, as `du` counts with the usual block size. */
export const onDiskBytes = (sizeBytes: number): number => Math.ceil(sizeBytes / BLOCK_BYTES) * BLOCK_BYTES;
