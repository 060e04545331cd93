import type {ServerResponse} from 'node:http';
import type {Digest} from '../../source/protocol/ids.js';
import type {Prove} from './authorize.js';
import type {NodeStore} from './folder.js';
import {sendBytes, type SendLimits} from './send-bytes.js';

/**
Answers with a shard's bytes, as they are kept. Their buffer is given back once the connection has taken them. Where this
throws, nothing is answered yet.
*/
export const sendShard = async (
	response: ServerResponse,
	shards: Pick<NodeStore, 'open'>,
	digest: Digest,
	prove: Prove,
	limits?: SendLimits,
): Promise<void> => {
	const shard = await shards.open(digest);
	const headers = {'Content-Type': 'application/octet-stream', ...prove(200, shard.bytes.length)};
	sendBytes(response, shard, headers, limits);
};
