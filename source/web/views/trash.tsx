import {useCallback, useEffect, useState} from 'react';
import {okSchema} from '../../protocol/api.js';
import {emptiedTrashSchema, type TrashedFile, trashSchema} from '../../protocol/healing-api.js';
import {formatSize} from '../../format.js';
import {call} from '../api.js';
import {restoreFiles, tell, tellProblem} from '../deeds.js';
import {on} from '../live.js';
import {titleOf} from '../model/seal-words.js';
import {openAll} from '../sealing.js';
import {Dialog, Empty, Icon, Problem, Waiting} from './parts.js';
import {count, dateText, exactDate} from './words.js';

type Page = {files: TrashedFile[]; total: number; size: number; next: string | null};

const PAGE = 100;

const fetchPage = async (before?: string): Promise<Page> => {
	const {
		files,
		total,
		total_size: size,
		next_before: next,
	} = await call('trash', trashSchema, {query: {limit: PAGE, before}});
	return {files: await openAll(files), total, size, next};
};

/** Some hundred files go in one call. */
const emptyAll = async (): Promise<number> => {
	let before: string | undefined;
	let gone = 0;
	do {
		const {files, next_before: next} = await call('emptyTrash', emptiedTrashSchema, {query: {before}});
		gone += files;
		before = next ?? undefined;
	} while (before !== undefined);
	return gone;
};

const Confirm = ({
	title,
	text,
	label,
	act,
	onClose,
}: {
	title: string;
	text: string;
	label: string;
	act: () => void;
	onClose: () => void;
}) => (
	<Dialog title={title} onClose={onClose}>
		<p>{text}</p>
		<div className="buttons">
			<button
				type="button"
				className="danger"
				onClick={() => {
					onClose();
					act();
				}}
			>
				{label}
			</button>
			<button type="button" onClick={onClose}>
				Keep
			</button>
		</div>
	</Dialog>
);

const useTrash = () => {
	const [page, setPage] = useState<Page>();
	const [problem, setProblem] = useState<unknown>();
	const load = useCallback(() => {
		setProblem(undefined);
		fetchPage().then(setPage, setProblem);
	}, []);
	const more = () => {
		if (!page?.next) return;
		fetchPage(page.next).then(next => setPage({...next, files: [...page.files, ...next.files]}), setProblem);
	};
	const without = useCallback((id: string) => {
		setPage(old => {
			const gone = old?.files.find(({file_id: other}) => other === id);
			if (!old || !gone) return old;
			return {...old, files: old.files.filter(file => file !== gone), total: old.total - 1, size: old.size - gone.size};
		});
	}, []);
	useEffect(load, [load]);
	useEffect(() => on('file-removed', load), [load]);
	// One that is brought back is heard of as a file again.
	useEffect(() => on('file', ({file_id: id}) => without(id)), [without]);
	return {page, problem, load, more, without};
};

type RowProps = {file: TrashedFile; onRestore: () => void; onPurge: () => void};

const Row = ({file, onRestore, onPurge}: RowProps) => (
	<tr>
		<th scope="row" className="name">
			<span>
				<Icon name="file" />
				{titleOf(file)}
			</span>
		</th>
		<td className="size">{formatSize(file.size)}</td>
		<td className="date" title={exactDate(file.purge_at)}>
			until {dateText(file.purge_at)}
		</td>
		<td className="deeds">
			<button type="button" aria-label={`Bring back: ${file.filename}`} onClick={onRestore}>
				Bring back
			</button>
			<button type="button" className="plain" aria-label={`Delete for good: ${file.filename}`} onClick={onPurge}>
				Delete for good
			</button>
		</td>
	</tr>
);

/** What was deleted, and can still be brought back. */
const Trash = () => {
	const {page, problem, load, more, without} = useTrash();
	const [asked, setAsked] = useState<TrashedFile | 'all'>();

	const restore = (file: TrashedFile) => {
		restoreFiles([file]).then(() => without(file.file_id), tellProblem);
	};
	const purge = (file: TrashedFile) => {
		const purged = call('purgeFile', okSchema, {id: file.file_id});
		purged.then(() => {
			without(file.file_id);
			tell({text: `“${titleOf(file)}” is gone for good`});
		}, tellProblem);
	};
	const empty = () => {
		emptyAll()
			.then(gone => tell({text: `${count(gone, 'file')} deleted for good`}))
			.catch(tellProblem)
			.finally(load);
	};

	return (
		<>
			<div className="bar">
				<h1>Trash</h1>
				{page && page.total > 0 && (
					<>
						<p className="hint grow">
							{count(page.total, 'file')}, {formatSize(page.size)}. Each is kept for some days, then it is gone.
						</p>
						<button type="button" onClick={() => setAsked('all')}>
							Empty the trash
						</button>
					</>
				)}
			</div>
			{problem !== undefined && <Problem error={problem} again={load} />}
			{!page && problem === undefined && <Waiting what="Looking into the trash" />}
			{page?.total === 0 && (
				<Empty icon="trash" title="The trash is empty">
					<p>What you delete waits here for some days, and can be brought back.</p>
				</Empty>
			)}
			{page && page.files.length > 0 && (
				<table className="files trash">
					<caption className="unseen">Deleted files</caption>
					<thead>
						<tr>
							<th scope="col" className="name">
								Name
							</th>
							<th scope="col" className="size">
								Size
							</th>
							<th scope="col" className="date">
								Kept
							</th>
							<td />
						</tr>
					</thead>
					<tbody>
						{page.files.map(file => (
							<Row key={file.file_id} file={file} onRestore={() => restore(file)} onPurge={() => setAsked(file)} />
						))}
					</tbody>
				</table>
			)}
			{page?.next && (
				<p className="more">
					<button type="button" onClick={more}>
						Show more
					</button>
				</p>
			)}
			{asked !== undefined && (
				<Confirm
					title={asked === 'all' ? 'Empty the trash?' : 'Delete for good?'}
					text={
						asked === 'all'
							? 'All of your deleted files are gone then. Nobody can bring them back.'
							: `“${titleOf(asked)}” is gone then. Nobody can bring it back.`
					}
					label={asked === 'all' ? 'Empty it' : 'Delete for good'}
					act={() => (asked === 'all' ? empty() : purge(asked))}
					onClose={() => setAsked(undefined)}
				/>
			)}
		</>
	);
};

export default Trash;
