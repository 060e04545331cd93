import {PjasError} from '../../source/protocol/errors.js';
import type {Leaving} from '../../source/protocol/member-api.js';
import {limitRules, limitText, limitTitle, remoteLimitNames} from '../../source/protocol/member-limits.js';
import type {LineView, Resting, Wishes} from '../../source/protocol/node-care.js';
import {ratesAt} from '../../source/protocol/week.js';
import {type Carried, type MemberSettings, restingOf, type Traffic, trafficAt, withCarried} from '../core/line.js';
import {
	decideWishes,
	type LimitKey,
	limitKeys,
	type Limits,
	limitsAtStart,
	limitsOf,
	nothingDecided,
	settingsOf,
	type SetLimits,
	withLimit,
	type WishOutcome,
} from '../core/member-limits.js';
import type {Clock} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import type {MemberState, NodeFolder} from './folder.js';
import {createThrottle, type Throttle} from './throttle.js';

export type MemberOptions = {
	folder: Pick<NodeFolder, 'member' | 'traffic' | 'allocate'>;
	/** What flags, environment and file say. */
	configured: Limits;
	/** The zone whose clocks the hours are meant by. */
	timeZone: string;
	/** Whether it joins with a code: one that had left is no longer one that has. */
	isJoining?: boolean;
	clock: Clock;
	log: Log;
};

/** Wishes for limits, and what the clock says by which their times are. */
export type Wished = {now: number; limits: Wishes};

/** What the member of a node decides about it, while it runs: what it may take of machine and line, and whether it takes part. */
export type Member = {
	/** All that the node sends, and all that it takes in. */
	up: Throttle;
	down: Throttle;
	/** Counts what goes over the line beside shards: it is not held up, only what comes after it is. */
	count: (carried: Carried) => void;
	/** What the line carried since the start. */
	carried: () => Carried;
	limits: () => Limits;
	configured: Limits;
	timeZone: string;
	traffic: () => Traffic;
	resting: () => Resting | undefined;
	/** What the coordinator is told. */
	report: () => LineView;
	/**
	Sets limits, by their texts, all or none: durable when it returns.

	@throws {PjasError} `INVALID_REQUEST`: which one is wrong, and what is allowed.
	*/
	set: (texts: Partial<Record<LimitKey, string>>) => Promise<void>;
	/** Takes over limits that somebody set from afar, where the member allows that, and has set no others since. */
	hearWishes: (wished: Wished) => Promise<void>;
	pause: (isPaused: boolean) => Promise<void>;
	isPaused: () => boolean;
	/** Whether it leaves the network, or has left. */
	leaving: () => Leaving;
	leave: (leaving: Leaving) => Promise<void>;
	/** Called whenever the coordinator should hear of a change. */
	onChange: (listener: () => void) => void;
	/** Writes down what the line carried now and then, until the signal is aborted. */
	run: (signal: AbortSignal) => Promise<void>;
	/** Writes it down now. */
	save: () => Promise<void>;
};

/** After a crash, what was carried since is not counted. */
const SAVE_EVERY_MS = 10_000;
const LOOK_EVERY_MS = 1_000;

const leavingTexts: Record<Leaving, string> = {
	no: 'this node stays in the network',
	asked: 'this node leaves the network: the coordinator is asked to move its shards elsewhere',
	left: 'this node has left the network: it may be stopped, and its folder deleted',
};

const hasLeft = () =>
	new PjasError(
		'CONFLICT',
		'This node has left the network already: to have it back, start it with a new code (--join CODE)',
	);

const textsOf = (limits: Limits, keys: readonly LimitKey[]) =>
	keys.map(key => `${limitTitle(key)} ${limitText(key, limits[key])}`).join(', ');

