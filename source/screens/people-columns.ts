import {bar} from '../components/pictures.js';
import type {Column} from '../console/table.js';
import type {Theme} from '../console/theme.js';
import type {Person} from './people-data.js';
import {nameOf, passwordPiece, quotaShare, quotaTone, roleOf, statePiece, usedText, whenText} from './person-facts.js';

const LEAST_BAR = 4;
const MOST_BAR = 14;

/** The columns of the list of people. */
export const peopleColumns = (theme: Theme): readonly Column<Person>[] => [
	{
		id: 'name',
		title: 'NAME',
		min: 12,
		max: 32,
		grow: 2,
		priority: 0,
		cell: person => ({text: nameOf(person), isBold: person.kind === 'account'}),
		sortBy: nameOf,
	},
	{id: 'role', title: 'ROLE', min: 8, priority: 1, cell: roleOf, sortBy: roleOf},
	{
		id: 'used',
		title: 'USED',
		min: 16,
		max: 36,
		grow: 3,
		priority: 3,
		isDescending: true,
		cell(person, width) {
			if (person.kind === 'invitation') return {text: '-', tone: 'muted'};
			const figures = usedText(person, width);
			const barWidth = Math.min(MOST_BAR, width - figures.length - 1);
			if (person.quotaBytes === null || barWidth < LEAST_BAR) return figures;
			return [...bar(quotaShare(person), barWidth, theme, quotaTone(person)), {text: ` ${figures}`}];
		},
		sortBy: person => (person.kind === 'account' ? person.usedBytes : -1),
	},
	{
		id: 'state',
		title: 'STATE',
		min: 12,
		priority: 2,
		cell: statePiece,
		sortBy: person => statePiece(person).text,
	},
	{
		id: 'password',
		title: 'PASSWORD',
		min: 8,
		priority: 4,
		cell: passwordPiece,
		sortBy: person => passwordPiece(person).text,
	},
	{id: 'when', title: 'SINCE', min: 16, max: 22, grow: 1, priority: 5, cell: whenText, sortBy: whenText},
];
