import {createHash} from 'node:crypto';
import type {AlertsTested, AlertsView, WebhookEvent} from '../../../source/protocol/alerts-api.js';
import {followSignal} from '../../core/follow-signal.js';
import type {Clock, Random} from '../../ports/clock.js';
import type {Log} from '../../ports/log.js';
import type {Post, Posted} from '../../ports/post.js';
import type {Worker} from '../../ports/worker.js';
import type {AlertBook} from './alert-book.js';
import type {Delivery} from './alert-file.js';
import {webhookHeaders} from './signature.js';

export type WebhooksOptions = {
	urls: readonly string[];
	/** What deliveries are signed with. */
	key: Uint8Array;
	book: AlertBook;
	post: Post;
	clock: Clock;
	random: Random;
	log: Log;
};

export type Webhooks = Worker & {
	/** What each receiver is to be told of something, to be put into the book. */
	deliveriesOf: (event: WebhookEvent) => Delivery[];
	/** How it stands with each receiver. */
	status: () => AlertsView['webhooks'];
	/** Tells each receiver once, at once, and says what came of it. */
	test: (signal: AbortSignal) => Promise<AlertsTested['deliveries']>;
};

const TIMEOUT_MS = 10_000;
const GIVE_UP_MS = 24 * 3_600_000;
const LONGEST_WAIT_MS = 3_600_000;
/** After each failed try; the last one again and again. */
const waitsMs = [5_000, 30_000, 120_000, 300_000, 900_000, 1_800_000, LONGEST_WAIT_MS];
const JITTER = 0.2;
const ID_BYTES = 16;
/** In a step, to one receiver. */
const MOST_A_STEP = 20;

type Receiver = {
	url: string;
	/** What is told of it: the rest of its URL may be a secret. */
	origin: string;
	/** Why its last try failed. */
	problem: string | undefined;
	deliveredAt: number | undefined;
};

type Outcome = {kind: 'delivered'} | {kind: 'failed'; problem: string; retryAfterMs?: number} | {kind: 'gone'};

const nameOf = (url: string): string => createHash('sha256').update(url).digest('hex');

const redirectText = ({status, location}: Posted, url: string): string => {
	const target = location !== undefined && URL.canParse(location, url) ? new URL(location, url).origin : 'nowhere';
	return `it answered ${status} and points to ${target}: redirects are not followed, so name the address itself in --webhook`;
};

const problemOf = (posted: Posted, url: string): string => {
	const {status} = posted;
	if (status >= 300 && status < 400) return redirectText(posted, url);
	if (status === 401 || status === 403)
		return `it answered ${status}: it does not accept the signature, or the address`;
	if (status === 404) return 'it answered 404: nothing is at this address';
	return `it answered ${status}`;
};

