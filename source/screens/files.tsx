import {Box} from 'ink';
import type {ReactElement} from 'react';
import {AnswerError} from '../client/errors.js';
import type {FilesState} from '../client/live-state.js';
import type {OpenedFile} from '../client/opened-files.js';
import {insideOf, Panel} from '../components/panel.js';
import {TableView} from '../components/table-view.js';
import {createTable, type Table} from '../console/table.js';
import type {Action, Area, Console, Place, View} from '../console/view.js';
import {createDeleteDialog} from '../dialogs/delete-files.js';
import {createShareDialog} from '../dialogs/share-files.js';
import {downloadOpened} from '../dialogs/download-opened.js';
import {withKeyring} from '../dialogs/passphrase.js';
import {createFileChecks, type FileChecks} from './file-checks.js';
import {fileColumns} from './file-columns.js';
import {createFileDetails} from './file-details.js';
import {fileSentence} from './file-facts.js';
import {readersLegend, shareProblem} from './file-readers.js';
import {createFilePreview, FilePanel, type FilePreview} from './file-preview.js';
import {createFileTexts} from './file-texts.js';
import {createTrash} from './trash.js';

const WIDE_COLUMNS = 110;
/** Wide enough for an id. */
const PANEL_COLUMNS = 48;
const PANEL_SHARE = 0.36;
const nothing: readonly OpenedFile[] = [];
const grouped = (count: number) => count.toLocaleString('en');

/** The list, and behind it a file that was asked for by its id and is not in the list yet. */
const createRows = (console: Console) => {
	let extra: OpenedFile | undefined;
	let from: readonly OpenedFile[] | undefined;
	let rows = nothing;
	return {
		get: (): readonly OpenedFile[] => {
			const list = console.live.get().files?.list ?? nothing;
			if (list === from) return rows;
			from = list;
			if (extra && list.some(file => file.file_id === extra?.file_id)) extra = undefined;
			rows = extra ? [...list, extra] : list;
			return rows;
		},
		add(file: OpenedFile) {
			extra = file;
			from = undefined;
		},
	};
};

/** Chooses a file as soon as it is here. One that isn't in the list yet is asked for. */
const createSeeker = (console: Console, table: Table<OpenedFile>, rows: ReturnType<typeof createRows>) => {
	let wanted: string | undefined;

	const select = (): boolean => {
		if (wanted === undefined || !rows.get().some(file => file.file_id === wanted)) return false;
		table.select(wanted);
		wanted = undefined;
		return true;
	};

	const fetch = async (id: string) => {
		try {
			const file = await console.api.file(id);
			if (wanted !== id) return;
			if (!rows.get().some(each => each.file_id === id)) rows.add(file);
			select();
		} catch (error) {
			if (wanted !== id) return;
			wanted = undefined;
			const isGone = error instanceof AnswerError && error.code === 'FILE_NOT_FOUND';
			const reason = error instanceof Error ? error.message : String(error);
			console.notice({tone: isGone ? 'warn' : 'bad', text: isGone ? `The file ${id} is no longer stored` : reason});
		}
	};

	return {
		look: select,
		seek(id: string) {
			wanted = id;
			if (!select()) void fetch(id);
		},
	};
};

const emptyLines = ({live}: Console): readonly string[] => {
	const {files, connection} = live.get();
	if (files) return ['No file is stored yet. Press u to upload one.'];
	if (connection.state !== 'stale') return ['Asking the coordinator for its files.'];
	return [`The files can't be asked for: ${connection.error}`, 'Ctrl-r tries again.'];
};

/** Said while the list is still coming. */
const arrivalText = (files: FilesState | undefined): string | undefined =>
	files && !files.isComplete
		? `${grouped(files.list.length)} of ${grouped(files.total)} files are here, the rest is coming`
		: undefined;

const titleOf = ({live}: Console): string => {
	const {files} = live.get();
	return files && files.total > 0 ? `Files: ${grouped(files.total)}` : 'Files';
};

type Parts = {console: Console; table: Table<OpenedFile>; preview: FilePreview};

const render = ({console, table, preview}: Parts, area: Area): ReactElement => {
	const {theme, live} = console;
	const arrival = arrivalText(live.get().files);
	const file = area.columns >= WIDE_COLUMNS ? table.selected() : undefined;
	const panelColumns = file ? Math.max(PANEL_COLUMNS, Math.floor(area.columns * PANEL_SHARE)) : 0;
	const list = {columns: area.columns - panelColumns, rows: area.rows};
	return (
		<Box width={area.columns} height={area.rows}>
			<Panel title={titleOf(console)} note={arrival ?? ''} area={list} theme={theme} isFocused>
				<TableView table={table} area={insideOf(list)} theme={theme} empty={emptyLines(console)} />
			</Panel>
			{file && (
				<FilePanel
					file={file}
					replication={preview.of(file)}
					console={console}
					area={{columns: panelColumns, rows: area.rows}}
				/>
			)}
		</Box>
	);
};

