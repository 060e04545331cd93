import type {AccessRule} from '../../source/protocol/routes.js';
import type {FileRecord, Role, Scope} from './model.js';

/**
Who may do what. Everything that decides about a person's rights is here, and pure; what it decides about comes in.
*/

/**
Who calls. `open`: everybody, where the coordinator runs without accounts. `scraper`: a program with the token for metrics,
which may read them and nothing else.
*/
export type Principal =
	| {kind: 'anonymous'}
	| {kind: 'open'}
	| {kind: 'scraper'}
	| {kind: 'account'; name: string; role: Role; scope: Scope; via: 'token' | 'session'};

/** What of a file decides who may do what with it. */
export type FileAccess = Pick<FileRecord, 'owner' | 'visibility' | 'sharedWith' | 'trashed'>;

/** `see`: that it is there, its name and where its shards are. `read`: its content. `change`: delete it, share it. */
export type FileAct = 'see' | 'read' | 'change';

export const anonymous: Principal = {kind: 'anonymous'};

/** What a file that came in without an owner is: everybody's who may sign in, as before there were accounts. */
const visibilityOf = ({visibility = 'network'}: FileAccess) => visibility;

const isReader = (name: string, file: FileAccess): boolean =>
	file.owner === name || visibilityOf(file) !== 'private' || (file.sharedWith ?? []).includes(name);

export const mayFile = (principal: Principal, act: FileAct, file: FileAccess): boolean => {
	if (principal.kind === 'open') return true;
	if (principal.kind !== 'account') return act !== 'change' && visibilityOf(file) === 'public';
	const {name, role} = principal;
	if (role === 'admin') return true;
	if (act === 'change') return file.owner === name;
	return isReader(name, file) || (act === 'see' && role === 'operator');
};

/** Whether an upload, or the file that it became, is somebody's to go on with. What came in without an account is nobody's. */
export const mayUpload = (principal: Principal, {owner, visibility}: FileAccess): boolean => {
	if (principal.kind === 'open') return true;
	if (principal.kind === 'account') return owner === principal.name;
	return owner === undefined && visibility === 'public';
};

/** Whether somebody may know of a file, in the trash too: there, only who may bring it back knows of it, and operators. */
export const mayKnow = (principal: Principal, file: FileAccess): boolean =>
	file.trashed ? isOperator(principal) || mayFile(principal, 'change', file) : mayFile(principal, 'see', file);

/** Whose files a listing is bounded to; `undefined` where it is not. */
export const viewerOf = (principal: Principal): string | undefined => {
	if (principal.kind === 'open') return undefined;
	if (principal.kind !== 'account') return '';
	return principal.role === 'member' ? principal.name : undefined;
};

/** Whether somebody may know all about nodes and the log: where they are, and what goes on with other people's files. */
export const isOperator = (principal: Principal): boolean =>
	principal.kind === 'open' || (principal.kind === 'account' && principal.role !== 'member');

export const isAdmin = (principal: Principal): boolean =>
	principal.kind === 'open' || (principal.kind === 'account' && principal.role === 'admin');

/** Whether something that an account owns is to be shown: a node, a line of the log. */
export const mayOwned = (principal: Principal, owner: string | undefined): boolean =>
	isOperator(principal) || (principal.kind === 'account' && principal.name === owner);

/** Whether somebody may say what a node, which an account owns, is to take of its machine and line. */
export const maySetLimits = (principal: Principal, owner: string | undefined): boolean =>
	isAdmin(principal) || (principal.kind === 'account' && principal.name === owner);

export type Refusal = 'UNAUTHENTICATED' | 'FORBIDDEN';

export type Asked = {
	rule: AccessRule;
	/** Whether the call changes nothing. */
	isReading: boolean;
	isUpload: boolean;
	/** Whether the prototype's clients, who can't sign in, are let in. */
	allowsClassic: boolean;
};

const scopeAllows = (scope: Scope, {isReading, isUpload}: Asked): boolean =>
	scope === 'full' || (scope === 'read' && isReading) || (scope === 'upload' && isUpload);

/** Why somebody may not make a call, or nothing. What a call is about may refuse it still: see `mayFile`, `mayOwned`. */
export const refusalOf = (principal: Principal, asked: Asked): Refusal | undefined => {
	const {rule} = asked;
	if (rule === 'anyone' || rule === 'node' || principal.kind === 'open') return undefined;
	if (principal.kind === 'anonymous') {
		if (rule === 'file') return asked.isReading ? undefined : 'UNAUTHENTICATED';
		return rule === 'classic' && asked.allowsClassic ? undefined : 'UNAUTHENTICATED';
	}

	if (principal.kind === 'scraper') return rule === 'metrics' ? undefined : 'FORBIDDEN';
	if (!scopeAllows(principal.scope, asked)) return 'FORBIDDEN';
	if ((rule === 'operator' || rule === 'metrics') && !isOperator(principal)) return 'FORBIDDEN';
	return rule === 'admin' && !isAdmin(principal) ? 'FORBIDDEN' : undefined;
};
