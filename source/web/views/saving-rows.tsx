import {useEffect} from 'react';
import {escapeControls} from '../../protocol/escape.js';
import {formatSize} from '../../format.js';
import {messageOf} from '../api.js';
import {endSaving, isSaving, type Saving, savings, startSaving} from '../savings.js';
import {useStore} from '../store.js';
import {Icon} from './parts.js';

const Row = ({saving}: {saving: Saving}) => {
	const {id, doneBytes, sizeBytes, error} = saving;
	const name = escapeControls(saving.name);
	const hasFailed = error !== undefined;
	return (
		<li className={hasFailed ? 'failed' : undefined}>
			<div className="what">
				<span className="name">{name}</span>
				<span className="hint" role={hasFailed ? 'alert' : undefined}>
					{hasFailed
						? `Not downloaded: ${messageOf(error)}`
						: `${formatSize(doneBytes)} of ${formatSize(sizeBytes)} opened`}
				</span>
				{!hasFailed && <progress aria-label={`Download of ${name}`} max={Math.max(1, sizeBytes)} value={doneBytes} />}
			</div>
			{hasFailed && (
				<button
					type="button"
					className="plain round"
					aria-label={`Try ${name} again`}
					onClick={() => void startSaving(saving)}
				>
					<Icon name="again" />
				</button>
			)}
			<button
				type="button"
				className="plain round"
				aria-label={hasFailed ? `Dismiss ${name}` : `Stop ${name}`}
				onClick={() => endSaving(id)}
			>
				<Icon name="close" />
			</button>
		</li>
	);
};

/** Downloads that are opened in this page: all of them, or that of one file. */
export const SavingRows = ({id}: {id?: string}) => {
	const all = useStore(savings);
	const shown = all.filter(saving => id === undefined || saving.id === id);
	useEffect(() => {
		const warn = (event: BeforeUnloadEvent) => {
			if (isSaving()) event.preventDefault();
		};
		window.addEventListener('beforeunload', warn);
		return () => window.removeEventListener('beforeunload', warn);
	}, []);
	if (shown.length === 0) return null;
	return (
		<ul className="transfers card" aria-label="Downloads">
			{shown.map(saving => (
				<Row key={saving.id} saving={saving} />
			))}
		</ul>
	);
};
