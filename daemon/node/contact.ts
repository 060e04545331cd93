import {heardSchema} from '../../source/protocol/api.js';
import type {MemberStatus} from '../../source/protocol/member-api.js';
import type {Clock} from '../ports/clock.js';

type Care = Pick<MemberStatus, 'standing' | 'suspended' | 'drain' | 'maintenance'> &
	Pick<MemberStatus['coordinator'], 'version' | 'reach'>;

/** What a node knows of how it stands with its coordinator. */
export type Contact = {
	/** The coordinator answered so. */
	heard: (text: string) => void;
	failed: (problem: string) => void;
	/** What it last said of this node. */
	view: () => Care & {heardAt: number | null; problem: string | null};
};

const nothing: Care = {standing: null, suspended: null, drain: null, maintenance: null, version: null, reach: null};

const careIn = (text: string): Care => {
	try {
		const heard = heardSchema.parse(JSON.parse(text));
		const {standing = null, suspended = null, drain = null, maintenance = null, version = null} = heard;
		return {standing, suspended, drain, maintenance, version, reach: heard.reach ?? null};
	} catch {
		return nothing;
	}
};

export const createContact = (clock: Pick<Clock, 'now'>): Contact => {
	let state: ReturnType<Contact['view']> = {...nothing, heardAt: null, problem: null};
	return {
		heard(text) {
			state = {...careIn(text), heardAt: clock.now(), problem: null};
		},
		failed(problem) {
			state = {...state, problem};
		},
		view: () => state,
	};
};
