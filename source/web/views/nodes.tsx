import {type SubmitEvent, useCallback, useEffect, useState} from 'react';
import {
	nodeAnswerSchema,
	type NodeInvitationView,
	nodeInvitationsSchema,
	nodeInvitedSchema,
	type NodeView,
	okSchema,
} from '../../protocol/api.js';
import {type SafeToStop, safeToStopSchema} from '../../protocol/healing-api.js';
import {joinCommandOf} from '../../protocol/join-command.js';
import type {RouteName} from '../../protocol/routes.js';
import {formatSize} from '../../format.js';
import {call} from '../api.js';
import {tell, tellProblem} from '../deeds.js';
import {textOf} from '../form-text.js';
import {limitsOf, standingOf} from '../model/node-words.js';
import {useNodes} from '../nodes-store.js';
import {session} from '../session.js';
import {useStore} from '../store.js';
import {Copy} from './copy.js';
import {NodeLimits} from './node-limits.js';
import {Dialog, Empty, Field, Problem, Waiting} from './parts.js';
import {TakeBack} from './take-back.js';
import {count, exactDate} from './words.js';

const HOUR_S = 3600;

const safeText = ({safe, at_risk: atRisk, min_copies: least}: SafeToStop): string =>
	safe
		? 'Yes: everything on it has enough copies elsewhere.'
		: `Not yet: ${count(atRisk, 'part')} of files would have fewer than ${count(least, 'copy', 'copies')}. Empty it first.`;

type DeedProps = {node: NodeView; put: (node: NodeView) => void};

const NodeDeeds = ({node, put}: DeedProps) => {
	const [answer, setAnswer] = useState<string>();
	const {node_id: id, drain, maintenance, name} = node;
	const act = (route: RouteName, text: string, json?: unknown) => {
		call(route, nodeAnswerSchema, {id, json}).then(({node: changed}) => {
			put(changed);
			tell({text});
		}, tellProblem);
	};
	const askStop = () => {
		call('safeToStop', safeToStopSchema, {id}).then(found => setAnswer(safeText(found)), tellProblem);
	};
	return (
		<>
			<div className="buttons">
				<button type="button" onClick={askStop}>
					Can I stop it?
				</button>
				{maintenance ? (
					<button type="button" onClick={() => act('endMaintenance', `${name} is expected to be there again`)}>
						It stays after all
					</button>
				) : (
					<button
						type="button"
						onClick={() => act('maintainNode', `${name} may be away for a day`, {duration_s: 24 * HOUR_S})}
					>
						It is away for a day
					</button>
				)}
				{drain ? (
					<button type="button" onClick={() => act('cancelDrain', `${name} keeps what it still has`)}>
						Stop emptying it
					</button>
				) : (
					<button type="button" onClick={() => act('drainNode', `${name} is being emptied`, {leave: false})}>
						Empty it
					</button>
				)}
			</div>
			{answer !== undefined && <p role="status">{answer}</p>}
		</>
	);
};

const NodeCard = ({node, put}: DeedProps) => {
	const standing = standingOf(node);
	const {used_bytes: used, allocated_bytes: allocated} = node.storage_stats;
	const limits = limitsOf(node);
	return (
		<li className="card stack">
			<div className="bar">
				<h2>{node.name}</h2>
				<p className={standing.state}>{standing.text}</p>
			</div>
			<dl className="facts">
				<div>
					<dt>Storage</dt>
					<dd>
						{formatSize(used)} of {formatSize(allocated)} used
					</dd>
				</div>
				<div>
					<dt>Home</dt>
					<dd>{node.zone}</dd>
				</div>
				<div>
					<dt>Last heard of</dt>
					<dd>{exactDate(node.last_seen)}</dd>
				</div>
				{node.standing && (
					<div>
						<dt>Trust</dt>
						<dd>
							{Math.round(node.standing.score)} of 100, {count(node.standing.audits_passed, 'audit')} passed
						</dd>
					</div>
				)}
				{limits.map(([name, value]) => (
					<div key={name}>
						<dt>{name}</dt>
						<dd>{value}</dd>
					</div>
				))}
			</dl>
			<NodeLimits node={node} put={put} />
			<NodeDeeds node={node} put={put} />
		</li>
	);
};

const commandOf = (code: string): string => joinCommandOf(code, window.location.origin);

