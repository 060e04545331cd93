import {age, dateTime} from '../console/age.js';
import type {Column} from '../console/table.js';
import type {Clock} from '../console/view.js';
import {formatSize} from '../format.js';
import type {OpenedFile} from '../client/opened-files.js';
import {redundancyPiece, sealPieces} from './file-facts.js';
import {readersPiece} from './file-readers.js';
import {redundancyRank} from './redundancy.js';

const DATE_WIDTH = 16;

/** What a file is called, in any list of files. */
export const nameColumn: Column<OpenedFile> = {
	id: 'name',
	title: 'NAME',
	min: 18,
	max: 80,
	grow: 4,
	priority: 0,
	cell: file => [...sealPieces(file), {text: file.filename, isBold: true}],
	sortBy: file => file.filename.toLowerCase(),
};

/** The columns of the list of files. */
export const fileColumns = (clock: Clock): readonly Column<OpenedFile>[] => [
	{...nameColumn, min: 20},
	{
		id: 'size',
		title: 'SIZE',
		min: 8,
		align: 'right',
		priority: 2,
		cell: file => formatSize(file.size),
		sortBy: file => file.size,
		isDescending: true,
	},
	{
		id: 'redundancy',
		title: 'REDUNDANCY',
		min: 13,
		max: 20,
		grow: 1,
		priority: 1,
		cell: (file, width) => redundancyPiece(file, width),
		sortBy: file => redundancyRank(file.redundancy),
		isDescending: true,
	},
	{
		id: 'when',
		title: 'WHEN',
		min: 6,
		max: DATE_WIDTH,
		grow: 5,
		priority: 3,
		cell: (file, width) => (width >= DATE_WIDTH ? dateTime(file.uploaded_at) : age(clock.now() - file.uploaded_at)),
		sortBy: file => file.uploaded_at,
		isDescending: true,
	},
	{
		id: 'readers',
		title: 'WHO',
		min: 3,
		priority: 4,
		cell: readersPiece,
		sortBy: file => readersPiece(file).text,
	},
	{
		id: 'owner',
		title: 'OWNER',
		min: 8,
		max: 16,
		grow: 1,
		priority: 5,
		cell: file => (file.owner === '' ? {text: '-', tone: 'muted'} : file.owner),
		sortBy: file => file.owner,
	},
	{
		id: 'type',
		title: 'TYPE',
		min: 10,
		max: 24,
		grow: 1,
		priority: 6,
		cell: file => file.type,
		sortBy: file => file.type,
	},
	{
		id: 'id',
		title: 'ID',
		min: 12,
		max: 32,
		grow: 1,
		priority: 7,
		cell: file => ({text: file.file_id, tone: 'muted'}),
		sortBy: file => file.file_id,
	},
];
