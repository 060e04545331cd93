import type {StorageStats} from '../../source/protocol/api.js';
import type {MemberStatus} from '../../source/protocol/member-api.js';
import {limitNames} from '../../source/protocol/member-limits.js';
import type {Contact} from './contact.js';
import type {Member} from './member.js';
import type {Scrubber} from './scrubber.js';

type StatusOptions = {
	about: {
		nodeId: string;
		name: string;
		version: string;
		startedAt: number;
		coordinatorUrl: string | undefined;
	};
	member: Member;
	contact: Contact;
	storage: StorageStats;
	/** The links that are open. */
	links: number;
	scrub: ReturnType<Scrubber['report']>;
};

/** How a node is, as its member sees it. */
export const memberStatus = ({about, member, contact, storage, links, scrub}: StatusOptions): MemberStatus => {
	const {day: today, month} = member.traffic();
	const {heardAt, problem, version, reach, ...care} = contact.view();
	const limits = limitNames.map(name => [name, {value: member.limits()[name], configured: member.configured[name]}]);
	return {
		success: true,
		node_id: about.nodeId,
		name: about.name,
		version: about.version,
		started_at: about.startedAt,
		storage,
		limits: Object.fromEntries(limits) as MemberStatus['limits'],
		line: member.report(),
		time_zone: member.timeZone,
		today,
		month,
		paused: member.isPaused(),
		leaving: member.leaving(),
		coordinator: {url: about.coordinatorUrl ?? null, heard_at: heardAt, problem, version, reach, links},
		scrub: scrub
			? {
					started_at: scrub.started_at,
					progress: scrub.progress,
					completed_at: scrub.completed?.ended_at ?? null,
					faults: scrub.faults.length,
				}
			: null,
		...care,
	};
};
