import {auditWords} from '../audit-words.js';
import type {NodeView} from '../client/api.js';
import type {ActionId} from '../console/keymap.js';
import type {Action, Console, View} from '../console/view.js';
import {
	createCancelDrainDialog,
	createDrainDialog,
	createEndMaintenanceDialog,
	createLeaveDialog,
	createMaintenanceForm,
} from '../dialogs/node-care.js';
import {printable} from '../terminal/text.js';
import {nodeProblem} from './healing-rights.js';
import {createSafeToStop} from './safe-to-stop.js';

const ask = async (console: Console, {node_id: id, name}: NodeView) => {
	console.notice({tone: 'info', text: `Asking whether ${printable(name)} can be stopped`});
	const answer = await console.api.safeToStop(id);
	console.notice({
		...(answer.safe
			? {tone: 'ok', text: `${printable(name)} can be stopped now`}
			: {tone: 'warn', text: `${printable(name)} can't be stopped safely now`}),
	});
	console.open(createSafeToStop(console, name, answer));
};

const audit = async (console: Console, {node_id: id, name}: NodeView) => {
	console.notice({tone: 'info', text: `${printable(name)} is asked to prove what it holds`});
	const {outcome} = await console.api.auditNode(id);
	const isWell = outcome === 'passed' || outcome === 'nothing-held';
	const isLate = outcome === 'silent' || outcome === 'stale';
	console.notice({tone: isWell ? 'ok' : isLate ? 'warn' : 'bad', text: `${printable(name)} ${auditWords[outcome]}`});
};

/** A window that is over is no maintenance any more, whatever the record still says. */
const hasMaintenance = ({maintenance}: NodeView, nowMs: number) =>
	maintenance !== undefined && nowMs < maintenance.until;

/** What its owner and operators do with a node: empty it, let it leave, announce that it is away, ask whether it may be, have it audited. */
export const nodeActions = (console: Console, chosen: () => NodeView | undefined): readonly Action[] => {
	const problem = () => nodeProblem(console.live.get().whoami, chosen());
	const opening = (id: ActionId, create: (node: NodeView) => View): Action => ({
		id,
		run() {
			const node = chosen();
			if (node) console.open(create(node));
		},
		problem,
	});

	const asking = (id: ActionId, run: (console: Console, node: NodeView) => Promise<void>): Action => ({
		id,
		async run() {
			const node = chosen();
			if (node) await run(console, node);
		},
		problem,
	});

	return [
		opening('node.drain', node =>
			node.drain ? createCancelDrainDialog(console, node) : createDrainDialog(console, node),
		),
		opening('node.maintain', node =>
			hasMaintenance(node, console.clock.now())
				? createEndMaintenanceDialog(console, node)
				: createMaintenanceForm(console, node),
		),
		asking('node.safe', ask),
		asking('node.audit', audit),
		opening('node.leave', node => createLeaveDialog(console, node)),
	];
};
