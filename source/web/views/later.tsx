import {
	type ComponentType,
	Fragment,
	type FunctionComponent,
	type ReactNode,
	useCallback,
	useEffect,
	useState,
} from 'react';
import {loadPart} from '../api.js';
import {Problem, Waiting} from './parts.js';

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
			loadPart(load).then(({default: found}) => {
				loaded = found;
				setPart(() => found);
			}, setProblem);
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
