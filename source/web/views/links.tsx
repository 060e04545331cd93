import {useCallback, useEffect, useState} from 'react';
import {escapeControls} from '../../protocol/escape.js';
import {type LinkView, linksSchema} from '../../protocol/people-api.js';
import {call} from '../api.js';
import {files} from '../files-store.js';
import {titleOf} from '../model/seal-words.js';
import {useStore} from '../store.js';
import {Empty, Icon, Problem, Waiting} from './parts.js';
import {linkText, revokeLink} from './share.js';
import {TakeBack} from './take-back.js';

/** All links that somebody made, and that still lead somewhere. */
const Links = () => {
	const [links, setLinks] = useState<LinkView[]>();
	const [problem, setProblem] = useState<unknown>();
	const load = useCallback(() => {
		setProblem(undefined);
		call('links', linksSchema).then(({links: found}) => setLinks(found), setProblem);
	}, []);
	useEffect(load, [load]);
	const {byId} = useStore(files);
	const nameOf = ({file_id: id, filename}: LinkView) => {
		const file = byId.get(id);
		return file ? titleOf(file) : escapeControls(filename);
	};
	return (
		<>
			<div className="bar">
				<h1>Shared links</h1>
			</div>
			{problem !== undefined && <Problem error={problem} again={load} />}
			{!links && problem === undefined && <Waiting what="Looking for links" />}
			{links?.length === 0 && (
				<Empty icon="share" title="You share nothing by a link">
					<p>Open a file and press Share: whoever has the link gets it, without an account.</p>
				</Empty>
			)}
			{links && links.length > 0 && (
				<ul className="rows card">
					{links.map(link => (
						<li key={link.id}>
							<Icon name="share" />
							<div className="grow">
								<p className="name">{nameOf(link)}</p>
								<p className="hint">
									Works {linkText(link)}. Made by {link.created_by}.
								</p>
							</div>
							<TakeBack what={`the link to ${nameOf(link)}`} act={async () => revokeLink(link)} onDone={load} />
						</li>
					))}
				</ul>
			)}
		</>
	);
};

export default Links;
