import type {IncomingMessage} from 'node:http';
import {type HeartbeatBody, heartbeatSchema, type RegisterBody, registerSchema} from '../../source/protocol/api.js';
import {PjasError} from '../../source/protocol/errors.js';
import {type AskSafeToStop, askSafeToStopSchema} from '../../source/protocol/healing-api.js';
import type {NodeId} from '../../source/protocol/ids.js';
import type {NodeRecord} from '../core/model.js';
import {parseJson, readPlainBytes} from '../http/body.js';
import {errorAnswer} from '../http/errors.js';
import type {Catalog} from '../ports/catalog.js';
import type {Clock} from '../ports/clock.js';
import {parseJoinCode} from '../trust/join-code.js';
import type {Fingerprint, KeyTexts} from '../trust/keys.js';
import {
	ANSWER_HEADER,
	MESSAGE_LIFE_SECONDS,
	NODE_HEADER,
	type NodeMessage,
	signAnswer,
	signerOf,
	type SignedRequest,
	verifyRequest,
} from '../trust/node-messages.js';
import type {Fleet} from './fleet.js';
import {isClassic, recordIdOf, type Terms} from './membership.js';
import type {NetworkKeys} from './network-keys.js';
import type {NodeInvitations} from './node-invitations.js';

/** The coordinator's answer to a node, and the headers that show whose it is. */
export type Signed = {status: number; headers: Record<string, string>; text: string};

export type Admitted<Body> = {
	/** An answer that says why not, signed, so that the node may believe it. */
	refusal?: undefined;
	body: Body;
	/** What a registration is let in by. */
	terms: Terms;
	/** Finishes an answer. A node that has keys gets it signed, with the coordinator's keys where it lacks some. */
	answer: (body: object, status?: number) => Promise<Signed>;
};

export type Refused = {refusal: Signed};

export type AdmittedNode = {refusal?: undefined; node: NodeId; headers: Record<string, string>};

export type Admission = {
	/** Lets a registration in. Throws why not, unless it is the time: that the node is told in a way that it can trust. */
	registration: (request: IncomingMessage) => Promise<Admitted<RegisterBody> | Refused>;
	/** The same for a heartbeat. */
	heartbeat: (request: IncomingMessage) => Promise<Admitted<HeartbeatBody> | Refused>;
	/** The same for a node that has keys and asks whether it can stop. */
	safeToStop: (request: IncomingMessage) => Promise<Admitted<AskSafeToStop> | Refused>;
	/** The same for what has no body that is signed: whose it is, and the headers that show the node whom it has reached. */
	bodiless: (request: IncomingMessage, message: 'link' | 'line-test') => Promise<AdmittedNode | Refused>;
	/** Whether a join code names this coordinator. */
	isOurs: (coordinator: Fingerprint) => boolean;
	/** Whether a node of before may be asked whether it is there. */
	isWelcome: (record: NodeRecord) => boolean;
};

export type AdmissionOptions = {
	catalog: Pick<Catalog, 'getNode' | 'getSmall' | 'removeSmall'>;
	fleet: Pick<Fleet, 'find' | 'get'>;
	keys: NetworkKeys;
	invitations: Pick<NodeInvitations, 'redeem'>;
	/** Nodes need no code; those without keys are let in as well. */
	open: boolean;
	/** Nodes of the prototype's kind are let in. */
	allowClassic: boolean;
	clock: Pick<Clock, 'now'>;
};

const MOST_REMEMBERED = 200_000;

const unsigned = (problem: string, cause?: unknown) => new PjasError('UNAUTHENTICATED', problem, {cause});

export const bannedError = () =>
	new PjasError('NODE_BANNED', 'This node is banned from the network: talk to whoever operates it');

const needsKey = () => unsigned('Only a node that has registered with its key may ask for that');

const refuseClassic = () =>
	new PjasError(
		'CLASSIC_NOT_ALLOWED',
		"Nodes of the prototype's kind can't show who they are: start the coordinator with --allow-classic to have them",
	);

const needCode = () =>
	new PjasError(
		'JOIN_CODE_INVALID',
		'This network takes no node without a code: ask for one, and start with --join CODE',
	);

const needNewCode = () =>
	new PjasError(
		'JOIN_CODE_INVALID',
		'This node has left the network: to have it back, ask for a new join code, and start it with --join CODE',
	);

/** The same request counts once, as long as its time is not past. */
const createReplayGuard = (clock: Pick<Clock, 'now'>) => {
	const seen = new Map<string, number>();
	return (id: string, expiresMs: number) => {
		const now = clock.now();
		for (const [old, end] of seen) {
			if (end > now) break;
			seen.delete(old);
		}

		if (seen.has(id)) throw unsigned('This request came before: sign each one anew');
		if (seen.size >= MOST_REMEMBERED)
			throw new PjasError('TOO_MANY_REQUESTS', 'Too many nodes at once: try again later');
		seen.set(id, expiresMs);
	};
};

