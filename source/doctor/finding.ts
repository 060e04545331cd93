import type {DoctorCheck, Finding} from '../protocol/doctor.js';

export type {Finding} from '../protocol/doctor.js';

/** Makes the findings of one check, all about one thing that was tried. */
export const findingsOf = (check: DoctorCheck, tried: string) => ({
	fine: (seen: string): Finding => ({check, outcome: 'fine', tried, seen, remedy: null}),
	warning: (seen: string, remedy: string): Finding => ({check, outcome: 'warning', tried, seen, remedy}),
	wrong: (seen: string, remedy: string): Finding => ({check, outcome: 'wrong', tried, seen, remedy}),
	skipped: (seen: string): Finding => ({check, outcome: 'skipped', tried, seen, remedy: null}),
});

export const codeOf = (error: unknown): string => {
	const {code, message} = error as NodeJS.ErrnoException;
	return code ?? message;
};
