import {readIdentity, readMetadata} from '../adapters/disk-shards-metadata.js';
import {coordinatorKeyFile} from '../adapters/coordinator-key-file.js';
import {systemFiles} from '../adapters/disk-shards-files.js';
import {apiOf} from '../node/address.js';
import {reasonIn} from '../node/answer.js';
import {openCoordinatorTrust} from '../node/coordinator-trust.js';
import type {Clock, Random} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import {parseJoinCode} from '../trust/join-code.js';
import {openKeys} from '../trust/keys.js';
import {ANSWER_HEADER, NODE_HEADER} from '../trust/node-messages.js';
import type {DoctorIo} from './io.js';
import type {NodeIdentity, SayHello} from './node-checks.js';

type Tools = {clock: Clock; random: Random; log: Log};

/** What a node's folder says about it; nothing where no node has run with it. */
export const readNodeIdentity = async (
	folder: string,
	{log}: Pick<Tools, 'log'>,
): Promise<NodeIdentity | undefined> => {
	const identity = await readIdentity(systemFiles, folder);
	if (typeof identity === 'string') return undefined;
	const metadata = await readMetadata(systemFiles, folder);
	const coordinatorKeys = await coordinatorKeyFile(systemFiles, folder, log).read();
	return {
		nodeId: identity.nodeId,
		keys: identity.keys,
		hasJoined: coordinatorKeys.length > 0,
		indexed: metadata.kind === 'ours' ? metadata.metadata.sizes.size : undefined,
	};
};

/**
Says hello as a node: a heartbeat that names no key which the node trusts, so that the coordinator does not take the node for
one that can serve.
*/
export const helloOf =
	(
		{folder, coordinatorUrl, join}: {folder: string; coordinatorUrl: string; join: string | undefined},
		{clock, random, log, io}: Tools & {io: Pick<DoctorIo, 'ask'>},
	): SayHello =>
	async () => {
		const identity = await readNodeIdentity(folder, {log});
		if (!identity?.keys) throw new Error('this folder has no identity');
		const {nodeId, keys} = identity;
		const kept = coordinatorKeyFile(systemFiles, folder, log);
		// Whatever is learnt here is for the node to learn.
		const file = {read: kept.read, write: async () => Promise.resolve()};
		const joinCode = join === undefined ? undefined : parseJoinCode(join);
		const trust = await openCoordinatorTrust({nodeId, pairs: openKeys(keys), file, joinCode, log, clock, random});
		const say = async () => {
			const body = JSON.stringify({node_id: nodeId, trusts: []});
			const {id, jws} = await trust.sign('heartbeat', body);
			const headers = {'content-type': 'application/json', [NODE_HEADER]: jws};
			const answer = await io.ask(`${apiOf(coordinatorUrl)}/nodes/heartbeat`, {method: 'POST', headers, body});
			const accepting = trust.accept({id, body: answer.text, jws: answer.header(ANSWER_HEADER)});
			const isFromCoordinator = await accepting.then(
				() => true,
				() => false,
			);
			return {status: answer.status, error: reasonIn(answer.text), isFromCoordinator};
		};
		const first = await say();
		// A refusal that is signed tells the time, for a node whose clock is wrong: the next one is signed by that.
		return first.status === 401 && first.isFromCoordinator ? say() : first;
	};
