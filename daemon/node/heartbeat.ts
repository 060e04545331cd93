import {type HeartbeatBody, heardSchema, type RegisterBody, type StorageStats} from '../../source/protocol/api.js';
import {MEMBER} from '../../source/protocol/node-care.js';
import {isPjasError} from '../../source/protocol/errors.js';
import type {NodeId} from '../../source/protocol/ids.js';
import {followSignal} from '../core/follow-signal.js';
import type {Clock, Random} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import type {NodeMessage} from '../trust/node-messages.js';
import type {Contact} from './contact.js';
import {createExchange, isGood, type NodeIdentity, registrationOf} from './exchange.js';
import type {Member, Wished} from './member.js';
import type {Scrubber} from './scrubber.js';

export type HeartbeatOptions = {
	coordinatorUrl: string;
	nodeId: NodeId;
	version: string;
	/** Without it, the node speaks as the prototype's nodes do. */
	identity: NodeIdentity | undefined;
	name?: string | undefined;
	owner?: string | undefined;
	zone?: string | undefined;
	/** The URL under which this node is reached, if it has one; asked at every registration. */
	address: (signal: AbortSignal) => Promise<string | undefined>;
	/** Calls somebody when the address may be another. */
	onAddress?: ((listener: () => void) => void) | undefined;
	/** Told what the coordinator says of how it reaches this node: over links that this one is to open, or not. */
	onReach?: (isLinked: boolean) => void;
	storageStats: () => Promise<StorageStats>;
	listingDigest: () => string;
	scrubber?: Pick<Scrubber, 'report' | 'acknowledge' | 'checkSelf'>;
	/** What its member lets it take of the line; `onChange` is called with what tells the coordinator at once. */
	line?: Pick<Member, 'report' | 'onChange' | 'count' | 'leaving' | 'leave' | 'hearWishes'>;
	/** Told what comes of it. */
	contact?: Contact;
	log: Log;
	clock: Clock;
	random: Random;
};

/** What came of telling the coordinator something. */
type Outcome = {
	status: number;
	hasLearnt: boolean;
	/** The self-check that the coordinator asks for. */
	selfCheck?: number | undefined;
	/** Whether the coordinator wants links, where it says so. */
	isLinked?: boolean | undefined;
};

const INTERVAL_MS = 10_000;
const CLASSIC_INTERVAL_MS = 30_000;
const JITTER = 0.2;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 30_000;
/** How many different failures of one outage are told. */
const MOST_TOLD = 3;

/** What the coordinator asks for in its answer. */
const askedIn = (text: string): Pick<Outcome, 'selfCheck' | 'isLinked'> => {
	try {
		const {self_check: request, reach} = JSON.parse(text) as {self_check?: unknown; reach?: unknown};
		return {
			selfCheck: Number.isSafeInteger(request) ? (request as number) : undefined,
			isLinked: reach === 'link' || reach === 'direct' ? reach === 'link' : undefined,
		};
	} catch {
		return {};
	}
};

/** The limits that somebody wishes this node to have. */
const wishedIn = (text: string): Wished | undefined => {
	try {
		return heardSchema.shape.wished.parse((JSON.parse(text) as {wished?: unknown}).wished);
	} catch {
		return undefined;
	}
};

const adviceOn = {
	refusal: 'this node goes on serving, and trying',
	silence: 'check the coordinator URL, and that the coordinator runs. This node goes on serving, and trying',
	ownFault: 'until that is mended, the coordinator takes this node for offline',
};

/** Says what fails, once for each kind of failure, until things work again. */
const outageTeller = (log: Log, coordinatorUrl: string) => {
	const told = new Set<string>();
	let failures = 0;
	return {
		fail(doing: string, reason: string, advice: string, error?: unknown) {
			failures++;
			const isNew = !told.has(reason) && told.size < MOST_TOLD;
			if (isNew) told.add(reason);
			log[isNew ? 'warn' : 'debug'](`${doing} at ${coordinatorUrl} failed: ${reason}; ${advice}`, {
				failures,
				...(error !== undefined && {error}),
			});
		},
		work(done: string) {
			if (failures > 0) log.info(`${done} works again`, {failures});
			failures = 0;
			told.clear();
		},
	};
};

