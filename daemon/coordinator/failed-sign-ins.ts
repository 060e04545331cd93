import {createHash} from 'node:crypto';
import {SIGN_INS_OVER_MS} from '../core/alerts.js';
import type {Clock} from '../ports/clock.js';
import {createRate} from './rate.js';

/** Counts what may be somebody who guesses at passwords and tokens. */
export type FailedSignIns = {
	/** A password was wrong, or came too soon after others that were. */
	addPassword: () => void;
	/**
	A call came with a token that is not known. The same one counts once: a program that goes on with a token that has expired
	guesses at nothing. Says whether it counted.
	*/
	addToken: (shown: string) => boolean;
	/** How many there were of late, in `SIGN_INS_OVER_MS`. */
	sum: () => number;
};

/** Whoever guesses at more than these within ten minutes is counted at each. */
const MOST_REMEMBERED = 1_000;

export const createFailedSignIns = (clock: Pick<Clock, 'monotonicMs'>): FailedSignIns => {
	const rate = createRate(clock, SIGN_INS_OVER_MS);
	/** When each wrong token was last said, by its SHA-256; the latest last. */
	const tokens = new Map<string, number>();

	const forgetOld = (nowMs: number) => {
		for (const [hash, atMs] of tokens) {
			if (nowMs - atMs <= SIGN_INS_OVER_MS) break;
			tokens.delete(hash);
		}
	};

	return {
		addPassword: () => rate.add(1),
		addToken(shown) {
			const nowMs = clock.monotonicMs();
			forgetOld(nowMs);
			const hash = createHash('sha256').update(shown).digest('base64');
			const isKnown = tokens.delete(hash);
			if (isKnown || tokens.size < MOST_REMEMBERED) tokens.set(hash, nowMs);
			if (!isKnown) rate.add(1);
			return !isKnown;
		},
		sum: rate.sum,
	};
};
