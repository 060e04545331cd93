import {useDeferredValue, useEffect, useMemo, useState} from 'react';
import type {OpenedFile} from '../../client/opened-files.js';
import {escapeControls} from '../../protocol/escape.js';
import {formatSize} from '../../format.js';
import {addressOf} from '../api.js';
import {downloadSealed} from '../deeds.js';
import {files, loadFiles} from '../files-store.js';
import {baseName, type Folder, openFolder, trailOf} from '../model/folders.js';
import {safetyOf} from '../model/safety.js';
import {titleOf} from '../model/seal-words.js';
import {type Order, pressed, sorted, type SortKey} from '../model/sort.js';
import {hrefOf} from '../place.js';
import {keyring} from '../sealing.js';
import {useStore} from '../store.js';
import {ChosenBar, type SelectionOf, useSelection} from './chosen.js';
import {LockedNote} from './keyring.js';
import {later} from './later.js';
import {Dialog, Empty, Icon, Problem, Waiting} from './parts.js';
import {UploadButtons} from './upload-buttons.js';
import {When} from './when.js';
import {count} from './words.js';

const FileDetails = later(async () => import('./file-details.js'));

/** So many rows are shown at once; a press shows as many more. */
const ROWS_A_PAGE = 100;
const SEARCH_SETTLES_MS = 250;

type Row =
	{kind: 'folder'; folder: Folder; inside: readonly OpenedFile[]} | {kind: 'file'; file: OpenedFile; name: string};

const seen = (row: Row) =>
	row.kind === 'folder'
		? {name: row.folder.name, size: row.folder.sizeBytes, date: row.folder.newestAt}
		: {name: row.name, size: row.file.size, date: row.file.uploaded_at};

const nothingOpen: ReturnType<typeof openFolder<OpenedFile>> = {folders: [], files: [], inside: new Map()};

/** A search looks through all folders, and shows paths. */
const rowsOf = (all: Iterable<OpenedFile>, folder: string, isSearch: boolean, order: Order): Row[] => {
	const {folders, files: here, inside} = isSearch ? {...nothingOpen, files: [...all]} : openFolder(all, folder);
	const nameOf = (file: OpenedFile) => {
		const title = titleOf(file);
		return isSearch || title.endsWith('/') ? title : baseName(title);
	};
	return [
		...sorted(
			folders.map((found): Row => ({kind: 'folder', folder: found, inside: inside.get(found.path) ?? []})),
			order,
			seen,
		),
		...sorted(
			here.map((file): Row => ({kind: 'file', file, name: nameOf(file)})),
			order,
			seen,
		),
	];
};

const columns: {key: SortKey; title: string}[] = [
	{key: 'name', title: 'Name'},
	{key: 'size', title: 'Size'},
	{key: 'date', title: 'Uploaded'},
];

const Head = ({order, onOrder, selection}: {order: Order; onOrder: (order: Order) => void; selection: SelectionOf}) => (
	<thead>
		<tr>
			<td className="tick">
				<input
					type="checkbox"
					aria-label="Choose all that is shown"
					checked={selection.isAll}
					disabled={selection.shown.length === 0}
					onChange={event => selection.choose(event.target.checked ? selection.shown : [])}
				/>
			</td>
			{columns.map(({key, title}) => (
				<th
					key={key}
					scope="col"
					className={key}
					aria-sort={order.key === key ? (order.isDown ? 'descending' : 'ascending') : undefined}
				>
					<button type="button" className="plain" onClick={() => onOrder(pressed(order, key))}>
						{title}
						<span className="arrow" aria-hidden="true">
							{order.key === key ? (order.isDown ? ' ↓' : ' ↑') : ''}
						</span>
					</button>
				</th>
			))}
			<th scope="col" className="safety">
				Safety
			</th>
			<td />
		</tr>
	</thead>
);

type FolderRowProps = {folder: Folder; inside: readonly OpenedFile[]; selection: SelectionOf};

const FolderRow = ({folder, inside, selection}: FolderRowProps) => (
	<tr className={selection.state(inside) === 'all' ? 'chosen' : undefined}>
		<td className="tick">
			<input
				type="checkbox"
				aria-label={`Choose all in ${escapeControls(folder.name)}`}
				ref={box => {
					if (box) box.indeterminate = selection.state(inside) === 'some';
				}}
				checked={selection.state(inside) === 'all'}
				onChange={() => selection.toggle(inside)}
			/>
		</td>
		<th scope="row" className="name">
			<a href={hrefOf('files', folder.path)}>
				<Icon name="folder" />
				{escapeControls(folder.name)}
			</a>
		</th>
		<td className="size">{formatSize(folder.sizeBytes)}</td>
		<td className="date">
			<When ms={folder.newestAt} />
		</td>
		<td className="safety">{count(folder.files, 'file')}</td>
		<td />
	</tr>
);

type FileRowProps = {file: OpenedFile; name: string; isChosen: boolean; onChoose: () => void; onOpen: () => void};

