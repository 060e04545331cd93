import {
	type ComponentType,
	Fragment,
	type FunctionComponent,
	type ReactNode,
	useCallback,
	useEffect,
	useState,
} from 'react';
import {ApiError} from '../api.js';
import {Problem, Waiting} from './parts.js';

/** The line may be down; or the coordinator is another version by now, whose page has other parts. */
const notLoaded = (cause: unknown) =>
	new ApiError(
		'OFFLINE',
		'This part of the page can’t be loaded. Check your connection, then try again. If that doesn’t help, load the page anew.',
		cause,
	);

/**
A part of the page that is loaded when it is first shown. Where it can't be, that is said in its place, and can be tried
again; all around it goes on, such as uploads. (React's own `lazy` takes the whole page away then, and never tries again.)

@param load - Imports its module, which has it as its default.
@param Frame - What stands around it until it is there.
*/
export const later = <Props extends object>(
	load: () => Promise<{default: ComponentType<Props>}>,
	Frame: ComponentType<{children: ReactNode}> = Fragment,
): FunctionComponent<Props> => {
	let loaded: ComponentType<Props> | undefined;
	return props => {
		const [Part, setPart] = useState(() => loaded);
		const [problem, setProblem] = useState<unknown>();
		const fetchPart = useCallback(() => {
			setProblem(undefined);
			load().then(
				({default: found}) => {
					loaded = found;
					setPart(() => found);
				},
				(error: unknown) => setProblem(notLoaded(error)),
			);
		}, []);
		useEffect(() => {
			if (!loaded) fetchPart();
		}, [fetchPart]);
		if (Part) return <Part {...props} />;
		return (
			<Frame>
				{problem === undefined ? <Waiting what="Opening" /> : <Problem error={problem} again={fetchPart} />}
			</Frame>
		);
	};
};
