import {
	limitAsText,
	type LimitName,
	limitNames,
	limitRules,
	type RemoteLimitName,
	remoteLimitNames,
} from '../../source/protocol/member-limits.js';
import type {Wishes} from '../../source/protocol/node-care.js';
import {parseHours, parseSchedule} from '../../source/protocol/week.js';
import type {MemberSettings} from './line.js';

/** What a member sets while the node runs, as it is kept: sizes in bytes, rates in bytes a second, hours as text. */
export type Limits = {
	space: number;
	up: number;
	down: number;
	schedule: string;
	monthly_cap: number;
	hours: string;
	/** `on` where limits may be set from afar, else `off`. */
	remote_limits: string;
};

export type LimitKey = LimitName;

/** A limit that was set while the node ran, and what was configured in its place then. */
export type SetLimit = {value: number | string; over: number | string};
export type SetLimits = Partial<Record<LimitKey, SetLimit>>;

/** What a node knows of who decided last about its limits. Times are milliseconds since the epoch. */
export type Decided = {
	/** When its member set a limit on the machine, by the node's own clock. */
	here: Partial<Record<RemoteLimitName, number>>;
	/** The newest wish from afar that was decided about, by the coordinator's clock; 0 for none. */
	heardAt: number;
};
export const nothingDecided: Decided = {here: {}, heardAt: 0};

export const limitKeys: readonly LimitKey[] = limitNames;

/**
What holds at a start: what was set while the node ran, as long as the same is configured as then; whoever configures
something else has decided later.
*/
export const limitsAtStart = (
	configured: Limits,
	set: SetLimits,
): {limits: Limits; set: SetLimits; dropped: LimitKey[]} => {
	const known = limitKeys.filter(key => set[key] !== undefined);
	const kept = known.filter(key => set[key]?.over === configured[key]);
	const keptSet = Object.fromEntries(kept.map(key => [key, set[key]])) as SetLimits;
	const values = Object.fromEntries(kept.map(key => [key, set[key]?.value]));
	return {limits: {...configured, ...values}, set: keptSet, dropped: known.filter(key => !kept.includes(key))};
};

/** What is set with one limit more. To set what is configured is to set nothing. */
export const withLimit = (configured: Limits, set: SetLimits, key: LimitKey, value: number | string): SetLimits => {
	const rest = Object.fromEntries(Object.entries(set).filter(([other]) => other !== key)) as SetLimits;
	return value === configured[key] ? rest : {...rest, [key]: {value, over: configured[key]}};
};

export const limitsOf = (configured: Limits, set: SetLimits): Limits => limitsAtStart(configured, set).limits;

/** Limits ready for use. */
export const settingsOf = ({space, up, down, schedule, monthly_cap: monthlyCap, hours}: Limits): MemberSettings => ({
	space,
	rates: {up, down},
	schedule: parseSchedule(schedule) ?? [],
	monthlyCap,
	hours: parseHours(hours) ?? [],
});

/** What comes of wishes that a node hears of: the limits to set, those that can't be, and what it then has decided about. */
export type WishOutcome = {limits: [RemoteLimitName, number | string][]; wrong: RemoteLimitName[]; heardAt: number};

/**
Decides about wishes from afar, each once. What the member set on the machine after one was made goes before it.

@param aheadMs - How far the node's clock is ahead of the one that the wishes' times are by.
@returns `undefined` where there is nothing new.
*/
export const decideWishes = (wishes: Wishes, {here, heardAt}: Decided, aheadMs: number): WishOutcome | undefined => {
	const outcome: WishOutcome = {limits: [], wrong: [], heardAt};
	for (const name of remoteLimitNames) {
		const wish = wishes[name];
		if (!wish || wish.at <= heardAt) continue;
		outcome.heardAt = Math.max(outcome.heardAt, wish.at);
		if (wish.at + aheadMs <= (here[name] ?? 0)) continue;
		const value = limitRules[name].parse(limitAsText(wish.value));
		if (value === undefined) outcome.wrong.push(name);
		else outcome.limits.push([name, value]);
	}

	return outcome.heardAt > heardAt ? outcome : undefined;
};
