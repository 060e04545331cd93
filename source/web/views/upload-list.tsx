import {useEffect, useState} from 'react';
import {escapeControls} from '../../protocol/escape.js';
import {formatSize} from '../../format.js';
import {messageOf} from '../api.js';
import {useStore} from '../store.js';
import {
	clearUploads,
	isUploading,
	pauseUpload,
	removeUpload,
	resumeUpload,
	type Upload,
	uploads,
} from '../uploads/queue.js';
import {Icon} from './parts.js';
import {count} from './words.js';

/** More rows than this say nobody anything; those that matter come first. */
const MOST_ROWS = 50;

const stateText = ({state, sentBytes, file, error}: Upload): string => {
	if (state === 'done') return 'Stored safely';
	if (state === 'failed') return messageOf(error);
	if (state === 'paused') return `Paused at ${formatSize(sentBytes)} of ${formatSize(file.size)}`;
	if (error !== undefined) return `${messageOf(error)} It is tried again.`;
	if (state === 'waiting') return 'Waits';
	return sentBytes >= file.size
		? 'Being spread over the network'
		: `${formatSize(sentBytes)} of ${formatSize(file.size)}`;
};

const rank = {failed: 0, sending: 1, paused: 2, waiting: 3, done: 4};

const Row = ({upload}: {upload: Upload}) => {
	const {id, name, state, sentBytes, file, isSealed} = upload;
	const canPause = state === 'sending' || state === 'waiting';
	return (
		<li className={state}>
			<div className="what">
				<span className="name">
					{isSealed && <Icon name="lock" />}
					{escapeControls(name)}
					{isSealed && <span className="unseen"> (sealed end to end)</span>}
				</span>
				<span className="hint">{stateText(upload)}</span>
				{state !== 'done' && state !== 'failed' && (
					<progress aria-label={`Upload of ${name}`} max={Math.max(1, file.size)} value={sentBytes} />
				)}
			</div>
			{state === 'done' && <Icon name="check" />}
			{canPause && (
				<button type="button" className="plain round" aria-label={`Pause ${name}`} onClick={() => pauseUpload(id)}>
					<Icon name="pause" />
				</button>
			)}
			{(state === 'paused' || state === 'failed') && (
				<button
					type="button"
					className="plain round"
					aria-label={state === 'paused' ? `Go on with ${name}` : `Try ${name} again`}
					onClick={() => resumeUpload(id)}
				>
					<Icon name={state === 'paused' ? 'play' : 'again'} />
				</button>
			)}
			{state !== 'done' && (
				<button type="button" className="plain round" aria-label={`Cancel ${name}`} onClick={() => removeUpload(id)}>
					<Icon name="close" />
				</button>
			)}
		</li>
	);
};

const summaryOf = (all: readonly Upload[]): string => {
	const failed = all.filter(({state}) => state === 'failed').length;
	const open = all.filter(({state}) => state !== 'done' && state !== 'failed');
	if (open.length === 0)
		return failed > 0 ? `${count(failed, 'upload')} failed` : `${count(all.length, 'upload')} done`;
	const bytes = open.reduce((sum, {file}) => sum + file.size, 0);
	const sent = open.reduce((sum, {sentBytes}) => sum + sentBytes, 0);
	const left = `${count(open.length, 'file')} to upload, ${formatSize(bytes - sent)} left`;
	return failed > 0 ? `${left}, ${failed} failed` : left;
};

/** What is being uploaded, and what became of it. */
export const UploadList = () => {
	const all = useStore(uploads);
	const [isOpen, setIsOpen] = useState(true);
	useEffect(() => {
		const warn = (event: BeforeUnloadEvent) => {
			if (isUploading()) event.preventDefault();
		};
		window.addEventListener('beforeunload', warn);
		return () => window.removeEventListener('beforeunload', warn);
	}, []);
	if (all.length === 0) return null;
	const rows = [...all].sort((a, b) => rank[a.state] - rank[b.state] || a.id - b.id);
	const isOver = all.every(({state}) => state === 'done');
	return (
		<section className="uploads" aria-label="Uploads">
			<header>
				<h2>
					<span role="status">{summaryOf(all)}</span>
				</h2>
				<button type="button" className="plain" aria-expanded={isOpen} onClick={() => setIsOpen(!isOpen)}>
					{isOpen ? 'Hide' : 'Show'}
				</button>
				<button
					type="button"
					className="plain"
					onClick={clearUploads}
					disabled={!all.some(({state}) => state === 'done')}
				>
					{isOver ? 'Close' : 'Clear'}
				</button>
			</header>
			{isOpen && (
				<ul className="transfers">
					{rows.slice(0, MOST_ROWS).map(upload => (
						<Row key={upload.id} upload={upload} />
					))}
					{rows.length > MOST_ROWS && <li className="hint">and {rows.length - MOST_ROWS} more</li>}
				</ul>
			)}
		</section>
	);
};
