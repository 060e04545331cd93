import path from 'node:path';
import {
	CURRENT_SEGMENT,
	firstRecordOf,
	fullSegmentsIn,
	HEAD_FILE,
	isMissing,
	linesForwards,
	readHead,
} from './audit-files.js';
import {type AuditPlace, type AuditRecord, hashOf, origin, parseLine} from './audit-line.js';

/** What is wrong, and where: a file of the log and the number of a line in it, from 1. */
export type AuditProblem = {segment: string; line: number; problem: string};

export type AuditVerdict = {
	entries: number;
	/** The last entry, to be noted elsewhere: whoever has it sees later whether the log was cut off or written anew. */
	end: AuditPlace;
	/** In the order of the log; no more than the first few. */
	problems: AuditProblem[];
};

type VerifyOptions = {
	/** The data folder. */
	folder: string;
	/** Where another head is kept than the folder's own. */
	headFile?: string | undefined;
};

type Placed = {segment: string; line: number};
type Link = Placed & {record: AuditRecord; hash: string};

type Judge = {
	line: (place: Placed, bytes: Uint8Array, isWhole: boolean) => void;
	end: () => AuditVerdict;
};

const MOST_PROBLEMS = 20;

const numbers = (first: number, last: number) =>
	first === last ? `entry ${first} is` : `entries ${first} to ${last} are`;

/**
Judges lines as they come. A hash that doesn't fit tells that one of two neighbours was changed; which of them, the next line
tells: a line that its successor, or the head, names is as it was written.
*/
const createJudge = (begin: AuditPlace, known: readonly AuditPlace[], head: AuditPlace | undefined): Judge => {
	const problems: AuditProblem[] = [];
	let last: Placed | undefined;
	let end = begin;
	let entries = 0;
	/** The last line and the one before it, where they don't fit. */
	let suspects: {older: Placed | undefined; newer: Placed} | undefined;

	const say = ({segment, line}: Placed, problem: string) => {
		if (problems.length < MOST_PROBLEMS) problems.push({segment, line, problem});
	};

	const settle = (isNewerSound: boolean) => {
		if (!suspects) return;
		const {older, newer} = suspects;
		say(isNewerSound ? (older ?? newer) : newer, 'this line was changed after it was written');
		suspects = undefined;
	};

	const isInPlace = (link: Link): boolean => {
		const due = end.seq + 1;
		const {seq} = link.record;
		if (seq > due) say(link, `${numbers(due, seq - 1)} missing before this line`);
		else if (seq < due) say(link, `this line, entry ${seq}, is out of order: entry ${due} is due`);
		return seq === due;
	};

	const judge = (link: Link) => {
		const fits = link.record.prev === end.hash;
		const wasSuspect = suspects !== undefined;
		settle(fits);
		// That the line before was changed is said by now.
		if (wasSuspect && !fits) return;
		if (isInPlace(link) && !fits) suspects = {older: last, newer: link};
	};

	const compareWithHead = ({record, hash, ...place}: Link) => {
		const named = known.find(({seq}) => seq === record.seq);
		if (!named || named.hash === hash || suspects || problems.length > 0) return;
		say(place, `this line was changed after it was written: ${HEAD_FILE} names another`);
	};

	return {
		line(place, bytes, isWhole) {
			const record = isWhole ? parseLine(bytes) : undefined;
			if (!record) {
				settle(false);
				say(place, isWhole ? 'this is no line of the audit log' : 'this line is not whole');
				return;
			}

			const link = {...place, record, hash: hashOf(bytes)};
			judge(link);
			compareWithHead(link);
			entries++;
			last = place;
			end = {seq: record.seq, hash: link.hash};
		},
		end() {
			settle(head?.seq === end.seq && head.hash === end.hash);
			if (head && end.seq < head.seq) {
				const place = {segment: last?.segment ?? CURRENT_SEGMENT, line: (last?.line ?? 0) + 1};
				say(place, `${numbers(end.seq + 1, head.seq)} missing: the end of the log was cut off`);
			}

			return {entries, end, problems};
		},
	};
};

const segmentsOf = async (folder: string): Promise<string[]> => [
	...(await fullSegmentsIn(folder)).map(({name}) => name),
	CURRENT_SEGMENT,
];

/** Where what is kept begins: a segment that was about to go, as it was dropped, may still be there. */
const beginningOf = async (folder: string, segments: readonly string[], before: AuditPlace): Promise<AuditPlace> => {
	const first = await firstRecordOf(path.join(folder, segments[0] ?? CURRENT_SEGMENT));
	return first && first.seq <= before.seq ? {seq: first.seq - 1, hash: first.prev} : before;
};

const verifyOnce = async ({folder, headFile}: VerifyOptions): Promise<AuditVerdict> => {
	const ownFile = path.join(folder, HEAD_FILE);
	const own = await readHead(ownFile);
	const read = headFile === undefined ? own : await readHead(headFile);
	const [ownHead, head] = [own, read].map(each => (each === 'unreadable' ? undefined : each));
	const segments = await segmentsOf(folder);
	const before = (ownHead ?? head)?.before ?? origin;
	const known = [before, ...(head ? [head] : []), ...(ownHead ? [ownHead] : [])];
	const judge = createJudge(await beginningOf(folder, segments, before), known, head);
	for (const segment of segments) {
		let line = 0;
		try {
			for await (const {line: bytes, isWhole} of linesForwards(path.join(folder, segment))) {
				judge.line({segment, line: ++line}, bytes, isWhole);
			}
		} catch (error) {
			if (!isMissing(error)) throw error;
		}
	}

	const verdict = judge.end();
	if (!head) {
		const problem = read === 'unreadable' ? 'it is not as it was written' : 'it is missing';
		const why = 'nobody can tell whether the end of the log was cut off';
		verdict.problems.unshift({segment: path.basename(headFile ?? ownFile), line: 1, problem: `${problem}: ${why}`});
	}

	return verdict;
};

/** How often what is being written meanwhile is read anew before what was found counts. */
const MOST_TRIES = 3;

/** Reads the whole audit log, and says where it isn't as it was written. A coordinator may be writing it. */
export const verifyAudit = async (options: VerifyOptions, pause: () => Promise<void>): Promise<AuditVerdict> => {
	for (let tries = 1; ; tries++) {
		const verdict = await verifyOnce(options);
		if (verdict.problems.length === 0 || tries === MOST_TRIES) return verdict;
		await pause();
	}
};
