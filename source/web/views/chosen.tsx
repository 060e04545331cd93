import {useState} from 'react';
import type {OpenedFile} from '../../client/opened-files.js';
import {formatSize} from '../../format.js';
import {MOST_ZIPPED} from '../../protocol/api.js';
import {addressOf} from '../api.js';
import {deleteFiles, downloadZipped, isReadable, tellProblem} from '../deeds.js';
import {Icon} from './parts.js';
import {count} from './words.js';

export type SelectionOf = {
	chosen: readonly OpenedFile[];
	/** With what is in the folders that are shown. */
	shown: readonly OpenedFile[];
	isAll: boolean;
	/** How many of these are chosen. */
	state: (files: readonly OpenedFile[]) => 'all' | 'some' | 'none';
	choose: (files: readonly OpenedFile[]) => void;
	/** Chooses these as well, or where all of them are chosen, none of them. */
	toggle: (files: readonly OpenedFile[]) => void;
};

/** What is chosen, of what is shown: what is gone or out of sight is not. */
export const useSelection = (shown: readonly OpenedFile[]): SelectionOf => {
	const [ids, setIds] = useState<ReadonlySet<string>>(new Set());
	const isChosen = ({file_id: id}: OpenedFile) => ids.has(id);
	const chosen = shown.filter(isChosen);
	const choose: SelectionOf['choose'] = wanted => setIds(new Set(wanted.map(({file_id: id}) => id)));
	const state: SelectionOf['state'] = files => (files.every(isChosen) ? 'all' : files.some(isChosen) ? 'some' : 'none');
	return {
		chosen,
		shown,
		isAll: chosen.length > 0 && chosen.length === shown.length,
		state,
		choose,
		toggle(files) {
			const toggled = new Set(files);
			const rest = chosen.filter(file => !toggled.has(file));
			choose(state(files) === 'all' ? rest : [...rest, ...files]);
		},
	};
};

/** What is done with all that is chosen. */
export const ChosenBar = ({selection: {chosen, choose}}: {selection: SelectionOf}) => {
	const [isBusy, setIsBusy] = useState(false);
	if (chosen.length === 0) return null;
	const zipped = chosen.map(({file_id: id}) => id);
	const canZip = chosen.every(isReadable);
	// The coordinator makes no zip of what it can't open, nor of more than an address can name.
	const isZippedHere = zipped.length > MOST_ZIPPED || chosen.some(({e2e}) => e2e);
	const remove = () => {
		setIsBusy(true);
		deleteFiles(chosen)
			.catch(tellProblem)
			.finally(() => setIsBusy(false));
	};
	return (
		<div className="chosen-bar" role="region" aria-label="What is chosen">
			<p role="status">
				{count(chosen.length, 'file')}, {formatSize(chosen.reduce((sum, {size}) => sum + size, 0))}
			</p>
			{canZip && isZippedHere && (
				<button type="button" onClick={() => downloadZipped(chosen)}>
					<Icon name="download" />
					Download
				</button>
			)}
			{canZip && !isZippedHere && (
				<a className="button" href={addressOf('downloadZip', undefined, {ids: zipped.join(',')})} download>
					<Icon name="download" />
					Download
				</a>
			)}
			{!canZip && <p className="hint">Some of it can’t be opened here, so it is not downloaded together.</p>}
			<button type="button" onClick={remove} disabled={isBusy}>
				<Icon name="trash" />
				Delete
			</button>
			<button type="button" className="plain" onClick={() => choose([])}>
				Choose none
			</button>
		</div>
	);
};
