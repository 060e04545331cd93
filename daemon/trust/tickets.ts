import {PjasError} from '../../source/protocol/errors.js';
import type {Digest} from '../../source/protocol/ids.js';
import {claimsOf, encodedHeader, headerOf, signJws, verifyJws} from './jws.js';
import {type Fingerprint, type KeyPairs, openPublicKey, type KeyTexts} from './keys.js';

/**
A ticket is the coordinator's permission for one operation on one shard at the node that it names, for two minutes: a
compact JWS. A node looks at nothing else to know who asks.
*/
export type TicketOperation =
	'put' | 'put-batch' | 'get' | 'get-batch' | 'stat' | 'remove' | 'verify' | 'prove' | 'list' | 'status';

/** What is asked of a node. */
export type Asked = {operation: TicketOperation; digest?: Digest | undefined};

type Claims = {
	/** The ids of the nodes. */
	aud: string[];
	op: TicketOperation;
	digest?: Digest;
	/** Seconds since the epoch, as in any JWT. */
	iat: number;
	exp: number;
	/** In permissions that count once. */
	jti?: string;
};

/** The coordinator's keys that tickets are signed with. */
export type SigningKeys = {kid: Fingerprint; pairs: KeyPairs};

const TICKET_TYPE = 'pjas-ticket+jwt';
const LIFE_SECONDS = 120;
/** What a ticket must have left when it is sent, so that a node's clock may be somewhat ahead. */
const LEAST_LEFT_SECONDS = 60;
const CLOCK_TOLERANCE_SECONDS = 30;
const MOST_KEPT = 1_000;
const MOST_REMEMBERED = 100_000;
const LONGEST_TICKET = 4_096;

/** To remove a shard twice is not what it is to remove it once, where it was put again in between. */
const countsOnce = (operation: TicketOperation): boolean => operation === 'remove';

/**
A signature costs more than all else that is done for a small shard, here and there. For what can harm nobody, as the
shard's name says what its bytes must be, the request is sealed (see `proof.ts`): a seal stands for the signature, and says
which shard is meant where the ticket does not. So one ticket serves all such requests to a node for a while.
*/
export const isSealable = (operation: TicketOperation): boolean =>
	operation === 'put' || operation === 'get' || isOfSeveral(operation);

/** What names its shards in the query alone, which nothing but the seal holds for. */
const isOfSeveral = (operation: TicketOperation): boolean => operation === 'put-batch' || operation === 'get-batch';

/** A map that forgets what it was told first when it is full. */
const boundedMap = <K, V>(most: number) => {
	const map = new Map<K, V>();
	return {
		get: (key: K) => map.get(key),
		set(key: K, value: V) {
			map.delete(key);
			map.set(key, value);
			if (map.size > most) for (const oldest of map.keys()) return void map.delete(oldest);
		},
	};
};

export type IssuerOptions = {
	nowMs: () => number;
	/** Another text at each call. */
	newId: () => string;
};

/**
Signs tickets. What was signed a moment ago is given again, for a signature costs more than most of what is asked with it.
*/
export const createTicketIssuer = ({nowMs, newId}: IssuerOptions) => {
	const kept = boundedMap<string, {ticket: string; kid: Fingerprint; expires: number}>(MOST_KEPT);

	return ({kid, pairs}: SigningKeys, node: string, {operation, digest}: Asked): string => {
		const now = Math.floor(nowMs() / 1000);
		const name = `${operation} ${node} ${digest ?? ''}`;
		const known = countsOnce(operation) ? undefined : kept.get(name);
		if (known?.kid === kid && known.expires - now >= LEAST_LEFT_SECONDS) return known.ticket;

		const claims: Claims = {
			aud: [node],
			op: operation,
			...(digest !== undefined && {digest}),
			iat: now,
			exp: now + LIFE_SECONDS,
			...(countsOnce(operation) && {jti: newId()}),
		};
		const ticket = signJws(encodedHeader(TICKET_TYPE, kid), claims, pairs.signing);
		if (!countsOnce(operation)) kept.set(name, {ticket, kid, expires: claims.exp});
		return ticket;
	};
};

const refused = (problem: string) =>
	new PjasError(
		'UNAUTHENTICATED',
		`${problem}: a node serves its coordinator, and only with a ticket for each request`,
	);

