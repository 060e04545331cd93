/**
What a member is given to join with: a join code and, behind an `@`, the coordinator's address, in one word that no shell
takes apart.
*/
export const joinInvitationOf = (code: string, coordinatorUrl: string): string => `${code}@${coordinatorUrl}`;

/** The command that a member joins with; `100` is what the machine lends, in GB. */
export const joinCommandOf = (code: string, coordinatorUrl: string): string =>
	`pjas-daemon join ${joinInvitationOf(code, coordinatorUrl)} ./storage 100`;
