import type {Whoami} from '../client/people-contract.js';
import type {Person} from './people-data.js';

/** Why somebody may not do something with people, in words; `undefined` where they may. The coordinator decides anew. */

type Me = Whoami | undefined;

const OPEN = 'This network is OPEN: it runs without accounts';

const generalProblem = (me: Me): string | undefined => {
	if (!me) return 'It is not known yet who you are';
	if (me.open) return OPEN;
	return me.scope === 'full' ? undefined : `You are signed in with a token that may only ${me.scope}`;
};

export const inviteProblem = (me: Me): string | undefined =>
	generalProblem(me) ?? (me?.role === 'member' ? 'Members invite nobody: ask an operator or an admin' : undefined);

/** Members invite nodes of their own, and where there are no accounts everybody does. */
export const inviteNodeProblem = (me: Me): string | undefined => (me?.open === true ? undefined : generalProblem(me));

export const adminProblem = (me: Me): string | undefined =>
	generalProblem(me) ?? (me?.role === 'admin' ? undefined : `Only admins do that, and you are ${me?.role ?? ''}`);

/** What only admins do, and only to an account. */
export const accountProblem = (me: Me, person: Person | undefined): string | undefined => {
	const problem = adminProblem(me);
	if (problem !== undefined) return problem;
	if (!person) return 'Nobody is chosen';
	return person.kind === 'account' ? undefined : 'This is an invitation: x takes it back';
};

/** Whether an invitation can be taken back, or an account disabled. */
export const removeProblem = (me: Me, person: Person | undefined): string | undefined =>
	person?.kind === 'invitation' ? inviteProblem(me) : accountProblem(me, person);

export const tokensProblem = (me: Me, account: string): string | undefined => {
	if (me && !me.open && (me.name === account || me.role === 'admin')) return undefined;
	return me?.open === true ? OPEN : 'Only admins see the tokens of others';
};

export const newTokenProblem = (me: Me, account: string): string | undefined =>
	generalProblem(me) ?? (me?.name === account ? undefined : 'A token is made by whoever it is for');