/** Tells receivers of alerts, signed, again and again with growing waits until they have it or a day is over. */
export const createWebhooks = ({urls, key, book, post, clock, random, log}: WebhooksOptions): Webhooks => {
	const receivers = new Map<string, Receiver>(
		[...new Set(urls)].map(url => [
			nameOf(url),
			{url, origin: new URL(url).origin, problem: undefined, deliveredAt: undefined},
		]),
	);

	const newId = () => `msg_${Buffer.from(random.bytes(ID_BYTES)).toString('hex')}`;

	const send = async (
		{url}: Receiver,
		{id, body}: Pick<Delivery, 'id' | 'body'>,
		signal: AbortSignal,
	): Promise<Outcome> => {
		const {controller, release} = followSignal(signal);
		const cancel = clock.timer(TIMEOUT_MS, () => controller.abort(new Error('it did not answer within 10 seconds')));
		try {
			const headers = webhookHeaders(key, {id, timestampS: Math.floor(clock.now() / 1000), body});
			const posted = await post(url, {headers, body}, controller.signal);
			if (posted.status >= 200 && posted.status < 300) return {kind: 'delivered'};
			if (posted.status === 410) return {kind: 'gone'};
			const {retryAfterMs} = posted;
			return {kind: 'failed', problem: problemOf(posted, url), ...(retryAfterMs !== undefined && {retryAfterMs})};
		} catch (error) {
			signal.throwIfAborted();
			return {kind: 'failed', problem: (error as Error).message};
		} finally {
			cancel();
			release();
		}
	};

	const drop = async (id: string) =>
		book.change(record => ({...record, deliveries: record.deliveries.filter(each => each.id !== id)}));

	const postpone = async (delivery: Delivery, retryAfterMs = 0) => {
		const usual = waitsMs[Math.min(delivery.tries, waitsMs.length - 1)] ?? LONGEST_WAIT_MS;
		const jittered = usual * (1 - JITTER + 2 * JITTER * random.float());
		const dueAt = clock.now() + Math.max(jittered, Math.min(retryAfterMs, LONGEST_WAIT_MS));
		const later = {...delivery, tries: delivery.tries + 1, dueAt};
		await book.change(record => ({
			...record,
			deliveries: record.deliveries.map(each => (each.id === delivery.id ? later : each)),
		}));
	};

	const fail = async (receiver: Receiver, delivery: Delivery, {problem, retryAfterMs}: Outcome & {kind: 'failed'}) => {
		const isNew = receiver.problem !== problem;
		receiver.problem = problem;
		if (clock.now() - delivery.createdAt >= GIVE_UP_MS) {
			log.error('a webhook was not told of an alert in a day, and is not any more', {
				receiver: receiver.origin,
				problem,
			});
			await drop(delivery.id);
			return;
		}

		log[isNew ? 'warn' : 'debug']('a webhook could not be told of an alert; it is tried again', {
			receiver: receiver.origin,
			problem,
		});
		await postpone(delivery, retryAfterMs);
	};

	/** Says whether there may be more to tell at once. */
	const deliver = async (receiver: Receiver, delivery: Delivery, signal: AbortSignal): Promise<boolean> => {
		const outcome = await send(receiver, delivery, signal);
		if (outcome.kind === 'failed') {
			await fail(receiver, delivery, outcome);
			return false;
		}

		if (outcome.kind === 'gone') {
			receiver.problem = 'it answered 410: it wants no more of these. Take it out of --webhook';
			log.error('a webhook wants to be told no more', {receiver: receiver.origin});
		} else {
			receiver.problem = undefined;
			receiver.deliveredAt = clock.now();
		}

		await drop(delivery.id);
		return true;
	};

	/** The next for a receiver, in order: what comes later of an alert waits for what came before. */
	const nextFor = (to: string): Delivery | undefined => {
		const waiting = new Set<string>();
		for (const delivery of book.get().deliveries) {
			if (delivery.to !== to || waiting.has(delivery.about)) continue;
			if (delivery.dueAt <= clock.now()) return delivery;
			waiting.add(delivery.about);
		}

		return undefined;
	};

	const tell = async (to: string, receiver: Receiver, signal: AbortSignal) => {
		for (let told = 0; told < MOST_A_STEP; told++) {
			const delivery = nextFor(to);
			if (!delivery || !(await deliver(receiver, delivery, signal))) return;
		}
	};

	/** Those of receivers that are no longer configured. */
	const forgetStrangers = async () => {
		if (book.get().deliveries.every(({to}) => receivers.has(to))) return;
		await book.change(record => ({...record, deliveries: record.deliveries.filter(({to}) => receivers.has(to))}));
	};

	const deliveriesOf: Webhooks['deliveriesOf'] = event => {
		const now = clock.now();
		const shared = {about: event.data.alert?.alert_id ?? '', body: JSON.stringify(event), createdAt: now};
		return [...receivers.keys()].map(to => ({...shared, id: newId(), to, tries: 0, dueAt: now}));
	};

	return {
		name: 'webhooks',
		deliveriesOf,
		status: () =>
			[...receivers].map(([to, {origin, problem = null, deliveredAt = null}]) => ({
				receiver: origin,
				pending: book.get().deliveries.filter(each => each.to === to).length,
				problem,
				delivered_at: deliveredAt,
			})),
		async test(signal) {
			const timestamp = new Date(clock.now()).toISOString();
			const deliveries = deliveriesOf({type: 'alert.test', timestamp, data: {alert: null, resolved_at: null}});
			return Promise.all(
				deliveries.map(async delivery => {
					const receiver = receivers.get(delivery.to);
					if (!receiver) throw new Error('a delivery is for nobody');
					const outcome = await send(receiver, delivery, signal);
					const isDelivered = outcome.kind === 'delivered';
					const gone = 'it answered 410: it wants none of these';
					const problem = isDelivered ? undefined : outcome.kind === 'gone' ? gone : outcome.problem;
					receiver.problem = problem;
					if (isDelivered) receiver.deliveredAt = clock.now();
					return {receiver: receiver.origin, delivered: isDelivered, problem: problem ?? null};
				}),
			);
		},
		async step(signal) {
			await forgetStrangers();
			await Promise.all([...receivers].map(async ([to, receiver]) => tell(to, receiver, signal)));
			return 'idle';
		},
	};
};
