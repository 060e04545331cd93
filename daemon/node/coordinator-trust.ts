import {z} from 'zod';
import type {Clock, Random} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import {type CoordinatorKey, coordinatorKeysSchema, keysInUse} from '../trust/coordinator-key.js';
import type {JoinCode} from '../trust/join-code.js';
import type {Fingerprint, KeyPairs, KeyTexts} from '../trust/keys.js';
import {type NodeMessage, signRequest, verifyAnswer} from '../trust/node-messages.js';
import type {NodeFolder} from './folder.js';

export type CoordinatorTrust = {
	/** The coordinator's public keys by fingerprint; the same map as long as nothing changes. */
	keys: () => ReadonlyMap<Fingerprint, KeyTexts>;
	/** The coordinator's time, as far as it told it. */
	nowMs: () => number;
	/** Signs what is sent to the coordinator. */
	sign: (message: NodeMessage, body: string) => Promise<{id: string; jws: string}>;
	/** Takes in an answer, and says whether it brought new keys. Rejects where it is not the coordinator's own. */
	accept: (answer: {id: string; body: string; jws: string | undefined}) => Promise<boolean>;
};

type TrustOptions = {
	nodeId: string;
	pairs: KeyPairs;
	file: NodeFolder['coordinatorKeys'];
	/** Names the coordinator that this node was invited by. */
	joinCode: JoinCode | undefined;
	log: Log;
	clock: Clock;
	random: Random;
};

const ID_BYTES = 16;

const keysBody = z.object({coordinator_keys: coordinatorKeysSchema.optional()});

const keysIn = (body: string): CoordinatorKey[] | undefined => {
	try {
		return keysBody.parse(JSON.parse(body)).coordinator_keys;
	} catch {
		return undefined;
	}
};

/**
Which coordinator a node trusts: the one whose keys it has kept; before that the one that its join code names; without a
code the first that answers, as where anybody may join. New keys are learnt out of answers that a trusted one has signed.
*/
export const openCoordinatorTrust = async (options: TrustOptions): Promise<CoordinatorTrust> => {
	const {nodeId, pairs, file, joinCode, log, clock, random} = options;
	let kept = await file.read();
	let aheadMs = 0;
	const nowMs = () => clock.now() + aheadMs;
	let current = keysInUse(kept, nowMs());

	const keys = () => {
		const {size} = keysInUse(kept, nowMs());
		if (size !== current.size) current = keysInUse(kept, nowMs());
		return current;
	};

	const learn = async (offered: CoordinatorKey[]): Promise<boolean> => {
		if (JSON.stringify(offered) === JSON.stringify(kept)) return false;
		await file.write(offered);
		const before = current;
		kept = offered;
		current = keysInUse(kept, nowMs());
		const fresh = [...current.keys()].filter(fingerprint => !before.has(fingerprint));
		if (fresh.length > 0) log.info('this node trusts a key of its coordinator from now on', {fingerprints: fresh});
		return true;
	};

	return {
		keys,
		nowMs,
		async sign(message, body) {
			const id = Buffer.from(random.bytes(ID_BYTES)).toString('base64url');
			const coordinators = [...keys().keys(), ...(joinCode ? [joinCode.coordinator] : [])];
			const jws = await signRequest(pairs.signing, {node: nodeId, message, body, coordinators, id, nowMs: nowMs()});
			return {id, jws};
		},
		async accept({id, body, jws}) {
			if (jws === undefined) throw new Error('the answer is not signed');
			const offered = keysIn(body);
			const given = keysInUse(offered ?? [], nowMs());
			const isInvited = (fingerprint: Fingerprint) =>
				joinCode ? fingerprint === joinCode.coordinator : current.size === 0;
			const keyOf = (fingerprint: Fingerprint) =>
				keys().get(fingerprint) ?? (isInvited(fingerprint) ? given.get(fingerprint) : undefined);
			const {nowMs: toldMs} = await verifyAnswer(jws, keyOf, {node: nodeId, id, body});
			aheadMs = toldMs - clock.now();
			return offered !== undefined && (await learn(offered));
		},
	};
};
