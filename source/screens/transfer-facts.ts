import {span} from '../console/age.js';
import type {Piece} from '../console/table.js';
import type {Tone} from '../console/theme.js';
import {formatSize} from '../format.js';
import type {Transfer} from '../transfers/transfer.js';

/** A transfer in words, for lists, details and screen readers alike. */

type State = Transfer['state'];

export const hasEnded = ({state}: Transfer): boolean => state === 'done' || state === 'failed' || state === 'cancelled';

/** How far it is, from 0 to 1. Of what has no bytes, only the end is known. */
export const shareOf = ({state, sizeBytes, doneBytes}: Transfer): number => {
	if (state === 'done') return 1;
	if (sizeBytes === undefined || sizeBytes === 0) return 0;
	return Math.min(1, doneBytes / sizeBytes);
};

/** Never 100% before it is done. */
export const percentOf = (transfer: Transfer): string => {
	if (transfer.sizeBytes === undefined && transfer.state !== 'done') return '?';
	const percent = Math.floor(shareOf(transfer) * 100);
	return `${transfer.state === 'done' ? 100 : Math.min(99, percent)}%`;
};

const activeWord = ({kind, sizeBytes, doneBytes}: Transfer): string => {
	if (kind === 'download') return 'downloading';
	// All bytes are sent, and the coordinator answers once they are safe on their nodes.
	return sizeBytes !== undefined && sizeBytes > 0 && doneBytes >= sizeBytes ? 'storing' : 'uploading';
};

export const stateWord = (transfer: Transfer): string =>
	transfer.state === 'active' ? activeWord(transfer) : transfer.state;

const tones: Record<State, Tone> = {
	active: 'accent',
	waiting: 'warn',
	queued: 'plain',
	paused: 'warn',
	done: 'ok',
	failed: 'bad',
	cancelled: 'muted',
};

export const statePiece = (transfer: Transfer): Piece => ({
	text: stateWord(transfer),
	tone: tones[transfer.state],
	isBold: transfer.state === 'failed',
});

export const toneOf = ({state}: Transfer): Tone => tones[state];

export const rateText = ({state, rate}: Transfer): string => (state === 'active' ? `${formatSize(rate)}/s` : '');

export const remainingText = ({remainingMs}: Transfer): string => (remainingMs === undefined ? '' : span(remainingMs));

export const sizeText = ({sizeBytes}: Transfer): string => (sizeBytes === undefined ? '?' : formatSize(sizeBytes));

export const chunksText = ({doneChunks, chunks}: Transfer): string => `${doneChunks}/${chunks ?? '?'}`;

/** What an operator should know of it besides: why it failed or waits, or what going on means. */
export const remarkOf = ({kind, state, problem, doneBytes}: Transfer): string | undefined => {
	if (problem !== undefined) return problem;
	if (state !== 'paused') return undefined;
	if (kind === 'upload') return 'p goes on. An upload then begins anew: the coordinator takes a file in one go.';
	return doneBytes > 0 ? 'p goes on from where it stopped.' : 'p goes on.';
};

const ongoing: readonly State[] = ['active', 'waiting', 'queued', 'paused'];
const ended: readonly State[] = ['failed', 'done', 'cancelled'];

/** How many there are of each: 2 active, 5 queued, 31 MiB/s, 1 failed. */
export const summaryOf = (list: readonly Transfer[]): string => {
	const counts = new Map<State, number>();
	let rate = 0;
	for (const transfer of list) {
		counts.set(transfer.state, (counts.get(transfer.state) ?? 0) + 1);
		rate += transfer.rate;
	}

	const parts = (states: readonly State[]) =>
		states.filter(state => counts.has(state)).map(state => `${counts.get(state) ?? 0} ${state}`);
	const speed = counts.has('active') ? [`${formatSize(rate)}/s`] : [];
	return [...parts(ongoing), ...speed, ...parts(ended)].join(', ');
};

/** One transfer as a sentence. */
export const transferSentence = (transfer: Transfer): string =>
	[
		`${transfer.kind} of ${transfer.name}`,
		stateWord(transfer),
		`${percentOf(transfer)} of ${sizeText(transfer)}`,
		...(transfer.state === 'active' ? [rateText(transfer)] : []),
		...(transfer.remainingMs === undefined ? [] : [`${remainingText(transfer)} left`]),
		...(remarkOf(transfer) === undefined ? [] : [remarkOf(transfer)]),
	].join(', ');
