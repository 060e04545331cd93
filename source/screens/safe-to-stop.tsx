import {Box} from 'ink';
import type {SafeToStop} from '../client/healing-contract.js';
import {type Line, Lines} from '../components/lines.js';
import {insideOf, Panel} from '../components/panel.js';
import {TableView} from '../components/table-view.js';
import {createTable, type Column} from '../console/table.js';
import {fit} from '../console/table-layout.js';
import type {Area, Console, View} from '../console/view.js';
import {wrap} from '../console/wrap.js';
import type {RiskView} from '../protocol/healing-api.js';
import {printable} from '../terminal/text.js';
import {createChunkWhy} from './chunk-why.js';
import {stopReason} from '../safe-to-stop-words.js';

const columns: Column<RiskView>[] = [
	{
		id: 'file',
		title: 'FILE',
		min: 18,
		grow: 1,
		priority: 0,
		cell: ({filename, file_id: id}) => (filename === '' ? {text: id, tone: 'muted'} : filename),
		sortBy: ({filename}) => filename,
	},
	{id: 'chunk', title: 'CHUNK', min: 5, priority: 2, align: 'right', cell: ({index}) => String(index)},
	{
		id: 'copies',
		title: 'ELSEWHERE',
		min: 12,
		priority: 1,
		cell: ({copies, wanted}) => ({
			text: copies === 0 ? `NONE of ${wanted}` : `${copies} of ${wanted}`,
			tone: copies === 0 ? 'bad' : 'warn',
		}),
		sortBy: ({copies}) => copies,
	},
];

/** The answer in words: yes or no, why, and what helps. */
const answerOf = (answer: SafeToStop): readonly string[] => {
	const {safe, at_risk: risks, chunks} = answer;
	if (safe) return [stopReason(answer)];
	const shown = chunks.length < risks ? ` The first ${chunks.length} of them:` : '';
	return [stopReason(answer) + shown, 'Let healing go on first (7), or empty it (D).'];
};

/** Whether a node can be stopped now, and which chunks would be at risk. */
export const createSafeToStop = (console: Console, name: string, answer: SafeToStop): View => {
	const {safe} = answer;
	const table = createTable<RiskView>({
		columns,
		rows: () => answer.chunks,
		keyOf: ({file_id: file, index}) => `${file} ${index}`,
		textOf: ({filename, file_id: file}) => `${filename} ${file}`,
		changed: console.changed,
		open: ({file_id: file, index}) => console.open(createChunkWhy(console, {file, index})),
		copy: ({file_id: file}) => console.copy(file),
	});
	const title = `Is it safe to stop ${printable(name)} now?`;
	const verdict = safe ? 'YES' : 'NO';

	const said = (width: number): Line[] => [
		{pieces: fit({text: verdict, tone: safe ? 'ok' : 'bad', isBold: true}, width, console.theme.glyphs.ellipsis)},
		...answerOf(answer)
			.flatMap(text => wrap(text, width))
			.map((text): Line => ({pieces: [{text}]})),
	];

	return {
		title: () => title,
		actions: () => (answer.chunks.length === 0 ? [] : table.actions()),
		isTyping: table.isTyping,
		key: table.key,
		back: table.reset,
		render(area: Area) {
			const lines = said(insideOf(area).columns);
			const above = {
				columns: area.columns,
				rows: answer.chunks.length === 0 ? area.rows : Math.min(lines.length + 2, area.rows - 5),
			};
			const list = {columns: area.columns, rows: area.rows - above.rows};
			return (
				<Box flexDirection="column">
					<Panel title={title} note="Esc back" area={above} theme={console.theme} isFocused={list.rows === 0}>
						<Lines theme={console.theme} lines={lines} rows={insideOf(above).rows} />
					</Panel>
					{list.rows > 0 && (
						<Panel title="Chunks at risk" note="Enter shows why" area={list} theme={console.theme} isFocused>
							<TableView table={table} area={insideOf(list)} theme={console.theme} empty={[]} />
						</Panel>
					)}
				</Box>
			);
		},
		describe() {
			const risk = answer.chunks.length === 0 ? undefined : table.selected();
			const selection =
				risk &&
				`chunk ${risk.index} of ${printable(risk.filename === '' ? risk.file_id : risk.filename)}, ${risk.copies} of ${risk.wanted} copies elsewhere`;
			return {title, ...(selection !== undefined && {selection}), lines: [verdict, ...answerOf(answer)]};
		},
	};
};