const FileRow = ({file, name, isChosen, onChoose, onOpen}: FileRowProps) => {
	const safety = safetyOf(file);
	return (
		<tr className={isChosen ? 'chosen' : undefined}>
			<td className="tick">
				<input type="checkbox" aria-label={`Choose ${name}`} checked={isChosen} onChange={onChoose} />
			</td>
			<th scope="row" className="name">
				<button type="button" className="plain" onClick={onOpen}>
					<Icon name={file.e2e ? 'lock' : 'file'} />
					{name}
					{file.seal === 'opened' && <span className="unseen"> (sealed end to end)</span>}
				</button>
			</th>
			<td className="size">{formatSize(file.size)}</td>
			<td className="date">
				<When ms={file.uploaded_at} />
			</td>
			<td className={`safety ${safety.state}`}>{safety.text}</td>
			<td className="deeds">
				{!file.e2e && file.seal === undefined && (
					<a
						className="plain round"
						aria-label={`Download ${name}`}
						href={addressOf('download', file.file_id)}
						download
					>
						<Icon name="download" />
					</a>
				)}
				{file.seal === 'opened' && (
					<button
						type="button"
						className="plain round"
						aria-label={`Download ${name}`}
						onClick={() => downloadSealed(file)}
					>
						<Icon name="download" />
					</button>
				)}
			</td>
		</tr>
	);
};

const Trail = ({folder}: {folder: string}) => {
	if (folder === '') return <h1>Files</h1>;
	const trail = trailOf(folder);
	return (
		<div className="trail">
			<nav aria-label="Folders">
				<a href={hrefOf('files')}>Files</a>
				{trail.slice(0, -1).map(({name, path}) => (
					<span key={path}>
						{' / '}
						<a href={hrefOf('files', path)}>{escapeControls(name)}</a>
					</span>
				))}
				{' /'}
			</nav>
			<h1>{escapeControls(trail.at(-1)?.name ?? '')}</h1>
		</div>
	);
};

const Search = () => {
	const {search} = useStore(files);
	const [text, setText] = useState(search);
	useEffect(() => {
		if (text === search) return;
		const timer = window.setTimeout(() => void loadFiles(text), SEARCH_SETTLES_MS);
		return () => window.clearTimeout(timer);
	}, [text, search]);
	return (
		<search className="search">
			<Icon name="search" />
			<input
				type="search"
				aria-label="Search files"
				placeholder="Search files"
				maxLength={200}
				value={text}
				onChange={event => setText(event.target.value)}
			/>
		</search>
	);
};

const Nothing = ({folder, search}: {folder: string; search: string}) => {
	if (search !== '') {
		return (
			<Empty icon="search" title="Nothing found">
				<p>No file is called “{search}”, or has that in its name.</p>
			</Empty>
		);
	}

	return (
		<Empty icon="upload" title={folder === '' ? 'No files yet' : 'This folder is empty'}>
			<p>Drop files or folders anywhere on this page, or choose them above.</p>
		</Empty>
	);
};

/** The files in a folder, or those that a search finds. */
export const FilesView = ({folder}: {folder: string}) => {
	const {byId, state, error, search, isCut, total} = useStore(files);
	const [order, setOrder] = useState<Order>({key: 'date', isDown: true});
	const [most, setMost] = useState(ROWS_A_PAGE);
	const [openedId, setOpenedId] = useState<string>();
	useEffect(() => setMost(ROWS_A_PAGE), [folder, search]);

	const all = useDeferredValue(byId);
	const rows = useMemo(() => rowsOf(all.values(), folder, search !== '', order), [all, folder, search, order]);
	const page = rows.slice(0, most);
	const selection = useSelection(page.flatMap(row => (row.kind === 'file' ? [row.file] : row.inside)));
	const opened = openedId === undefined ? undefined : byId.get(openedId);
	const isUnlocked = useStore(keyring) !== undefined;
	const sealed = isUnlocked ? 0 : rows.filter(row => row.kind === 'file' && row.file.e2e).length;

	return (
		<>
			<div className="bar">
				<Trail folder={folder} />
				<Search />
				<UploadButtons folder={folder} />
			</div>
			{state === 'failed' && <Problem error={error} again={() => void loadFiles()} />}
			{sealed > 0 && (
				<LockedNote
					text={`${count(sealed, 'file is', 'files are')} sealed end to end. Unlock your keyring to see and open ${sealed === 1 ? 'it' : 'them'}.`}
				/>
			)}
			<ChosenBar selection={selection} />
			{rows.length > 0 && (
				<table className="files">
					<caption className="unseen">{folder === '' ? 'Files' : `Files in ${folder}`}</caption>
					<Head order={order} onOrder={setOrder} selection={selection} />
					<tbody>
						{page.map(row =>
							row.kind === 'folder' ? (
								<FolderRow
									key={`folder ${row.folder.path}`}
									folder={row.folder}
									inside={row.inside}
									selection={selection}
								/>
							) : (
								<FileRow
									key={row.file.file_id}
									file={row.file}
									name={row.name}
									isChosen={selection.state([row.file]) === 'all'}
									onChoose={() => selection.toggle([row.file])}
									onOpen={() => setOpenedId(row.file.file_id)}
								/>
							),
						)}
					</tbody>
				</table>
			)}
			{rows.length > most && (
				<p className="more">
					<button type="button" onClick={() => setMost(most + ROWS_A_PAGE)}>
						Show {Math.min(ROWS_A_PAGE, rows.length - most)} more of {count(rows.length, 'row')}
					</button>
				</p>
			)}
			{state === 'loading' && <Waiting what={rows.length === 0 ? 'Looking for files' : 'Looking for more files'} />}
			{state === 'ready' && all === byId && rows.length === 0 && <Nothing folder={folder} search={search} />}
			{isCut && (
				<p className="hint">
					The newest {count(byId.size, 'file')} of {total.toLocaleString()} are shown. Search to find older ones.
				</p>
			)}
			{opened && (
				<Dialog key={opened.file_id} title={titleOf(opened)} isWide onClose={() => setOpenedId(undefined)}>
					<FileDetails file={opened} onClose={() => setOpenedId(undefined)} />
				</Dialog>
			)}
		</>
	);
};
