import {type SubmitEvent, useState} from 'react';
import type {FileView} from '../../protocol/api.js';
import {formatSize} from '../../format.js';
import {addressOf} from '../api.js';
import {deleteFiles, renameFile, tellProblem} from '../deeds.js';
import {safetyOf} from '../model/safety.js';
import {Dialog, Field, Icon, Problem} from './parts.js';
import {exactDate} from './words.js';

const readers = {
	private: 'Only you',
	network: 'Everybody who is signed in',
	public: 'Everybody',
};

const readersOf = ({visibility, shared_with: sharedWith}: FileView): string =>
	visibility === 'private' && sharedWith.length > 0 ? `You and ${sharedWith.join(', ')}` : readers[visibility];

const Facts = ({file}: {file: FileView}) => {
	const safety = safetyOf(file);
	const facts: [string, string, string?][] = [
		['Safety', safety.text, safety.state],
		['Size', formatSize(file.size)],
		['Uploaded', exactDate(file.uploaded_at)],
		['Kind', file.type],
		...(file.owner === '' ? [] : ([['Owner', file.owner]] as [string, string][])),
		['Who can open it', readersOf(file)],
	];
	return (
		<dl className="facts">
			{facts.map(([name, value, state]) => (
				<div key={name}>
					<dt>{name}</dt>
					<dd className={state}>{value}</dd>
				</div>
			))}
		</dl>
	);
};

const Rename = ({file, onDone}: {file: FileView; onDone: () => void}) => {
	const [problem, setProblem] = useState<unknown>();
	const submit = (event: SubmitEvent<HTMLFormElement>) => {
		event.preventDefault();
		const name = new FormData(event.currentTarget).get('name');
		if (typeof name !== 'string' || name.trim() === '') return;
		renameFile(file, name.trim()).then(onDone, setProblem);
	};
	return (
		<form className="rename" onSubmit={submit}>
			<Field label="New name" hint="With “/” in it, it goes into a folder.">
				{({id, hintId}) => (
					<input
						id={id}
						name="name"
						defaultValue={file.filename}
						maxLength={1000}
						required
						autoFocus
						aria-describedby={hintId}
					/>
				)}
			</Field>
			{problem !== undefined && <Problem error={problem} />}
			<div className="buttons">
				<button type="submit" className="main">
					Rename
				</button>
				<button type="button" onClick={onDone}>
					Keep the name
				</button>
			</div>
		</form>
	);
};

/** All there is to know of a file, and to do with it. */
const FileDialog = ({file, onClose}: {file: FileView; onClose: () => void}) => {
	const [isRenaming, setIsRenaming] = useState(false);
	const remove = () => {
		onClose();
		deleteFiles([file]).catch(tellProblem);
	};
	return (
		<Dialog title={file.filename} isWide onClose={onClose}>
			<Facts file={file} />
			{isRenaming ? (
				<Rename file={file} onDone={() => setIsRenaming(false)} />
			) : (
				<div className="buttons">
					{!file.e2e && (
						<a className="button main" href={addressOf('download', file.file_id)} download>
							<Icon name="download" />
							Download
						</a>
					)}
					{!file.e2e && (
						<button type="button" onClick={() => setIsRenaming(true)}>
							<Icon name="rename" />
							Rename
						</button>
					)}
					<button type="button" onClick={remove}>
						<Icon name="trash" />
						Delete
					</button>
				</div>
			)}
			{file.e2e && (
				<p className="hint">
					It is sealed end to end: open it where its key is, with <code>pjas-tui download</code>.
				</p>
			)}
		</Dialog>
	);
};

export default FileDialog;
