import type {Call, Caller} from './http-shards-call.js';
import {isLost} from './http-shards-call.js';

/** How often a call is made again whose connection was lost. */
const MOST_TIMES_AGAIN = 3;

/** To ask this twice may give another answer than to ask it once. */
const countsOnce = ({asked}: Call<unknown>): boolean => asked?.operation === 'verify';

/** Makes calls again, over another connection, whose connection was lost before anything of their answer came. */
export const againWhereLost =
	(caller: Caller): Caller =>
	async call => {
		for (let times = 0; ; times++) {
			try {
				return await caller(call);
			} catch (error) {
				if (!isLost(error) || countsOnce(call) || times === MOST_TIMES_AGAIN) throw error;
			}
		}
	};
