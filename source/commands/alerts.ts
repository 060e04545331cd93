import type {AlertsView} from '../client/healing-contract.js';
import {quoted} from '../command-line.js';
import {formatTime} from '../format.js';
import {escapeControls} from '../protocol/escape.js';
import {PjasError} from '../protocol/errors.js';
import {type CommandContext, isOn, jsonLine, refuseReadOnly, type RunCommand} from './context.js';
import {exitCodes} from './failures.js';

const receiverLine = ({
	receiver,
	pending,
	problem,
	delivered_at: deliveredAt,
}: AlertsView['webhooks'][number]): string => {
	const waiting = pending > 0 ? `, ${pending} waiting` : '';
	if (problem !== null) return `${receiver}: ${problem}${waiting}`;
	return `${receiver}: ${deliveredAt === null ? 'nothing told yet' : `last told ${formatTime(deliveredAt)}`}${waiting}`;
};

const textOf = ({open, webhooks}: AlertsView): string => {
	const alerts = open.flatMap(({code, severity, text, remedy, opened_at: openedAt}) => [
		`${severity === 'critical' ? 'CRITICAL' : 'warning '}  ${code}, since ${formatTime(openedAt)} UTC`,
		`          ${text}.`,
		`          ${remedy}`,
	]);
	const receivers =
		webhooks.length === 0
			? ['No webhook is told: start the coordinator with --webhook URL']
			: ['Webhooks', ...webhooks.map(each => `  ${receiverLine(each)}`)];
	return [...(alerts.length > 0 ? alerts : ['No alert is open']), '', ...receivers, ''].map(escapeControls).join('\n');
};

const list: RunCommand = async context => {
	const alerts = await context.api.alerts();
	await context.stdout.write(isOn(context, 'json') ? jsonLine(alerts) : textOf(alerts));
	return exitCodes.done;
};

const test: RunCommand = async context => {
	refuseReadOnly(context, 'alerts test');
	const deliveries = await context.api.testAlerts();
	const lines = deliveries.map(({receiver, problem}) => escapeControls(`${receiver}: ${problem ?? 'has the test'}`));
	await context.stdout.write(isOn(context, 'json') ? jsonLine(deliveries) : `${lines.join('\n')}\n`);
	return deliveries.every(({delivered}) => delivered) ? exitCodes.done : exitCodes.failed;
};

const actions = {list, test};

export const alerts: RunCommand = async (context: CommandContext) => {
	const [word = 'list', extra] = context.words;
	if (!Object.hasOwn(actions, word)) {
		throw new PjasError('INVALID_CONFIGURATION', `${quoted(word)} is nothing that alerts does: list or test`);
	}

	if (extra !== undefined) {
		throw new PjasError('INVALID_CONFIGURATION', `${quoted(extra)} is one word too many: pjas-tui alerts ${word}`);
	}

	return actions[word as keyof typeof actions](context);
};