/**
Registers this node with its coordinator, and says again and again that it is there, until the signal is aborted. A
coordinator that is away, or has forgotten this node, is met by trying again.
*/
export const runHeartbeat = async (options: HeartbeatOptions, signal: AbortSignal): Promise<void> => {
	const {coordinatorUrl, nodeId, identity, line, log, clock, random} = options;
	const exchange = createExchange({coordinatorUrl, identity, onCarried: line?.count});
	const teller = outageTeller(log, coordinatorUrl);
	const jittered = (ms: number) => ms * (1 - JITTER + 2 * JITTER * random.float());

	let told: string | undefined;
	const addressNow = async () => {
		told = await options.address(signal);
		return told === undefined ? {} : {address: told};
	};

	/** The address is another than the coordinator was told: a tunnel has begun anew, or a lease has ended. */
	const hasMoved = async (): Promise<boolean> => {
		try {
			return (await options.address(signal)) !== told;
		} catch {
			// Where it can't be found out the heartbeat, which follows, says what is wrong.
			signal.throwIfAborted();
			return false;
		}
	};

	const registration = async (): Promise<RegisterBody> => ({
		...(await addressNow()),
		...registrationOf({...options, storageStats: await options.storageStats()}),
		...(identity && {listing_digest: options.listingDigest(), ...(line && {line: line.report()})}),
	});

	/** Said until it is done; taken back where its member changed the mind. */
	const leaveOf = (): {leave?: boolean} => {
		if (line?.leaving() === 'asked') return {leave: true};
		return options.contact?.view().drain?.by === MEMBER ? {leave: false} : {};
	};

	const heartbeat = async (scrub: HeartbeatBody['scrub']): Promise<HeartbeatBody> => ({
		node_id: nodeId,
		storage_stats: await options.storageStats(),
		timestamp: clock.now() / 1000,
		...(identity && {trusts: [...identity.trust.keys().keys()]}),
		...(identity && scrub && {scrub}),
		...(identity && line && {line: line.report(), ...leaveOf()}),
	});

	/** What can't be taken over now is tried again at the next heartbeat. */
	const hearWishes = async (wished: Wished | undefined): Promise<void> => {
		if (!wished || !identity) return;
		await line?.hearWishes(wished).catch((error: unknown) => {
			log.warn('limits that were set from afar could not be taken over; it is tried again', {error});
		});
	};

	/** What came of it, or nothing where there was no answer. Rejects only when this is to end. */
	const tell = async (doing: string, path: NodeMessage, body: () => Promise<object>): Promise<Outcome | undefined> => {
		try {
			const {error, text, ...answered} = await exchange(path, JSON.stringify(await body()), signal);
			const {status} = answered;
			const outcome: Outcome = {...answered, ...(isGood(status) && askedIn(text))};
			if (outcome.isLinked !== undefined) options.onReach?.(outcome.isLinked);
			if (isGood(status)) {
				teller.work(doing);
				if (path === 'heartbeat') options.contact?.heard(text);
				if (path === 'heartbeat') await hearWishes(wishedIn(text));
			} else if (path === 'register' || status !== 404) {
				options.contact?.failed(`${doing} failed: ${error ?? status}`);
				const advice = error === undefined ? adviceOn.silence : adviceOn.refusal;
				teller.fail(doing, `${status} ${error ?? ''}`.trim(), advice);
			}

			return outcome;
		} catch (error) {
			signal.throwIfAborted();
			const {code, message} = error as NodeJS.ErrnoException;
			const isPlain = isPjasError(error) || code === undefined || code.startsWith('ERR_');
			options.contact?.failed(`${doing} failed: ${isPlain ? message : code}`);
			const advice = isPjasError(error, 'NODE_FAILED') ? adviceOn.ownFault : adviceOn.silence;
			teller.fail(doing, isPlain ? message : code, advice, error);
			return undefined;
		}
	};

	const register = async (): Promise<void> => {
		for (let retryMs = FIRST_RETRY_MS; ; retryMs = Math.min(LONGEST_RETRY_MS, retryMs * 2)) {
			const outcome = await tell('registering', 'register', registration);
			if (isGood(outcome?.status)) {
				// Only who trusts its coordinator can serve it, and is online from then on.
				if (outcome?.hasLearnt) await tell('registering', 'register', registration);
				log.info('registered with the coordinator', {coordinatorUrl, node: nodeId});
				return;
			}

			await clock.sleep(jittered(retryMs), signal);
		}
	};

	let hasNews = false;
	let nudge: () => void = () => undefined;
	const noteNews = () => {
		hasNews = true;
		nudge();
	};
	line?.onChange(noteNews);
	options.onAddress?.(noteNews);

	/** Until the next heartbeat is due, or there is something that the coordinator should know at once. */
	const rest = async (ms: number): Promise<void> => {
		const {controller: woken, release} = followSignal(signal);
		nudge = () => woken.abort(new Error('there is news'));
		if (hasNews) nudge();
		await clock.sleep(ms, woken.signal).catch(() => undefined);
		release();
		hasNews = false;
		signal.throwIfAborted();
	};

	const hasLeft = () => line?.leaving() === 'left';

	try {
		if (!hasLeft()) await register();
		for (;;) {
			await rest(jittered(identity ? INTERVAL_MS : CLASSIC_INTERVAL_MS));
			if (hasLeft()) continue;
			if (await hasMoved()) {
				log.info('this node is reached at another address now: registering again');
				await register();
			}

			const scrub = options.scrubber?.report();
			const outcome = await tell('the heartbeat', 'heartbeat', async () => heartbeat(scrub));
			if (scrub && isGood(outcome?.status)) await options.scrubber?.acknowledge(scrub);
			if (outcome?.selfCheck !== undefined) options.scrubber?.checkSelf(outcome.selfCheck);
			if (outcome?.status === 404 && line?.leaving() === 'asked') await line.leave('left');
			else if (outcome?.status === 404) {
				log.info('the coordinator does not know this node any more: registering again');
				await register();
			}
		}
	} catch (error) {
		if (!signal.aborted) throw error;
	}
};
