import type {Line} from '../components/lines.js';
import {bar} from '../components/pictures.js';
import {dateTime} from '../console/age.js';
import type {Piece} from '../console/table.js';
import {fit} from '../console/table-layout.js';
import type {Theme, Tone} from '../console/theme.js';
import {formatSize} from '../format.js';
import type {Person} from './people-data.js';

/** A person in words, for the list, the details and screen readers alike. */

type Account = Extract<Person, {kind: 'account'}>;

const LABEL_WIDTH = 10;
const MOST_BAR = 30;
const NEARLY_FULL = 0.9;

export const keyOf = (person: Person): string =>
	person.kind === 'account' ? person.name : `invitation ${person.invitation.id}`;

export const nameOf = (person: Person): string =>
	person.kind === 'account' ? person.name : (person.invitation.name ?? '(free to choose)');

export const roleOf = (person: Person): string => (person.kind === 'account' ? person.role : person.invitation.role);

/** How much of the quota is used, from 0 to 1; 0 where there is none. */
export const quotaShare = ({usedBytes, quotaBytes}: Account): number => {
	if (quotaBytes === null) return 0;
	return quotaBytes === 0 ? 1 : usedBytes / quotaBytes;
};

export const quotaTone = (account: Account): Tone => (quotaShare(account) >= NEARLY_FULL ? 'warn' : 'accent');

/** @param width - The room there is. */
export const usedText = ({usedBytes, quotaBytes}: Account, width = Infinity): string => {
	const used = formatSize(usedBytes);
	if (quotaBytes === null) return used;
	const text = `${used} of ${formatSize(quotaBytes)}`;
	return text.length <= width ? text : `${used}/${formatSize(quotaBytes)}`;
};

export const passwordPiece = (person: Person): Piece => {
	if (person.kind === 'invitation' || !person.known) return {text: '-', tone: 'muted'};
	return person.known.has_password ? {text: 'set'} : {text: 'none', tone: 'warn'};
};

export const statePiece = (person: Person): Piece => {
	if (person.kind === 'invitation') {
		return {text: person.invitation.purpose === 'reset' ? 'new password' : 'invited', tone: 'accent'};
	}

	return typeof person.known?.disabled_at === 'number' ? {text: 'DISABLED', tone: 'bad'} : {text: 'active', tone: 'ok'};
};

/** When it was made, or until when the invitation is open. */
export const whenText = (person: Person): string => {
	if (person.kind === 'invitation') return `until ${dateTime(person.invitation.expires_at)}`;
	return person.known ? dateTime(person.known.created_at) : '-';
};

export const personSentence = (person: Person): string => {
	const who = `${nameOf(person)}, ${roleOf(person)}, ${statePiece(person).text}`;
	if (person.kind === 'invitation') return `${who}, by ${person.invitation.created_by}, ${whenText(person)}`;
	const limit = person.quotaBytes === null ? ', no limit' : '';
	return `${who}, ${usedText(person)} used${limit}, password ${passwordPiece(person).text}`;
};

/** All that is known of a person, a label and its value a line. */
export const personFacts = (person: Person, theme: Theme, width: number): Line[] => {
	const {ellipsis} = theme.glyphs;
	const line = (label: string, value: string | readonly Piece[] | Piece): Line => ({
		pieces: [
			...fit({text: label, tone: 'muted'}, LABEL_WIDTH, ellipsis),
			...fit(value, Math.max(1, width - LABEL_WIDTH), ellipsis),
		],
	});
	if (person.kind === 'invitation') {
		const {created_by: by, created_at: at, id} = person.invitation;
		return [
			line('name', nameOf(person)),
			line('role', roleOf(person)),
			line('for', person.invitation.purpose === 'reset' ? 'a new password' : 'a new account'),
			line('open', whenText(person)),
			line('made', `${dateTime(at)} by ${by}`),
			line('id', id),
		];
	}

	const barWidth = Math.max(4, Math.min(MOST_BAR, width - LABEL_WIDTH - 6));
	const share = quotaShare(person);
	const drawn = [...bar(share, barWidth, theme, quotaTone(person)), {text: ` ${Math.round(share * 100)}%`}];
	return [
		line('name', {text: person.name, isBold: true}),
		line('role', person.role),
		line('state', statePiece(person)),
		line('used', person.quotaBytes === null ? `${usedText(person)}, no limit` : drawn),
		...(person.quotaBytes === null ? [] : [line('', usedText(person))]),
		...(person.known ? [line('password', passwordPiece(person)), line('since', whenText(person))] : []),
	];
};
