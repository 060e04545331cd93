import {limitRules, type RemoteLimitName, remoteLimitNames} from '../../source/protocol/member-limits.js';
import type {Wish, Wishes} from '../../source/protocol/node-care.js';
import type {NodeRecord} from './model.js';

/** Limits that somebody wishes a node to have: texts that the rules of limits let through. */
export type WishedTexts = {[Name in RemoteLimitName]?: string | undefined};

type Wishing = {by: string; now: number};

/**
A node's record with wishes for its limits, in place of older ones for the same. Each wish is newer than all that the node
has decided about, also where the clock was set back.
*/
export const withWishes = (record: NodeRecord, texts: WishedTexts, {by, now}: Wishing): NodeRecord => {
	const {wished = {}, line} = record;
	const newest = Math.max(line?.remote?.heard ?? 0, ...Object.values(wished).map(({at}) => at));
	const at = Math.max(now, newest + 1);
	const added = remoteLimitNames.flatMap((name): [RemoteLimitName, Wish][] => {
		const text = texts[name];
		const value = text === undefined ? undefined : limitRules[name].parse(text);
		return value === undefined ? [] : [[name, {at, by, value}]];
	});
	return {...record, wished: {...wished, ...Object.fromEntries(added)}};
};

export const withoutWishes = ({wished, ...record}: NodeRecord): NodeRecord | undefined =>
	wished === undefined ? undefined : record;

/** The wishes that a node is to hear of: it takes any, and has not decided about these. */
export const wishesFor = ({wished = {}, line}: NodeRecord): Wishes | undefined => {
	const {allowed = false, heard = 0} = line?.remote ?? {};
	const due = Object.entries(wished).filter(([, {at}]) => at > heard);
	return allowed && due.length > 0 ? Object.fromEntries(due) : undefined;
};
