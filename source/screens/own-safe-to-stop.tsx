import {type Line, Lines} from '../components/lines.js';
import {insideOf, Panel} from '../components/panel.js';
import {timeOfDay} from '../console/age.js';
import {fit} from '../console/table-layout.js';
import type {Piece} from '../console/table.js';
import type {Action, MemberConsole, View} from '../console/view.js';
import {wrap} from '../console/wrap.js';
import type {NodeSafeToStop} from '../protocol/healing-api.js';
import {printable} from '../terminal/text.js';
import {unreached} from './own-reached.js';
import {stopReason} from '../safe-to-stop-words.js';
import {sentence} from './waiting.js';

type State = {kind: 'asking'} | {kind: 'told'; answer: NodeSafeToStop; atMs: number} | {kind: 'unknown'; why: string};

const TITLE = 'Is it safe to stop this node now?';

const verdicts = {
	asking: {text: 'Asking', tone: 'muted'},
	unknown: {text: 'NOT KNOWN', tone: 'warn', isBold: true},
	yes: {text: 'YES', tone: 'ok', isBold: true},
	no: {text: 'NO', tone: 'bad', isBold: true},
} as const satisfies Record<string, Piece>;

const verdictOf = (state: State): Piece => {
	if (state.kind !== 'told') return verdicts[state.kind];
	return state.answer.safe ? verdicts.yes : verdicts.no;
};

const fewestText = ({shards, fewest_copies: fewest}: NodeSafeToStop): string => {
	if (fewest === null) return '';
	if (fewest === 0) return ` ${shards === 1 ? 'It' : 'Some'} would have none, and could not be read.`;
	return ` ${shards === 1 ? 'It' : 'Each'} would still have ${fewest === 1 ? 'one' : `at least ${fewest}`}.`;
};

const textsOf = (state: State): readonly string[] => {
	if (state.kind === 'asking') return ['The node asks its coordinator, which knows the copies that others have.'];
	if (state.kind === 'unknown') {
		return [sentence(state.why), 'Until somebody knows better, take it that its copies are needed. T asks again.'];
	}

	const {answer, atMs} = state;
	if (answer.safe) return [stopReason(answer), `That was so at ${timeOfDay(atMs)}. T asks again.`];
	return [
		stopReason(answer) + fewestText(answer),
		'Let healing go on first, and ask again with T; or have it leave (L on its screens): its shards move elsewhere then.',
	];
};

/** Whether the own node can be stopped now, as its coordinator says. It is asked at once, and again when somebody wants to know. */
export const createOwnSafeToStop = (console: MemberConsole): View => {
	let state: State = {kind: 'asking'};
	/** Which of the questions is the last one: an earlier one's answer is none any more. */
	let asked = 0;

	const ask = async () => {
		const number = ++asked;
		state = {kind: 'asking'};
		console.changed();
		const next = await console.node
			.ask(async api => api.safeToStop())
			.then(
				(answer): State => ({kind: 'told', answer, atMs: console.clock.now()}),
				(error: unknown): State => ({kind: 'unknown', why: error instanceof Error ? error.message : String(error)}),
			);
		if (number !== asked) return;
		state = next;
		console.changed();
	};

	const again: Action = {
		id: 'own.safe',
		problem: () => unreached(console) ?? (state.kind === 'asking' ? 'It is being asked' : undefined),
		run: () => void ask(),
	};

	void ask();
	return {
		title: () => TITLE,
		actions: () => [again],
		render(area) {
			const {columns: width, rows} = insideOf(area);
			const lines: Line[] = [
				{pieces: fit(verdictOf(state), width, console.theme.glyphs.ellipsis)},
				...textsOf(state)
					.flatMap(text => wrap(printable(text), width))
					.map((text): Line => ({pieces: [{text}]})),
			];
			return (
				<Panel title={TITLE} note="Esc back" area={area} theme={console.theme} isFocused>
					<Lines theme={console.theme} lines={lines} rows={rows} />
				</Panel>
			);
		},
		// Another title for each answer, so that it is read out.
		describe: () => ({title: `${TITLE} ${verdictOf(state).text}`, lines: textsOf(state)}),
		dispose() {
			asked++;
		},
	};
};
