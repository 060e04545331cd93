import {tellProblem} from '../deeds.js';

type TakeBackProps = {what: string; act: () => Promise<unknown>; onDone: () => void};

/** Ends what was given out: a link, or a code. */
export const TakeBack = ({what, act, onDone}: TakeBackProps) => (
	<button
		type="button"
		aria-label={`Take back ${what}`}
		onClick={() => {
			act().catch(tellProblem).finally(onDone);
		}}
	>
		Take back
	</button>
);
