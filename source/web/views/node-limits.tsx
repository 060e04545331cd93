import {type SubmitEvent, useState} from 'react';
import {ALLOW_COMMAND, wishesOf, writtenLimit} from '../../limit-wishes.js';
import {nodeAnswerSchema, type NodeView} from '../../protocol/api.js';
import {limitRules, type RemoteLimitName, remoteLimitNames} from '../../protocol/member-limits.js';
import {ApiError, call} from '../api.js';
import {tell, tellProblem} from '../deeds.js';
import {textOf} from '../form-text.js';
import {saidWish} from '../model/node-words.js';
import {Dialog, Field, Problem} from './parts.js';

/** Limits of a node that is somebody's own: how they are, what was asked for, and asking for others. */

type Asked = {node: NodeView; put: (node: NodeView) => void};

const fields: Record<RemoteLimitName, {label: string; hint: string}> = {
	space: {label: 'Space that it lends', hint: 'Such as 200GB.'},
	up: {label: 'Sends at most, in a second', hint: 'Such as 2MB; 0 is no limit.'},
	down: {label: 'Takes in at most, in a second', hint: 'Such as 10MB; 0 is no limit.'},
	monthly_cap: {label: 'Carries at most, in a month', hint: 'Both ways together, such as 500GB; 0 is no limit.'},
	schedule: {label: 'Other rates by the hour', hint: 'Such as mon-fri 08:00-18:00 up=1MB; sat,sun up=5MB. Or none.'},
	hours: {label: 'When it takes part', hint: 'Such as mon-fri 18:00-23:00; sat,sun. Or always.'},
};

/** What the form begins with: what was asked for and is still to come, else what holds. */
const initialOf = (node: NodeView): Record<RemoteLimitName, string> => {
	const open = new Map(
		wishesOf(node).map(({name, wish, state}) => [name, state === 'overruled' ? undefined : wish.value]),
	);
	const text = (name: RemoteLimitName) => writtenLimit(name, open.get(name) ?? node.line?.limits?.[name] ?? '');
	return Object.fromEntries(remoteLimitNames.map(name => [name, text(name)])) as Record<RemoteLimitName, string>;
};

const wrongIn = (changes: readonly (readonly [RemoteLimitName, string])[]): ApiError | undefined => {
	const wrong = changes.find(([name, text]) => limitRules[name].parse(text) === undefined);
	if (!wrong) return undefined;
	const [name, text] = wrong;
	const problem = `“${fields[name].label}” can’t be “${text}”. Allowed: ${limitRules[name].allowed}.`;
	return new ApiError('INVALID_REQUEST', problem);
};

const LimitsForm = ({node, put, onClose}: Asked & {onClose: () => void}) => {
	const [initial] = useState(() => initialOf(node));
	const [problem, setProblem] = useState<unknown>();
	const [isBusy, setIsBusy] = useState(false);
	const submit = (event: SubmitEvent<HTMLFormElement>) => {
		event.preventDefault();
		const form = new FormData(event.currentTarget);
		const changes = remoteLimitNames
			.map(name => [name, textOf(form, name).trim()] as const)
			.filter(([name, text]) => text !== initial[name]);
		const wrong = wrongIn(changes);
		setProblem(wrong);
		if (wrong) return;
		if (changes.length === 0) {
			onClose();
			return;
		}

		setIsBusy(true);
		call('setNodeLimits', nodeAnswerSchema, {id: node.node_id, json: Object.fromEntries(changes)}).then(
			({node: changed}) => {
				put(changed);
				tell({text: `${node.name} is asked for other limits`});
				onClose();
			},
			(error: unknown) => {
				setProblem(error);
				setIsBusy(false);
			},
		);
	};
	return (
		<form className="stack" onSubmit={submit} noValidate>
			<div className="node-limits">
				{remoteLimitNames.map(name => (
					<Field key={name} label={fields[name].label} hint={fields[name].hint}>
						{({id, hintId}) => (
							<input id={id} name={name} defaultValue={initial[name]} maxLength={500} aria-describedby={hintId} />
						)}
					</Field>
				))}
			</div>
			{problem !== undefined && <Problem error={problem} />}
			<div className="buttons">
				<button type="submit" className="main" disabled={isBusy}>
					Ask for it
				</button>
				<button type="button" onClick={onClose}>
					Leave as it is
				</button>
			</div>
		</form>
	);
};

const NotAllowed = () => (
	<p className="hint">
		Its limits are set on its own machine. To let them be set from here too, run there: <code>{ALLOW_COMMAND}</code>
	</p>
);

/** What there is to do about the limits of a node. */
export const NodeLimits = ({node, put}: Asked) => {
	const [isOpen, setIsOpen] = useState(false);
	const {limits, remote} = node.line ?? {};
	if (!node.line) return null;
	if (!limits || !remote) {
		return (
			<p className="hint">
				Its limits are set on its own machine: <code>pjas-daemon set up 2MB</code>, for one.
			</p>
		);
	}

	const open = wishesOf(node).filter(({state}) => state !== 'applied');
	const takeBack = () => {
		call('endNodeWishes', nodeAnswerSchema, {id: node.node_id}).then(({node: changed}) => put(changed), tellProblem);
	};
	return (
		<>
			<div role="status" aria-label={`Limits that ${node.name} is asked for`}>
				{open.map(asked => (
					<p key={asked.name}>{saidWish(asked, node)}</p>
				))}
			</div>
			{!remote.allowed && <NotAllowed />}
			<div className="buttons">
				<button type="button" onClick={() => setIsOpen(true)}>
					Set limits
				</button>
				{open.length > 0 && (
					<button type="button" onClick={takeBack}>
						Don’t ask for it
					</button>
				)}
			</div>
			{isOpen && (
				<Dialog title={`Limits of ${node.name}`} isWide onClose={() => setIsOpen(false)}>
					{!remote.allowed && <NotAllowed />}
					<LimitsForm node={node} put={put} onClose={() => setIsOpen(false)} />
				</Dialog>
			)}
		</>
	);
};
