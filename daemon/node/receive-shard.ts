import type {IncomingMessage, ServerResponse} from 'node:http';
import type {Digest} from '../../source/protocol/ids.js';
import {watchBody} from '../http/body.js';
import type {Prove} from './authorize.js';
import type {LinePace, NodeStore} from './folder.js';

const answers = {
	created: {status: 201, text: JSON.stringify({success: true, outcome: 'created'})},
	exists: {status: 200, text: JSON.stringify({success: true, outcome: 'exists'})},
} as const;

/** How long a request says that its body is; `undefined` where it comes in pieces. */
const bodyBytesOf = ({headers}: IncomingMessage): number | undefined => {
	const header = headers['content-length'];
	if (header === undefined) return headers['transfer-encoding'] === undefined ? 0 : undefined;
	return Number(header);
};

/** Keeps a request's body as a shard, and answers. Where this throws, nothing is answered yet. */
export const receiveShard = async (
	request: IncomingMessage,
	response: ServerResponse,
	shards: Pick<NodeStore, 'receive'>,
	digest: Digest,
	prove: Prove,
	pace?: LinePace,
): Promise<void> => {
	const watch = watchBody(request);
	try {
		const outcome = await shards.receive(digest, request, bodyBytesOf(request), {signal: watch.signal, pace});
		const {status, text} = answers[outcome];
		response.writeHead(status, {
			'Content-Type': 'application/json; charset=utf-8',
			'Content-Length': text.length,
			...prove(status, text),
		});
		response.end(text);
	} finally {
		watch.stop();
	}
};
