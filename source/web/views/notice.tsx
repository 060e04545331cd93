import {useEffect} from 'react';
import {told, tellProblem} from '../deeds.js';
import {useStore} from '../store.js';
import {Icon} from './parts.js';

const SHOWN_MS = 10_000;

/** Tells what was done last. Good news goes by itself. */
export const Notice = () => {
	const current = useStore(told);
	useEffect(() => {
		if (!current || current.isBad) return;
		const timer = window.setTimeout(() => {
			if (told.get() === current) told.set(undefined);
		}, SHOWN_MS);
		return () => window.clearTimeout(timer);
	}, [current]);

	const undo = current?.undo;
	return (
		<div className="notice" role="status" aria-live="polite">
			{current && (
				<div className={current.isBad ? 'bad' : undefined}>
					<p>{current.text}</p>
					{undo && (
						<button
							type="button"
							onClick={() => {
								told.set(undefined);
								undo.act().catch(tellProblem);
							}}
						>
							{undo.label}
						</button>
					)}
					<button type="button" className="plain round" aria-label="Dismiss" onClick={() => told.set(undefined)}>
						<Icon name="close" />
					</button>
				</div>
			)}
		</div>
	);
};