const headerOf = (request: IncomingMessage, name: string): string | undefined => {
	const value = request.headers[name.toLowerCase()];
	return typeof value === 'string' ? value : undefined;
};

/** Says which nodes may join, and which of their messages are their own. */
export const createAdmission = (options: AdmissionOptions): Admission => {
	const {catalog, fleet, keys, invitations, open, allowClassic, clock} = options;
	const countOnce = createReplayGuard(clock);

	const verify = async (
		message: NodeMessage,
		{jws, key, node, body}: {jws: string; key: KeyTexts; node: string; body: Uint8Array},
	): Promise<SignedRequest> => {
		const signed = await verifyRequest(jws, key, {node, message, body, nowMs: clock.now()}).catch((error: unknown) => {
			const reason = error instanceof Error ? error.message : 'it is malformed';
			throw unsigned(`The message is not signed by this node's key, or for something else (${reason})`, error);
		});
		const isMeant = signed.coordinators.some(kid => keys.accepted().includes(kid));
		// A newcomer without a code knows no coordinator yet.
		const isLost = message === 'register' && signed.coordinators.length === 0;
		if (!isMeant && !isLost) {
			throw unsigned('The message is meant for a coordinator with other keys: join with a new code');
		}

		return signed;
	};

	const answerer =
		(node: string, signed: SignedRequest | undefined, trusts: readonly string[]) =>
		async (body: object, status = 200): Promise<Signed> => {
			if (!signed) return {status, headers: {}, text: JSON.stringify(body)};
			const accepted = keys.accepted();
			const isUpToDate = trusts.length === accepted.length && accepted.every(kid => trusts.includes(kid));
			const text = JSON.stringify({...body, ...(!isUpToDate && {coordinator_keys: keys.publicKeys()})});
			const {kid, pairs} = keys.newestOf(signed.coordinators);
			const jws = await signAnswer(kid, pairs.signing, {node, id: signed.id, body: text, nowMs: clock.now()});
			return {status, headers: {[ANSWER_HEADER]: jws}, text};
		};

	/** The answer tells the time, so a node whose clock is wrong can sign its next message by this one. */
	const refuseTime = async (answer: Admitted<unknown>['answer']): Promise<Refused> => {
		const problem = `The node's clock and this one are more than ${MESSAGE_LIFE_SECONDS / 60} minutes apart: try again`;
		const {status, body} = errorAnswer(unsigned(problem));
		return {refusal: await answer(body, status)};
	};

	/** A node can serve once it trusts the key that its tickets are signed with. */
	const isReady = (trusts: readonly string[]) => trusts.includes(keys.signing().kid);

	/** A node without keys: of the prototype's kind, or where anybody may join. */
	const admitKeyless = (body: RegisterBody, stored: NodeRecord | undefined): Terms => {
		if (isClassic(body) && !allowClassic) throw refuseClassic();
		if (stored?.bannedAt !== undefined) throw bannedError();
		if (body.address === undefined) {
			throw new PjasError('INVALID_REQUEST', 'Wrong body: a node without keys must say its address');
		}

		if (stored?.publicKeys || !(isClassic(body) || open)) {
			throw unsigned("A node's messages must be signed by its key: run a newer version of the node");
		}

		return {isReady: true};
	};

	/** A node that left may still run, or be started as before: it must not be back by itself. */
	const admitLeaver = async (code: string | undefined, nodeId: string, leftAt: number): Promise<Terms['invited']> => {
		const parsed = code === undefined ? undefined : parseJoinCode(code);
		const invitation = parsed && (await catalog.getSmall('nodeInvitation', parsed.id));
		if (!parsed || !invitation || invitation.createdAt <= leftAt) throw needNewCode();
		const invited = await invitations.redeem(parsed.id, nodeId);
		await catalog.removeSmall('departure', nodeId);
		return invited;
	};

	const admitNewcomer = async (code: string | undefined, nodeId: string): Promise<Terms['invited']> => {
		const departure = await catalog.getSmall('departure', nodeId);
		if (departure) return admitLeaver(code, nodeId, departure.leftAt);
		const parsed = code === undefined ? undefined : parseJoinCode(code);
		if (!parsed && open) return undefined;
		if (code === undefined) throw needCode();
		if (!parsed) throw new PjasError('JOIN_CODE_INVALID', 'This is no join code: copy the whole of it');
		try {
			return await invitations.redeem(parsed.id, nodeId);
		} catch (error) {
			if (open && error instanceof PjasError && error.code === 'JOIN_CODE_INVALID') return undefined;
			throw error;
		}
	};

	/** The record of a node that may say or ask something. */
	const ofKnown = (node: string): NodeRecord => {
		const record = fleet.find(node)?.record;
		if (!record) throw new PjasError('NODE_NOT_FOUND', `Node ${node} is not registered here. Register it first`);
		if (record.bannedAt !== undefined) throw bannedError();
		return record;
	};

	/** Lets in what the node that its body names has signed. */
	const admitSigned = async <Body extends AskSafeToStop>(
		request: IncomingMessage,
		message: 'heartbeat' | 'safe-to-stop',
		{body, bytes, key}: {body: Body; bytes: Uint8Array; key: KeyTexts},
	): Promise<Admitted<Body> | Refused> => {
		const {node_id: node, trusts = []} = body;
		const jws = headerOf(request, NODE_HEADER);
		if (jws === undefined) throw unsigned(`The ${message} is not signed by the node's key`);
		const signed = await verify(message, {jws, key, node, body: bytes});
		const answer = answerer(node, signed, trusts);
		if (!signed.isInTime) return refuseTime(answer);
		countOnce(signed.id, signed.expiresMs);
		return {body, terms: {isReady: isReady(trusts)}, answer};
	};

	return {
		async registration(request) {
			const bytes = await readPlainBytes(request);
			const body = parseJson(bytes, registerSchema, 'body');
			const {node_id: node, keys: publicKeys, join_code: code, trusts = []} = body;
			const stored = await catalog.getNode(recordIdOf(body, fleet));
			const jws = headerOf(request, NODE_HEADER);
			if (!publicKeys) return {body, terms: admitKeyless(body, stored), answer: answerer(node, undefined, [])};
			if (jws === undefined) throw unsigned("The registration is not signed by the node's key");
			if (stored?.publicKeys && stored.publicKeys.signing !== publicKeys.signing) {
				throw unsigned('Another node has this id: give this one a storage folder of its own');
			}

			const signed = await verify('register', {jws, key: stored?.publicKeys ?? publicKeys, node, body: bytes});
			const answer = answerer(node, signed, trusts);
			if (!signed.isInTime) return refuseTime(answer);
			if (stored?.bannedAt !== undefined) throw bannedError();
			countOnce(signed.id, signed.expiresMs);
			const invited = stored?.publicKeys ? stored.invited : await admitNewcomer(code, node);
			const terms = {publicKeys: stored?.publicKeys ?? publicKeys, invited, isReady: isReady(trusts)};
			return {body, terms, answer};
		},

		async heartbeat(request) {
			const bytes = await readPlainBytes(request);
			const body = parseJson(bytes, heartbeatSchema, 'body');
			const {kind, publicKeys} = ofKnown(body.node_id);
			if (publicKeys) return admitSigned(request, 'heartbeat', {body, bytes, key: publicKeys});
			if (kind === 'classic' && !allowClassic) throw refuseClassic();
			if (kind !== 'classic' && !open) throw new PjasError('NODE_NOT_FOUND', 'Register this node with its key');
			return {body, terms: {isReady: true}, answer: answerer(body.node_id, undefined, [])};
		},

		async safeToStop(request) {
			const bytes = await readPlainBytes(request);
			const body = parseJson(bytes, askSafeToStopSchema, 'body');
			const {publicKeys} = ofKnown(body.node_id);
			if (!publicKeys) throw needsKey();
			return admitSigned(request, 'safe-to-stop', {body, bytes, key: publicKeys});
		},

		async bodiless(request, message) {
			const jws = headerOf(request, NODE_HEADER);
			const node = jws === undefined ? undefined : signerOf(jws);
			if (jws === undefined || node === undefined) throw unsigned(`The ${message} is not signed by a node's key`);
			const record = ofKnown(node);
			if (!record.publicKeys) throw needsKey();
			const signed = await verify(message, {jws, key: record.publicKeys, node, body: Buffer.alloc(0)});
			const answer = answerer(node, signed, keys.accepted());
			if (!signed.isInTime) return refuseTime(answer);
			countOnce(signed.id, signed.expiresMs);
			const {kid, pairs} = keys.newestOf(signed.coordinators);
			const proof = await signAnswer(kid, pairs.signing, {node, id: signed.id, body: '', nowMs: clock.now()});
			return {node: record._id, headers: {[ANSWER_HEADER]: proof}};
		},

		isOurs: coordinator => keys.accepted().includes(coordinator),

		isWelcome: ({bannedAt, kind, publicKeys}) =>
			bannedAt === undefined && (kind === 'classic' ? allowClassic : publicKeys !== undefined || open),
	};
};
