import type {Resting} from '../../source/protocol/node-care.js';
import {dateOf} from '../../source/protocol/local-time.js';
import {isWithin, type Rates, type Span, type TimedRates} from '../../source/protocol/week.js';

/** What a member lets a node take of machine and line. Sizes are bytes, rates bytes a second; 0 is no limit. */
export type MemberSettings = {
	/** The most that its folder may take. */
	space: number;
	rates: Required<Rates>;
	/** Rates for some hours of the week, before the others. */
	schedule: TimedRates[];
	/** What the line may carry in a month, both ways together. */
	monthlyCap: number;
	/** When it takes part; none for always. */
	hours: Span[];
};

/** What a node's line carried, in bytes. */
export type Carried = {up: number; down: number};

/** What it carried on a day, as `2026-11-27`, and in that day's month. */
export type Traffic = {date: string; day: Carried; month: Carried};

/** From this share of a month's cap on, a node keeps the rest for reads that nobody else can serve. */
const SPARE_FROM = 0.9;

const nothing: Carried = {up: 0, down: 0};
const monthOf = (date: string): string => date.slice(0, 7);
const sumOf = ({up, down}: Carried): number => up + down;

/** An account as it stands on a date. One of a later date is that of a clock that was wrong: it begins anew. */
const trafficOn = (traffic: Traffic | undefined, date: string): Traffic => {
	if (traffic?.date === date) return traffic;
	const isSameMonth = traffic !== undefined && monthOf(traffic.date) === monthOf(date);
	return {date, day: nothing, month: isSameMonth ? traffic.month : nothing};
};

/** Called for each piece that goes over the line. */
export const withCarried = (traffic: Traffic, {up, down}: Carried): Traffic => ({
	date: traffic.date,
	day: {up: traffic.day.up + up, down: traffic.day.down + down},
	month: {up: traffic.month.up + up, down: traffic.month.down + down},
});

export const trafficAt = (traffic: Traffic | undefined, nowMs: number, timeZone: string): Traffic =>
	trafficOn(traffic, dateOf(nowMs, timeZone));

export type RestingState = {
	settings: Pick<MemberSettings, 'monthlyCap' | 'hours'>;
	isPaused: boolean;
	/** What its line carried this month. */
	month: Carried;
	nowMs: number;
	timeZone: string;
};

/**
Why a node takes no new shards, and is read only where no other can be; `undefined` where it takes part. Paused by its member goes before what ends by itself.
*/
export const restingOf = ({settings, isPaused, month, nowMs, timeZone}: RestingState): Resting | undefined => {
	const {monthlyCap, hours} = settings;
	if (isPaused) return 'paused';
	if (monthlyCap > 0 && sumOf(month) >= monthlyCap) return 'over-cap';
	if (monthlyCap > 0 && sumOf(month) >= SPARE_FROM * monthlyCap) return 'near-cap';
	return isWithin(hours, nowMs, timeZone) ? undefined : 'off-hours';
};
