import type {NodeView} from '../client/api.js';
import type {Whoami} from '../client/people-contract.js';
import type {LiveState} from '../client/live-state.js';

/** Why somebody may not do something about healing, in words; `undefined` where they may. The coordinator decides anew. */

type Me = Whoami | undefined;

/** Whether somebody sees all of the network; members see what is theirs. A coordinator of before accounts knows none. */
export const seesAll = ({whoami}: Pick<LiveState, 'whoami'>): boolean =>
	whoami === undefined || whoami.open || whoami.role !== 'member';

/** Whether it is theirs who look. */
export const isOwn = (owner: string, {whoami}: Pick<LiveState, 'whoami'>): boolean =>
	whoami !== undefined && whoami.name !== '' && owner === whoami.name;

const scopeProblem = (me: Me): string | undefined =>
	me && me.scope !== 'full' ? `You are signed in with a token that may only ${me.scope}` : undefined;

const isMember = (me: Me) => me?.role === 'member' && !me.open;

export const pauseProblem = (me: Me): string | undefined =>
	isMember(me) ? 'Only operators and admins pause healing' : scopeProblem(me);

export const repairProblem = (me: Me, owner: () => string | undefined): string | undefined =>
	isMember(me) && owner() !== me?.name ? 'Only its owner, operators and admins have a file repaired' : scopeProblem(me);

/** What may be done with a node by its owner, by operators and by admins. */
export const nodeProblem = (me: Me, node: Pick<NodeView, 'owner'> | undefined): string | undefined => {
	if (!node) return 'No node is chosen';
	return isMember(me) && node.owner !== me?.name
		? 'Only its owner, operators and admins do that with a node'
		: scopeProblem(me);
};

/** What may be done with files in the trash, by their owner and by admins. */
export const trashProblem = (me: Me, files: readonly {owner: string}[]): string | undefined => {
	const isAll = me === undefined || me.open || me.role === 'admin';
	const isOthers = !isAll && files.some(({owner}) => owner !== me.name);
	return isOthers ? 'Only whoever owns a file, and admins, bring it back or delete it for good' : scopeProblem(me);
};
