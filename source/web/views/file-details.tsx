import {type SubmitEvent, useState} from 'react';
import type {OpenedFile} from '../../client/opened-files.js';
import type {FileView} from '../../protocol/api.js';
import {formatSize} from '../../format.js';
import {addressOf, ApiError} from '../api.js';
import {deleteFiles, downloadSealed, isReadable, renameFile, sourceOf, tellProblem} from '../deeds.js';
import {textOf} from '../form-text.js';
import {kindOf} from '../model/kind.js';
import {safetyOf} from '../model/safety.js';
import {lockedText} from '../model/seal-words.js';
import {session} from '../session.js';
import {useStore} from '../store.js';
import {LockedNote} from './keyring.js';
import {later} from './later.js';
import {Field, Icon, Problem} from './parts.js';
import {SavingRows} from './saving-rows.js';
import {exactDate} from './words.js';

const Preview = later(async () => import('./preview.js'));
const Share = later(async () => import('./share.js'));

const readers = {
	private: 'Only its owner',
	network: 'Everybody who is signed in',
	public: 'Everybody',
};

const readersOf = ({visibility, shared_with: sharedWith}: FileView): string =>
	visibility === 'private' && sharedWith.length > 0 ? `Its owner, ${sharedWith.join(', ')}` : readers[visibility];

const Facts = ({file}: {file: OpenedFile}) => {
	const safety = safetyOf(file);
	const facts: [string, string, string?][] = [
		['Safety', safety.text, safety.state],
		['Size', formatSize(file.size)],
		['Uploaded', exactDate(file.uploaded_at)],
		['Kind', file.type],
		...(file.e2e ? ([['Sealed', 'End to end']] as [string, string][]) : []),
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

const Rename = ({file, onDone}: {file: OpenedFile; onDone: () => void}) => {
	const [problem, setProblem] = useState<unknown>();
	const submit = (event: SubmitEvent<HTMLFormElement>) => {
		event.preventDefault();
		const name = textOf(new FormData(event.currentTarget), 'name').trim();
		if (name === '') return;
		renameFile(file, name).then(onDone, setProblem);
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

/** Whether somebody may change a file, give it away or delete it. The coordinator decides; this says what is offered. */
const useMayChange = ({owner}: FileView): {mayChange: boolean; mayShare: boolean} => {
	const current = useStore(session);
	if (current.state !== 'signed-in') return {mayChange: false, mayShare: false};
	const {open, role, name} = current.who;
	const mayChange = open || role === 'admin' || owner === name;
	return {mayChange, mayShare: mayChange && !open};
};

type DeedsProps = {file: OpenedFile; onRename: () => void; onShare: () => void; onRemove: () => void};

const Deeds = ({file, onRename, onShare, onRemove}: DeedsProps) => {
	const {mayChange, mayShare} = useMayChange(file);
	return (
		<div className="buttons">
			{!file.e2e && file.seal === undefined && (
				<a className="button main" href={addressOf('download', file.file_id)} download>
					<Icon name="download" />
					Download
				</a>
			)}
			{file.seal === 'opened' && (
				<button type="button" className="main" onClick={() => downloadSealed(file)}>
					<Icon name="download" />
					Download
				</button>
			)}
			{mayShare && (!file.e2e || file.seal === 'opened') && (
				<button type="button" onClick={onShare}>
					<Icon name="share" />
					Share
				</button>
			)}
			{mayChange && isReadable(file) && (
				<button type="button" onClick={onRename}>
					<Icon name="rename" />
					Rename
				</button>
			)}
			{mayChange && (
				<button type="button" onClick={onRemove}>
					<Icon name="trash" />
					Delete
				</button>
			)}
		</div>
	);
};

const Content = ({file}: {file: OpenedFile}) => {
	const kind = isReadable(file) ? kindOf(file.type, file.filename) : undefined;
	// The browser's own view of a PDF takes the keyboard for itself: not before it is asked for.
	const [isAsked, setIsAsked] = useState(kind !== 'pdf');
	if (!kind) return null;
	if (!isAsked) {
		return (
			<div className="buttons">
				<button type="button" onClick={() => setIsAsked(true)}>
					Show it here
				</button>
			</div>
		);
	}

	return <Preview name={file.filename} size={file.size} kind={kind} source={sourceOf(file)} />;
};

/** All there is to know of a file, and to do with it. */
const FileDetails = ({file, onClose}: {file: OpenedFile; onClose: () => void}) => {
	const [doing, setDoing] = useState<'rename' | 'share'>();
	const locked = lockedText(file);
	const remove = () => {
		onClose();
		deleteFiles([file]).catch(tellProblem);
	};
	return (
		<>
			{doing === 'rename' ? (
				<Rename file={file} onDone={() => setDoing(undefined)} />
			) : (
				<Deeds
					file={file}
					onRename={() => setDoing('rename')}
					onShare={() => setDoing(doing === 'share' ? undefined : 'share')}
					onRemove={remove}
				/>
			)}
			<SavingRows id={file.file_id} />
			{locked !== undefined &&
				(file.seal === undefined ? (
					<LockedNote text={locked} />
				) : (
					<Problem error={new ApiError('SEAL_BROKEN', locked)} />
				))}
			{doing === 'share' && <Share file={file} />}
			{doing !== 'share' && <Content file={file} />}
			<Facts file={file} />
		</>
	);
};

export default FileDetails;
