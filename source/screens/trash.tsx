import {insideOf, Panel} from '../components/panel.js';
import {TableView} from '../components/table-view.js';
import {age, dateTime} from '../console/age.js';
import {createTable, type Column, type Table} from '../console/table.js';
import type {Action, Area, Console, View} from '../console/view.js';
import {createConfirm} from '../dialogs/confirm.js';
import {createDeleteDialog} from '../dialogs/delete-files.js';
import {withSeveral} from '../dialogs/several-files.js';
import {formatSize} from '../format.js';
import {printable} from '../terminal/text.js';
import {nameColumn} from './file-columns.js';
import {trashProblem} from './healing-rights.js';
import {createTrashData, type TrashData, type Trashed} from './trash-data.js';
import {waiting} from './waiting.js';

const DATE_WIDTH = 16;
const none: readonly Trashed[] = [];

const agoText = (ms: number) => (age(ms) === 'now' ? 'just now' : `${age(ms)} ago`);
const leftText = (ms: number) => (ms <= 0 ? 'due' : age(ms) === 'now' ? 'soon' : `in ${age(ms)}`);

const columnsOf = (now: () => number): Column<Trashed>[] => [
	nameColumn,
	{
		id: 'size',
		title: 'SIZE',
		min: 8,
		priority: 3,
		align: 'right',
		isDescending: true,
		cell: ({size}) => formatSize(size),
		sortBy: ({size}) => size,
	},
	{
		id: 'purge',
		title: 'GONE FOR GOOD',
		min: 13,
		priority: 1,
		cell: ({purge_at: at}) => leftText(at - now()),
		sortBy: ({purge_at: at}) => at,
	},
	{
		id: 'deleted',
		title: 'DELETED',
		min: 10,
		max: DATE_WIDTH,
		grow: 2,
		priority: 2,
		isDescending: true,
		cell: ({deleted_at: at}, width) => (width >= DATE_WIDTH ? dateTime(at) : agoText(now() - at)),
		sortBy: ({deleted_at: at}) => at,
	},
	{
		id: 'by',
		title: 'BY',
		min: 8,
		max: 16,
		grow: 1,
		priority: 4,
		cell: ({deleted_by: by}) => (by === '' ? {text: '-', tone: 'muted'} : by),
		sortBy: ({deleted_by: by}) => by,
	},
	{
		id: 'owner',
		title: 'OWNER',
		min: 8,
		max: 16,
		grow: 1,
		priority: 5,
		cell: ({owner}) => (owner === '' ? {text: '-', tone: 'muted'} : owner),
		sortBy: ({owner}) => owner,
	},
];

const titleOf = (data: TrashData): string => {
	const {files, total, totalSize} = data.get();
	if (!files) return 'Trash';
	return total === 0 ? 'Trash: empty' : `Trash: ${total} file${total === 1 ? '' : 's'}, ${formatSize(totalSize)}`;
};

const emptyLines = (console: Console, data: TrashData): readonly string[] => {
	const {files, problem} = data.get();
	if (problem !== undefined) return [problem, 'r asks again.'];
	if (!files) return waiting(console, 'its trash');
	return [
		'Nothing is in the trash: what is deleted waits here until it is gone for good.',
		'Esc goes back to the files.',
	];
};

/** Said beside the title: that not the newest is here, or how to go back. */
const noteOf = (data: TrashData): string => {
	const {files, problem} = data.get();
	return problem !== undefined && files ? `not the newest: ${problem}` : 't or Esc: the files';
};

const empty = (console: Console, data: TrashData): View =>
	createConfirm(console, {
		title: 'Empty your trash',
		lines: ['All of your own files in the trash are deleted for good: nobody can bring them back.'],
		yes: 'delete them',
		typed: 'empty',
		async run() {
			console.notice({tone: 'info', text: 'Emptying the trash'});
			const {files, bytes} = await console.api.emptyTrash();
			const what =
				files === 0 ? 'Nothing of yours was in the trash' : `${files} deleted for good, ${formatSize(bytes)}`;
			console.notice({tone: 'ok', text: what});
			await data.reload();
		},
	});

type Parts = {console: Console; data: TrashData; table: Table<Trashed>; close: () => void};

const createActions = ({console, data, table, close}: Parts): readonly Action[] => {
	const unchosen = () => (table.selected() ? undefined : 'No file is chosen');
	const problem = () => unchosen() ?? trashProblem(console.live.get().whoami, table.chosen());
	const done = () => void data.reload();

	const restore = async (files: readonly Trashed[]) => {
		table.clearMarks();
		await withSeveral(console, {
			files,
			...{done: 'brought back', doing: 'Bringing back'},
			async run({file_id: id}) {
				await console.api.restoreFile(id);
			},
		});
		await data.reload();
	};

	return [
		{id: 'trash.restore', run: async () => restore(table.chosen()), problem},
		{
			id: 'trash.purge',
			run: () =>
				console.open(
					createDeleteDialog(console, {
						...{files: table.chosen(), isForever: true},
						...{onStart: table.clearMarks, onEnd: done},
					}),
				),
			problem,
		},
		{
			id: 'trash.empty',
			run: () => console.open(empty(console, data)),
			problem: () =>
				data.get().total === 0 ? 'Nothing is in the trash' : trashProblem(console.live.get().whoami, none),
		},
		{id: 'trash.close', run: close},
		{id: 'trash.reload', run: data.reload},
	];
};

/** What was deleted and can still be brought back, and until when. */
export const createTrash = (console: Console): View => {
	const data = createTrashData(console);
	const table = createTable<Trashed>({
		columns: columnsOf(console.clock.now),
		rows: () => data.get().files ?? none,
		keyOf: file => file.file_id,
		textOf: ({filename, owner, deleted_by: by, file_id: id}) => `${filename} ${owner} ${by} ${id}`,
		changed: console.changed,
		copy: file => console.copy(file.file_id),
		canMark: true,
	});
	const close = () => console.close(view);
	const actions = [...createActions({console, data, table, close}), ...table.actions()];
	const view: View = {
		title: () => 'Trash',
		actions: () => actions,
		isTyping: table.isTyping,
		key: table.key,
		back: table.reset,
		render(area: Area) {
			const inside = insideOf(area);
			const {start, rows, total} = table.window(inside.rows - 2);
			if (start + rows.length >= total) data.fetchNext();
			return (
				<Panel title={titleOf(data)} note={noteOf(data)} area={area} theme={console.theme} isFocused>
					<TableView table={table} area={inside} theme={console.theme} empty={emptyLines(console, data)} />
				</Panel>
			);
		},
		describe() {
			const file = table.selected();
			const now = console.clock.now();
			const selection =
				file &&
				`${printable(file.filename)}, ${formatSize(file.size)}, deleted ${agoText(now - file.deleted_at)}, gone for good ${leftText(file.purge_at - now)}${table.isMarked(file) ? ', marked' : ''}`;
			const {problem} = data.get();
			return {
				title: titleOf(data),
				...(selection !== undefined && {selection}),
				lines: [...(file ? [] : emptyLines(console, data)), ...(file && problem !== undefined ? [problem] : [])],
			};
		},
		show: data.start,
		hide: data.stop,
		dispose: data.stop,
	};
	return view;
};