const Invite = ({isOpen, onClose}: {isOpen: boolean; onClose: () => void}) => {
	const [code, setCode] = useState<string>();
	const [problem, setProblem] = useState<unknown>();
	const submit = (event: SubmitEvent<HTMLFormElement>) => {
		event.preventDefault();
		const form = new FormData(event.currentTarget);
		const [zone, owner] = [textOf(form, 'zone').trim(), textOf(form, 'owner').trim()];
		const json = {...(zone !== '' && {zone}), ...(owner !== '' && {owner})};
		setProblem(undefined);
		call('inviteNode', nodeInvitedSchema, {json}).then(made => setCode(made.code), setProblem);
	};
	return (
		<Dialog title="Add a node" isWide onClose={onClose}>
			{code === undefined ? (
				<form className="stack" onSubmit={submit}>
					<p>
						A node is a program on a machine of yours that is on most of the time. It lends its disk to the network.
					</p>
					{isOpen && (
						<Field label="Whose node it is">{({id}) => <input id={id} name="owner" required maxLength={100} />}</Field>
					)}
					<Field
						label="Where it stands, if you have several homes"
						hint="Copies are kept in different homes. Nodes in one house get the same name here."
					>
						{({id, hintId}) => <input id={id} name="zone" maxLength={100} aria-describedby={hintId} />}
					</Field>
					{problem !== undefined && <Problem error={problem} />}
					<div className="buttons">
						<button type="submit" className="main">
							Make a code
						</button>
					</div>
				</form>
			) : (
				<>
					<p>Run this on that machine. The code is good for one node and for a week, and is shown this once.</p>
					<Copy label="The command" text={commandOf(code)} />
					<p className="hint">“100” is what it lends, in GB.</p>
				</>
			)}
		</Dialog>
	);
};

const Invitations = ({invitations, load}: {invitations: NodeInvitationView[]; load: () => void}) => {
	const open = invitations.filter(({uses_left: left}) => left > 0);
	if (open.length === 0) return null;
	return (
		<>
			<h2>Codes that nobody used yet</h2>
			<ul className="rows card">
				{open.map(invitation => {
					const text = `for a node of ${invitation.owner}, until ${exactDate(invitation.expires_at)}`;
					return (
						<li key={invitation.id}>
							<span>A code {text}</span>
							<TakeBack
								what={`the code ${text}`}
								act={async () => call('revokeNodeInvitation', okSchema, {id: invitation.id})}
								onDone={load}
							/>
						</li>
					);
				})}
			</ul>
		</>
	);
};

/** The nodes that somebody runs, and how to add one. */
const MyNodes = () => {
	const current = useStore(session);
	const who = current.state === 'signed-in' ? current.who : undefined;
	const {nodes, problem, load, put} = useNodes();
	const [invitations, setInvitations] = useState<NodeInvitationView[]>([]);
	const [isInviting, setIsInviting] = useState(false);
	const loadInvitations = useCallback(() => {
		call('nodeInvitations', nodeInvitationsSchema).then(({invitations: found}) => setInvitations(found), tellProblem);
	}, []);
	useEffect(loadInvitations, [loadInvitations]);
	const mine = nodes?.filter(({owner}) => who?.open === true || owner === who?.name);
	return (
		<div className="stack">
			<div className="bar">
				<h1>My nodes</h1>
				<button type="button" className="main" onClick={() => setIsInviting(true)}>
					Add a node
				</button>
			</div>
			{problem !== undefined && <Problem error={problem} again={load} />}
			{!mine && problem === undefined && <Waiting what="Looking for your nodes" />}
			{mine?.length === 0 && (
				<Empty icon="home" title="You run no node yet">
					<p>With a node you lend disk space to the others, as they do to you.</p>
				</Empty>
			)}
			{mine && mine.length > 0 && (
				<ul className="stack">
					{mine.map(node => (
						<NodeCard key={node.node_id} node={node} put={put} />
					))}
				</ul>
			)}
			<Invitations invitations={invitations} load={loadInvitations} />
			{isInviting && (
				<Invite
					isOpen={who?.open ?? false}
					onClose={() => {
						setIsInviting(false);
						loadInvitations();
					}}
				/>
			)}
		</div>
	);
};

export default MyNodes;
