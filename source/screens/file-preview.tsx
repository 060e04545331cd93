import type {ReactNode} from 'react';
import {Lines} from '../components/lines.js';
import {insideOf, Panel} from '../components/panel.js';
import type {Area, Console} from '../console/view.js';
import type {FileView} from '../protocol/api.js';
import {factLines} from './file-facts.js';
import {createReplication, type Replication} from './replication.js';
import {mapBlock, mapNote, problemLines} from './replication-lines.js';

/** The map of the file that is chosen in the list. */
export type FilePreview = {
	/** Another file is the chosen one, or it is another than it was. */
	choose: (file: FileView | undefined) => void;
	/** Nobody sees it now. */
	hide: () => void;
	of: (file: FileView) => Replication | undefined;
	close: () => void;
};

/** So long must a file be chosen before its map is asked for: whoever passes by asks for nothing. */
const STAYS_MS = 150;
const MOST_KEPT = 16;
/** Enough for a first impression. The details have all of them. */
export const MOST_PREVIEWED = 1000;

/** A map that old is asked for again when its file is chosen again. */
const FRESH_MS = 30_000;

type Kept = {file: FileView; replication: Replication; atMs: number};

export const createFilePreview = (console: Console): FilePreview => {
	const kept = new Map<string, Kept>();
	let chosen: FileView | undefined;
	let cancel = () => {};

	const fetch = (file: FileView) => {
		kept.get(file.file_id)?.replication.close();
		kept.delete(file.file_id);
		const replication = createReplication({console, fileId: file.file_id, mostChunks: MOST_PREVIEWED});
		kept.set(file.file_id, {file, replication, atMs: console.clock.now()});
		for (const [id, {replication: old}] of [...kept].slice(0, Math.max(0, kept.size - MOST_KEPT))) {
			old.close();
			kept.delete(id);
		}

		replication.load();
	};

	const isFresh = (file: FileView): boolean => {
		const known = kept.get(file.file_id);
		if (known?.file !== file || known.replication.problem() !== undefined) return false;
		return console.clock.now() - known.atMs < FRESH_MS;
	};

	return {
		choose(file) {
			if (file === chosen) return;
			chosen = file;
			cancel();
			if (!file || file.chunks_count === 0 || isFresh(file)) return;
			// What is known stays on the screen while nobody answers, and is asked for again afterwards.
			if (kept.has(file.file_id) && console.live.get().connection.state !== 'live') {
				chosen = undefined;
				return;
			}

			cancel = console.clock.timer(STAYS_MS, () => fetch(file));
		},
		hide() {
			cancel();
			chosen = undefined;
		},
		of: file => kept.get(file.file_id)?.replication,
		close() {
			cancel();
			for (const {replication} of kept.values()) replication.close();
			kept.clear();
		},
	};
};

type FilePanelProps = {file: FileView; replication: Replication | undefined; console: Console; area: Area};

/** The chosen file's facts beside the list, and its map once that is here. */
export const FilePanel = ({file, replication, console, area}: FilePanelProps): ReactNode => {
	const {theme} = console;
	const inside = insideOf(area);
	const facts = factLines(file, console, inside.columns, Math.min(inside.rows, 10));
	const states = replication?.states();
	const problem = replication?.problem();
	const rows = inside.rows - facts.length - 2;
	const map =
		states && rows > 0
			? [
					{pieces: [{text: ' '}]},
					{pieces: [{text: mapNote(states), isBold: true}]},
					...mapBlock({states, isCheck: false, area: {columns: inside.columns, rows}, theme}),
				]
			: problemLines(problem ?? '', inside.columns);
	return (
		<Panel title="Chosen" note="Enter opens it" area={area} theme={theme}>
			<Lines theme={theme} lines={[...facts, ...map]} rows={inside.rows} />
		</Panel>
	);
};
