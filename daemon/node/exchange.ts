import type {RegisterBody, StorageStats} from '../../source/protocol/api.js';
import {PjasError} from '../../source/protocol/errors.js';
import type {NodeId} from '../../source/protocol/ids.js';
import {PROTOCOL} from '../../source/protocol/version.js';
import {followSignal} from '../core/follow-signal.js';
import type {KeyTexts} from '../trust/keys.js';
import {ANSWER_HEADER, NODE_HEADER, type NodeMessage} from '../trust/node-messages.js';
import {apiOf} from './address.js';
import {reasonIn} from './answer.js';
import type {CoordinatorTrust} from './coordinator-trust.js';

/** Who a node is to its coordinator, and whom it trusts. */
export type NodeIdentity = {publicKeys: KeyTexts; joinCode: string | undefined; trust: CoordinatorTrust};

type Answer = {status: number; text: string; signature: string | undefined};

/** What the coordinator answered. */
export type Exchanged = {
	status: number;
	text: string;
	/** Why it refuses, in its own words. */
	error: string | undefined;
	/** Whether it brought keys of the coordinator that were not known. */
	hasLearnt: boolean;
	/** Whether it is signed by the coordinator. A refusal may not be. */
	isProven: boolean;
};

/**
Posts what is signed by this node, and believes only what is signed by its coordinator. Rejects with `UNAUTHENTICATED` where
somebody else answers well, and with the network's error where nobody does.
*/
export type Exchange = (path: NodeMessage, body: string, signal: AbortSignal) => Promise<Exchanged>;

export const CLASSIC_VERSION = '1.0.0';

const REQUEST_TIMEOUT_MS = 10_000;
const MOST_ANSWER_BYTES = 1024 * 1024;
/** What a request or an answer carries beside its body. */
const HEAD_BYTES = 1024;

const post = async (url: string, body: string, jws: string | undefined, signal: AbortSignal): Promise<Answer> => {
	// Importing it takes a fifth of a second, which no start of a node should wait for.
	const {got} = await import('got');
	const {controller: giveUp, release} = followSignal(signal);
	const request = got.post(url, {
		body,
		headers: {'content-type': 'application/json', ...(jws !== undefined && {[NODE_HEADER]: jws})},
		signal: giveUp.signal,
		timeout: {request: REQUEST_TIMEOUT_MS},
		retry: {limit: 0},
		throwHttpErrors: false,
		// A coordinator behind https often sends on from http: what is posted stays posted.
		methodRewriting: false,
		maxRedirects: 3,
	});
	void request.on('downloadProgress', ({transferred}) => {
		if (transferred > MOST_ANSWER_BYTES) giveUp.abort(new Error('The answer is too long'));
	});
	try {
		const {statusCode, body: text, headers} = await request;
		const signature = headers[ANSWER_HEADER.toLowerCase()];
		return {status: statusCode, text, signature: typeof signature === 'string' ? signature : undefined};
	} finally {
		release();
	}
};

export const isGood = (status: number | undefined) => status !== undefined && status >= 200 && status < 300;

export const createExchange = ({
	coordinatorUrl,
	identity,
	onCarried,
}: {
	coordinatorUrl: string;
	identity: NodeIdentity | undefined;
	/** Told of the bytes that went over the line. */
	onCarried?: ((carried: {up: number; down: number}) => void) | undefined;
}): Exchange => {
	const api = apiOf(coordinatorUrl);
	return async (path, body, signal) => {
		const signed = await identity?.trust.sign(path, body);
		const {status, text, signature} = await post(`${api}/nodes/${path}`, body, signed?.jws, signal);
		onCarried?.({up: body.length + HEAD_BYTES, down: text.length + HEAD_BYTES});
		const answered = {status, text, error: reasonIn(text), hasLearnt: false, isProven: false};
		// A refusal that is signed tells the time, for a node whose clock is wrong.
		if (!identity || !signed || (!isGood(status) && signature === undefined)) return answered;
		try {
			const hasLearnt = await identity.trust.accept({id: signed.id, body: text, jws: signature});
			return {...answered, hasLearnt, isProven: true};
		} catch (error) {
			const problem = 'what answers is not the coordinator that this node trusts';
			throw new PjasError('UNAUTHENTICATED', `${problem} (${(error as Error).message})`, {cause: error});
		}
	};
};

/** What a node says of itself when it registers, beside its address and its shards. */
export const registrationOf = ({
	nodeId,
	version,
	identity,
	name,
	owner,
	zone,
	storageStats,
}: {
	nodeId: NodeId;
	version: string;
	identity: NodeIdentity | undefined;
	name?: string | undefined;
	owner?: string | undefined;
	zone?: string | undefined;
	storageStats: StorageStats;
}): RegisterBody => ({
	node_id: nodeId,
	storage_stats: storageStats,
	status: 'online',
	version: identity ? version : CLASSIC_VERSION,
	...(identity && {
		protocol: PROTOCOL,
		keys: identity.publicKeys,
		...(identity.joinCode !== undefined && {join_code: identity.joinCode}),
		trusts: [...identity.trust.keys().keys()],
		...(name !== undefined && {name}),
		...(owner !== undefined && {owner}),
		...(zone !== undefined && {zone}),
	}),
});
