import type {IncomingMessage} from 'node:http';
import {type Credentials, isProof} from '../trust/credentials.js';
import {PROOF_HEADER} from '../trust/proof.js';
import {nodeFailed, refusal} from './http-shards-errors.js';
import {fetchedTextOf, isShard, lengthOf, type Sink} from './http-shards-sinks.js';

/** What the request was, and what it went with. */
type Expected = {method: string; credentials: Credentials};

const notItsOwn = () =>
	nodeFailed('The answer does not come from the node itself: something in between answers for it');

/** Takes an answer in as `sink` does, and believes it at its end. The bytes of a shard are only counted, those of several not at all. */
const checking = <T>(
	sink: Sink<T>,
	answer: IncomingMessage,
	given: string,
	{method, credentials}: Expected,
): Sink<T> => {
	const isBytes = isShard(answer);
	const fetched = fetchedTextOf(answer);
	const proof = credentials.startProof(answer.statusCode ?? 0, isBytes ? 'shard' : 'text');
	if (fetched !== undefined) proof.update(fetched);
	let sizeBytes = 0;
	return {
		limitBytes: sink.limitBytes,
		take(piece) {
			if (isBytes) sizeBytes += piece.length;
			else if (fetched === undefined) proof.update(piece);
			sink.take(piece);
		},
		end() {
			if (isBytes) proof.update(String(method === 'HEAD' ? lengthOf(answer) : sizeBytes));
			if (!isProof(proof, given)) throw notItsOwn();
			return sink.end();
		},
	};
};

/**
Where a node's answer goes that has to be its own. What is not proven fails: as itself where it tells of an error, for what
stands between may say something of use.
*/
export const proven = <T>(
	answer: IncomingMessage,
	receive: (answer: IncomingMessage) => Sink<T>,
	expected: Expected,
): Sink<T> => {
	const given = answer.headers[PROOF_HEADER.toLowerCase()];
	// The text that an error to a HEAD is proven with does not come, so nothing is believed of it.
	if (expected.method === 'HEAD' && !isShard(answer)) return receive(answer);
	if (typeof given === 'string') return checking(receive(answer), answer, given, expected);
	if ((answer.statusCode ?? 0) >= 400) return refusal(answer, []);
	const {limitBytes} = receive(answer);
	return {
		limitBytes,
		take: () => undefined,
		end() {
			throw notItsOwn();
		},
	};
};
