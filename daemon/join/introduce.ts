import {isErrorCode, PjasError} from '../../source/protocol/errors.js';
import {silenceOf} from '../../source/doctor/reach-checks.js';
import {createExchange, type Exchanged, isGood, type NodeIdentity, registrationOf} from '../node/exchange.js';
import type {NodeFolder} from '../node/folder.js';
import {openCoordinatorTrust} from '../node/coordinator-trust.js';
import {storageStatsOf} from '../node/storage-stats.js';
import type {Clock, Random} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import {keysInUse} from '../trust/coordinator-key.js';
import type {JoinCode} from '../trust/join-code.js';
import {openKeys} from '../trust/keys.js';

type Introduction = {
	folder: NodeFolder;
	joinCode: JoinCode;
	coordinatorUrl: string;
	/** What its member calls it, and whose it is and where, as far as the code leaves that open. */
	name: string;
	owner: string;
	zone: string;
	version: string;
	log: Log;
	clock: Clock;
	random: Random;
};

/** Whether a folder is a node of the network that a code is for, of another one, or of none yet. */
export const belongingOf = async (
	coordinatorKeys: Pick<NodeFolder['coordinatorKeys'], 'read'>,
	{coordinator}: JoinCode,
	nowMs: number,
): Promise<'none' | 'same' | 'unknown'> => {
	const known = keysInUse(await coordinatorKeys.read(), nowMs);
	if (known.size === 0) return 'none';
	return known.has(coordinator) ? 'same' : 'unknown';
};

const otherNetwork = (coordinatorUrl: string) =>
	new PjasError(
		'OTHER_NETWORK',
		`This folder is a node of another network than the one at ${coordinatorUrl}. Choose another folder for this one, or have the node leave the other one first (pjas-daemon leave), and delete its folder`,
	);

const codeIn = (text: string): unknown => {
	try {
		return (JSON.parse(text) as {code?: unknown}).code;
	} catch {
		return undefined;
	}
};

/** Why the coordinator does not take a node in. */
const refusalOf = ({status, text, error, isProven}: Exchanged, coordinatorUrl: string): PjasError => {
	const code = codeIn(text);
	if (!isErrorCode(code) || error === undefined) {
		const help = 'The address is of something else: check the part behind the @ of the code, or --coordinator';
		return new PjasError(
			'COORDINATOR_UNREACHABLE',
			`What answers at ${coordinatorUrl} is no coordinator (${status}). ${help}`,
		);
	}

	if (code === 'UNAUTHENTICATED' && !isProven) {
		const problem = `The coordinator at ${coordinatorUrl} does not take this node with this code`;
		return new PjasError('JOIN_CODE_INVALID', `${problem}: ${error}`);
	}

	return new PjasError(code, error);
};

/**
A node's first words to its coordinator: it registers with its code, and learns the coordinator's keys. A node that has joined
before is known there, and no code is used up for it.

@throws {PjasError} `JOIN_CODE_INVALID`, `OTHER_NETWORK`, `COORDINATOR_UNREACHABLE`, or as the coordinator refuses it.
*/
export const introduce = async (options: Introduction): Promise<NodeIdentity['trust']> => {
	const {folder, joinCode, coordinatorUrl, name, owner, zone, version, log, clock, random} = options;
	const {nodeId, coordinatorKeys} = folder;
	const pairs = openKeys(folder.keys);
	const trust = await openCoordinatorTrust({nodeId, pairs, file: coordinatorKeys, joinCode, log, clock, random});
	const identity = {publicKeys: pairs.public, joinCode: joinCode.text, trust};
	const exchange = createExchange({coordinatorUrl, identity});
	const {signal} = new AbortController();

	const say = async (path: 'register' | 'heartbeat', body: object): Promise<Exchanged> => {
		try {
			const first = await exchange(path, JSON.stringify(body), signal);
			// A refusal that is signed tells the time, for a node whose clock is wrong: the next one is signed by that.
			return first.status === 401 && first.isProven ? await exchange(path, JSON.stringify(body), signal) : first;
		} catch (error) {
			if (error instanceof PjasError) {
				const problem = `What answers at ${coordinatorUrl} is not the coordinator that the code is of`;
				throw new PjasError('JOIN_CODE_INVALID', `${problem}: check the address`, {cause: error});
			}

			const {seen, remedy} = silenceOf(error);
			const problem = `The coordinator at ${coordinatorUrl} is not reached. ${seen}. ${remedy}`;
			throw new PjasError('COORDINATOR_UNREACHABLE', problem, {cause: error});
		}
	};

	if ((await belongingOf(coordinatorKeys, joinCode, clock.now())) === 'unknown') {
		// Its network may have got new keys while the node was away: then it knows this node.
		const heard = await say('heartbeat', {node_id: nodeId, trusts: []});
		if (codeIn(heard.text) === 'NODE_NOT_FOUND') throw otherNetwork(coordinatorUrl);
		if (!isGood(heard.status)) throw refusalOf(heard, coordinatorUrl);
	}

	const storageStats = await storageStatsOf(folder.shards);
	const registered = await say(
		'register',
		registrationOf({nodeId, version, identity, name, owner, zone, storageStats}),
	);
	if (!isGood(registered.status)) throw refusalOf(registered, coordinatorUrl);
	// A node that left may come back with a new code, which was good.
	const state = await folder.member.read();
	if (state?.leaving === 'left') await folder.member.write({...state, leaving: 'no'});
	return trust;
};