const isClaims = (value: unknown): value is Claims => {
	if (typeof value !== 'object' || value === null) return false;
	const {aud, op, iat, exp} = value as Partial<Record<keyof Claims, unknown>>;
	return Array.isArray(aud) && typeof op === 'string' && Number.isInteger(iat) && Number.isInteger(exp);
};

export type CheckerOptions = {
	/** The node's own id. */
	node: string;
	/** The public keys of the coordinator by their fingerprints, at each moment. */
	keys: () => ReadonlyMap<Fingerprint, KeyTexts>;
	/** The coordinator's time, as far as it is known. */
	nowMs: () => number;
};

/**
Checks tickets at a node: gives the fingerprint of the key that signed. `isSealedBy` says whether the request has a seal that
only the coordinator with this key can have made.

@throws {PjasError} `UNAUTHENTICATED`: why it is no ticket for what is asked, here and now.
*/
export const createTicketChecker = ({node, keys, nowMs}: CheckerOptions) => {
	const startedAt = Math.floor(nowMs() / 1000);
	const verified = boundedMap<string, {claims: Claims; kid: Fingerprint}>(MOST_KEPT);
	const used = new Map<string, number>();
	let known:
		| {
				of: ReadonlyMap<Fingerprint, KeyTexts>;
				byHeader: Map<string, {kid: Fingerprint; key: ReturnType<typeof openPublicKey>}>;
		  }
		| undefined;

	const signers = () => {
		const current = keys();
		if (known?.of === current) return known.byHeader;
		const byHeader = new Map(
			Array.from(current, ([kid, {signing}]) => [
				encodedHeader(TICKET_TYPE, kid),
				{kid, key: openPublicKey('signing', signing)},
			]),
		);
		known = {of: current, byHeader};
		return byHeader;
	};

	type Read = {claims: Claims; kid: Fingerprint; isSealed: boolean};

	const read = (text: string, isSealedBy: (kid: Fingerprint) => boolean): Read => {
		const signer = signers().get(headerOf(text));
		if (!signer) throw refused('The ticket is not signed by a coordinator that this node trusts');
		if (text.length > LONGEST_TICKET) throw refused('The ticket is too long');
		const {kid} = signer;
		const sealed = isSealedBy(kid) ? claimsOf(text) : undefined;
		if (isClaims(sealed)) return {claims: sealed, kid, isSealed: true};
		const before = verified.get(text);
		if (before) return {...before, isSealed: false};
		const claims = verifyJws(text, signer.key);
		if (!isClaims(claims)) throw refused("The ticket's signature is wrong");
		verified.set(text, {claims, kid});
		return {claims, kid, isSealed: false};
	};

	/** What was used before this process began is not known, so what was signed before counts as used. */
	const use = ({jti, iat, exp}: Claims, now: number) => {
		if (jti === undefined || used.has(jti) || iat < startedAt) throw refused('The ticket was used already');
		for (const [id, expires] of used) {
			if (expires >= now) break;
			used.delete(id);
		}

		if (used.size >= MOST_REMEMBERED) throw new PjasError('TOO_MANY_REQUESTS', 'Too many removals at once: try again');
		used.set(jti, exp);
	};

	return (text: string, {operation, digest}: Asked, isSealedBy: (kid: Fingerprint) => boolean): Fingerprint => {
		const now = Math.floor(nowMs() / 1000);
		const {claims, kid, isSealed} = read(text, kid => isSealable(operation) && isSealedBy(kid));
		if (!claims.aud.includes(node)) throw refused('The ticket is for another node');
		const isForThis = claims.digest === digest || (isSealed && claims.digest === undefined);
		if (claims.op !== operation || !isForThis) throw refused('The ticket is for something else');
		if (isOfSeveral(operation) && !isSealed) throw refused('The request has no seal, or a wrong one');
		const isInTime = claims.exp >= now && claims.iat <= now + CLOCK_TOLERANCE_SECONDS;
		if (!isInTime || claims.exp - claims.iat > LIFE_SECONDS)
			throw refused("The ticket's time is past, or not yet here");
		if (countsOnce(operation)) use(claims, now);
		return kid;
	};
};
