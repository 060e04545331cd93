import type {FileView} from '../../protocol/api.js';

export type Safety = {state: 'safe' | 'short' | 'lost'; text: string};

const many = (count: number, one: string, more: string): string => `${count} ${count === 1 ? one : more}`;

/** How safe a file is, in words. Its weakest part counts: a file is as safe as that. */
export const safetyOf = ({
	redundancy: {full, partly, none},
	copies,
}: Pick<FileView, 'redundancy' | 'copies'>): Safety => {
	const chunks = full + partly + none;
	if (chunks === 0) return {state: 'safe', text: 'Safe: it is empty'};
	if (none > 0) {
		const share = none === chunks ? 'no copy is online' : `${none} of ${chunks} parts have no copy online`;
		return {state: 'lost', text: `Can’t be opened now: ${share}`};
	}

	if (!copies) return partly === 0 ? {state: 'safe', text: 'Safe'} : {state: 'short', text: 'Fewer copies than wanted'};
	const there = `${many(copies.fewest, 'copy', 'copies')} in ${many(copies.homes, 'home', 'homes')}`;
	if (partly === 0) return {state: 'safe', text: `Safe: ${there}`};
	return {state: 'short', text: `${there}; more are being made`};
};
