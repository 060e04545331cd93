import type {DoctorCheck, DoctorReport, Finding} from '../../source/protocol/doctor.js';
import type {Examination} from '../../source/protocol/member-api.js';
import type {Clock} from '../ports/clock.js';
import type {Log} from '../ports/log.js';

/** Looks at a node that listens at this port, and tells each thing that it finds at once. */
export type Examine = (at: {port: number}, onFinding: (finding: Finding) => void) => Promise<DoctorReport>;

/** What the node finds wrong with itself, one look after the other. */
export type MemberDoctor = {
	/** Begins to look, unless that is under way. */
	begin: () => Examination;
	view: () => Examination;
};

type DoctorOptions = {
	examine: (onFinding: (finding: Finding) => void) => Promise<DoctorReport>;
	planned: readonly DoctorCheck[];
	clock: Pick<Clock, 'now'>;
	log: Log;
};

export const createMemberDoctor = ({examine, planned, clock, log}: DoctorOptions): MemberDoctor => {
	const begun: Examination = {
		success: true,
		started_at: null,
		ended_at: null,
		planned: [...planned],
		findings: [],
		problem: null,
	};
	let state = begun;
	let isLooking = false;

	const look = async () => {
		isLooking = true;
		state = {...begun, started_at: clock.now()};
		try {
			await examine(finding => {
				state = {...state, findings: [...state.findings, finding]};
			});
		} catch (error) {
			log.warn('the doctor could not look to the end', {error});
			state = {...state, problem: error instanceof Error ? error.message : String(error)};
		} finally {
			state = {...state, ended_at: clock.now()};
			isLooking = false;
		}
	};

	return {
		begin() {
			if (!isLooking) void look();
			return state;
		},
		view: () => state,
	};
};
