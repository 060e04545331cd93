import type {Action, Console} from '../console/view.js';
import {printable} from '../terminal/text.js';
import type {ChunkPlace} from './healing-rows.js';
import {pauseProblem, repairProblem} from './healing-rights.js';

/** Pauses healing as a whole, or goes on. What the coordinator says then comes as an event, and to all who look. */
export const pauseAction = (console: Console, id: 'healing.pause' | 'healing.toggle'): Action => ({
	id,
	async run() {
		const {paused} = await console.api.pauseRepair(console.live.get().stats?.repair.paused !== true);
		console.notice({tone: 'ok', text: paused ? 'Healing is paused: P goes on with it' : 'Healing goes on'});
	},
	problem: () => pauseProblem(console.live.get().whoami),
});

/** The owner of a file as far as the list of files is here. */
const ownerOf = ({live}: Console, id: string) => live.get().files?.list.find(({file_id: file}) => file === id)?.owner;

const repairFile = async (console: Console, id: string) => {
	const chunks = await console.api.repairFile(id);
	const {stats, files} = console.live.get();
	const name = printable(files?.list.find(({file_id: file}) => file === id)?.filename ?? id);
	if (chunks === 0) {
		console.notice({tone: 'ok', text: `${name} has all its copies: there is nothing to repair`});
		return;
	}

	const many = chunks === 1 ? '1 chunk is' : `${chunks} chunks are`;
	const isPaused = stats?.repair.paused === true;
	console.notice(
		isPaused
			? {tone: 'warn', text: `${name}: ${many} next, but healing is paused: P goes on with it`}
			: {tone: 'ok', text: `${name}: ${many} repaired now, whoever may come back`},
	);
};

/** What can be done about a chunk: to have its file repaired, and to look at that. */
export const chunkActions = (console: Console, place: () => ChunkPlace | undefined): readonly Action[] => {
	const unchosen = () => (place() ? undefined : 'No chunk is chosen');
	const withFile =
		<Result>(run: (file: string) => Result) =>
		() => {
			const chosen = place();
			return chosen && run(chosen.file);
		};

	return [
		{
			id: 'healing.repair',
			run: withFile(async file => repairFile(console, file)),
			problem: () =>
				unchosen() ?? repairProblem(console.live.get().whoami, () => ownerOf(console, place()?.file ?? '')),
		},
		{id: 'healing.file', run: withFile(file => console.go({screen: 'files', file})), problem: unchosen},
	];
};