const describe = ({console, table}: Parts) => {
	const {files} = console.live.get();
	const rows = table.rows();
	const file = table.selected();
	const arrival = arrivalText(files);
	const mark = file && table.isMarked(file) ? ', marked' : '';
	const all = table.options.rows().length;
	const none = all === 0 ? emptyLines(console) : ['Nothing passes the filter. Esc takes it away.'];
	return {
		title: 'Files',
		...(file && {selection: `${fileSentence(file)}${mark}`}),
		lines: [
			...(rows.length === 0 ? none : [`${rows.length} files${rows.length === all ? '' : `, filtered from ${all}`}`]),
			...(table.filter() === '' ? [] : [`Filter: ${table.filter()}`]),
			...(table.markedCount() === 0 ? [] : [`${table.markedCount()} marked`]),
			...(arrival === undefined ? [] : [arrival]),
		],
	};
};

/** What can be done with the chosen or marked files. */
const createActions = (console: Console, table: Table<OpenedFile>, checks: FileChecks): readonly Action[] => {
	const unchosen = () => (table.selected() ? undefined : 'No file is chosen');
	const check = (file: OpenedFile) => console.open(createFileDetails({console, file, checks, isChecking: true}));
	const checkProblem = () => {
		const [file, ...others] = table.chosen();
		if (!file) return 'No file is chosen';
		return others.length > 0 ? 'One file at a time: Esc takes the marks away' : checks.problem(file.file_id);
	};

	return [
		{id: 'file.download', run: () => downloadOpened(console, table.chosen()), problem: unchosen},
		{id: 'file.check', run: () => table.chosen().slice(0, 1).forEach(check), problem: checkProblem},
		{
			id: 'file.delete',
			run: () => console.open(createDeleteDialog(console, {files: table.chosen(), onStart: table.clearMarks})),
			problem: unchosen,
		},
		{
			id: 'file.share',
			run: () => console.open(createShareDialog(console, table.chosen())),
			problem: () => unchosen() ?? shareProblem(console.live.get().whoami, table.chosen()),
		},
		{id: 'file.trash', run: () => console.open(createTrash(console))},
		{
			id: 'file.reload',
			run() {
				console.live.reloadFiles();
				console.notice({tone: 'info', text: 'Asking for the list anew'});
			},
		},
	];
};

/** Names that are sealed are asked for again once they can be opened. */
const openNames = (console: Console): Action => ({
	id: 'file.open-names',
	run: () => withKeyring(console, () => console.notice({tone: 'ok', text: 'The keyring is open'})),
	problem: () => (console.keyring.vault() ? 'The keyring is open, and has no key for the others' : undefined),
});

/** All files of the network: to find, to look into, to download, to check and to delete. */
export const createFilesScreen = (console: Console): View => {
	const rows = createRows(console);
	const checks = createFileChecks(console);
	const preview = createFilePreview(console);
	const texts = createFileTexts(console);
	const table = createTable<OpenedFile>({
		columns: fileColumns(console.clock),
		rows: rows.get,
		keyOf: file => file.file_id,
		textOf: texts.of,
		isTextLowerCase: true,
		changed: console.changed,
		onSelect: () => preview.choose(console.size().columns >= WIDE_COLUMNS ? table.selected() : undefined),
		copy: file => console.copy(file.file_id),
		open: file => console.open(createFileDetails({console, file, checks})),
		canMark: true,
	});
	const parts: Parts = {console, table, preview};
	const seeker = createSeeker(console, table, rows);
	const [open, ...others] = table.actions();
	const actions = [...(open ? [open] : []), ...createActions(console, table, checks), ...others];
	let stop = () => {};

	const look = () => {
		seeker.look();
		texts.prepare(rows.get());
		table.options.onSelect?.();
	};

	const goTo = (place: Place) => {
		if (place.screen !== 'files') return;
		table.setFilter(place.filter ?? '');
		if (place.file !== undefined) seeker.seek(place.file);
	};

	return {
		title: () => 'Files',
		legend: () => readersLegend,
		actions: () => (rows.get().some(({seal}) => seal === 'locked') ? [...actions, openNames(console)] : actions),
		isTyping: table.isTyping,
		key: table.key,
		back: table.reset,
		goTo,
		render: area => render(parts, area),
		describe: () => describe(parts),
		show() {
			stop = console.live.subscribe(look);
			look();
		},
		hide() {
			stop();
			texts.stop();
			preview.hide();
		},
		dispose() {
			stop();
			texts.stop();
			preview.close();
			checks.close();
		},
	};
};