export const openMember = async ({
	folder,
	configured,
	timeZone,
	isJoining,
	clock,
	log,
}: MemberOptions): Promise<Member> => {
	const stored = await folder.member.read();
	const start = limitsAtStart(configured, stored?.set ?? {});
	let state: MemberState = {isPaused: false, leaving: 'no', decided: nothingDecided, ...stored, set: start.set};
	if (isJoining && state.leaving === 'left') state = {...state, leaving: 'no'};
	let {limits} = start;
	let settings: MemberSettings = settingsOf(limits);
	let traffic = trafficAt(await folder.traffic.read(), clock.now(), timeZone);
	let savedTraffic = traffic;
	let isSaveFailing = false;
	const listeners: (() => void)[] = [];
	/** One change after the other, so that none is lost in another's file. */
	let changing: Promise<unknown> = Promise.resolve();

	if (start.dropped.length > 0) {
		log.info(`another value is configured now than when this was set: ${textsOf(configured, start.dropped)} holds`);
	}

	const heldKeys = limitKeys.filter(key => state.set[key] !== undefined);
	if (heldKeys.length > 0) log.info(`as it was set while the node ran: ${textsOf(limits, heldKeys)}`);

	const account = (): Traffic => (traffic = trafficAt(traffic, clock.now(), timeZone));
	const sinceStart: Carried = {up: 0, down: 0};
	const count = (carried: Carried) => {
		traffic = withCarried(account(), carried);
		sinceStart.up += carried.up;
		sinceStart.down += carried.down;
	};
	const ratesNow = () => ratesAt(settings.rates, settings.schedule, clock.now(), timeZone);
	const resting = () =>
		restingOf({settings, isPaused: state.isPaused, month: account().month, nowMs: clock.now(), timeZone});

	const tell = () => {
		for (const listener of listeners) listener();
	};

	const change = async (next: () => MemberState): Promise<void> => {
		const work = changing
			.catch(() => undefined)
			.then(async () => {
				const wanted = next();
				await folder.member.write(wanted);
				state = wanted;
				limits = limitsOf(configured, state.set);
				settings = settingsOf(limits);
				await folder.allocate(limits.space);
			});
		changing = work;
		await work;
		tell();
	};

	const parsed = (texts: Partial<Record<LimitKey, string>>): [LimitKey, number | string][] =>
		Object.entries(texts).map(([name, text]) => {
			const key = name as LimitKey;
			const {parse, allowed} = limitRules[key];
			const value = text === 'default' ? configured[key] : parse(text);
			if (value !== undefined) return [key, value];
			throw new PjasError('INVALID_REQUEST', `${limitTitle(key)} can't be "${text}". Allowed: ${allowed}`);
		});

	const save = async () => {
		if (account() === savedTraffic) return;
		const writing = traffic;
		try {
			await folder.traffic.write(writing);
			savedTraffic = writing;
			isSaveFailing = false;
		} catch (error) {
			log[isSaveFailing ? 'debug' : 'warn']('what the line carried could not be written down; it is tried again', {
				error,
			});
			isSaveFailing = true;
		}
	};

	if (start.dropped.length > 0) await folder.member.write(state);
	await folder.allocate(limits.space);

	const report = (): LineView => {
		const reason = resting();
		const {remote_limits: remoteLimits, ...toTell} = limits;
		return {
			...ratesNow(),
			...(reason && {resting: reason}),
			...(settings.hours.length > 0 && {hours: {text: limits.hours, time_zone: timeZone}}),
			limits: toTell,
			remote: {allowed: remoteLimits === 'on', heard: state.decided.heardAt},
		};
	};

	const withLimits = (set: SetLimits, values: readonly (readonly [LimitKey, number | string])[]): SetLimits =>
		values.reduce((all, [key, value]) => withLimit(configured, all, key, value), set);

	/** The state after wishes were heard of; another change may have been quicker. */
	const afterWishes = ({now, limits: wishes}: Wished): WishOutcome | undefined =>
		limits.remote_limits === 'on' ? decideWishes(wishes, state.decided, clock.now() - now) : undefined;

	return {
		up: createThrottle(
			clock,
			() => ratesNow().up,
			up => count({up, down: 0}),
		),
		down: createThrottle(
			clock,
			() => ratesNow().down,
			down => count({up: 0, down}),
		),
		count,
		carried: () => ({...sinceStart}),
		limits: () => limits,
		configured,
		timeZone,
		traffic: account,
		resting,
		report,
		async set(texts) {
			const values = parsed(texts);
			const here = Object.fromEntries(
				remoteLimitNames.filter(name => texts[name] !== undefined).map(name => [name, clock.now()]),
			);
			await change(() => ({
				...state,
				set: withLimits(state.set, values),
				decided: {...state.decided, here: {...state.decided.here, ...here}},
			}));
			log.info(
				`set: ${textsOf(
					limits,
					values.map(([key]) => key),
				)}`,
			);
		},
		async hearWishes(wished) {
			if (!afterWishes(wished)) return;
			const found: WishOutcome = {limits: [], wrong: [], heardAt: 0};
			await change(() => {
				const outcome = afterWishes(wished);
				if (!outcome) return state;
				Object.assign(found, outcome);
				const decided = {...state.decided, heardAt: outcome.heardAt};
				return {...state, decided, set: withLimits(state.set, outcome.limits)};
			});
			const {limits: taken, wrong} = found;
			if (taken.length > 0) {
				log.info(
					`set from afar: ${textsOf(
						limits,
						taken.map(([key]) => key),
					)}`,
				);
			}

			if (wrong.length > 0)
				log.warn(`limits that were set from afar can't be here: ${wrong.map(limitTitle).join(', ')}`);
		},
		async pause(isPaused) {
			if (isPaused === state.isPaused) return;
			await change(() => ({...state, isPaused}));
			log.info(isPaused ? 'paused: this node takes no new shards until it is resumed' : 'resumed');
		},
		isPaused: () => state.isPaused,
		leaving: () => state.leaving,
		async leave(leaving) {
			if (leaving === state.leaving) return;
			if (leaving !== 'left' && state.leaving === 'left') throw hasLeft();
			await change(() => ({...state, leaving}));
			log.info(leavingTexts[leaving]);
		},
		onChange: listener => void listeners.push(listener),
		async run(signal) {
			const isOver = () => signal.aborted;
			let told = JSON.stringify(report());
			for (let sinceSaveMs = 0; !isOver(); sinceSaveMs += LOOK_EVERY_MS) {
				await clock.sleep(LOOK_EVERY_MS, signal).catch(() => undefined);
				const now = JSON.stringify(report());
				if (now !== told && !isOver()) tell();
				told = now;
				if (sinceSaveMs < SAVE_EVERY_MS) continue;
				await save();
				sinceSaveMs = 0;
			}
		},
		save,
	};
};
