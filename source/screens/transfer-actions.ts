import type {Action, Console} from '../console/view.js';
import {createConfirm} from '../dialogs/confirm.js';
import {formatSize} from '../format.js';
import type {Transfer} from '../transfers/transfer.js';
import {hasEnded} from './transfer-facts.js';

const countOf = (count: number) => `${count} transfer${count === 1 ? '' : 's'}`;
const canPause = ({state}: Transfer) => state === 'queued' || state === 'active' || state === 'waiting';
const canGoOn = ({state}: Transfer) => state === 'paused';
const canRetry = ({state}: Transfer) => state === 'failed' || state === 'cancelled' || state === 'waiting';
const canCancel = (transfer: Transfer) => !hasEnded(transfer) || transfer.state === 'failed';

/** What is lost by cancelling, in words; nothing where no byte is through. */
const lossOf = (chosen: readonly Transfer[]): string[] => {
	const begun = chosen.filter(({doneBytes}) => doneBytes > 0);
	const sum = (kind: Transfer['kind']) =>
		begun.filter(each => each.kind === kind).reduce((bytes, {doneBytes}) => bytes + doneBytes, 0);
	const [uploaded, downloaded] = [sum('upload'), sum('download')];
	return [
		...(uploaded === 0 ? [] : [`${formatSize(uploaded)} are uploaded already. Nothing of them stays in the network.`]),
		...(downloaded === 0 ? [] : [`${formatSize(downloaded)} are here already. They are removed from this disk.`]),
	];
};

const pauseAll = ({transfers, notice}: Console, chosen: readonly Transfer[]): void => {
	const running = chosen.filter(canPause);
	if (running.length === 0) {
		for (const {id} of chosen.filter(canGoOn)) transfers.resume(id);
		return;
	}

	for (const {id} of running) transfers.pause(id);
	const isLost = running.some(({kind, doneBytes}) => kind === 'upload' && doneBytes > 0);
	if (isLost) notice({tone: 'info', text: 'Paused. An upload begins anew when it goes on: p again'});
};

/**
What can be done with the chosen or marked transfers.

@param done - Called after something was done that leaves no use for the marks.
*/
export const createTransferActions = (
	console: Console,
	chosen: () => readonly Transfer[],
	done: () => void = () => {},
): readonly Action[] => {
	const {transfers} = console;
	const unless = (test: (transfer: Transfer) => boolean, problem: string) => () => {
		const list = chosen();
		if (list.length === 0) return 'No transfer is chosen';
		return list.some(test) ? undefined : problem;
	};

	const cancel = () => {
		const list = chosen().filter(canCancel);
		const cancelAll = () => {
			for (const {id} of list) transfers.cancel(id);
			done();
		};
		const loss = lossOf(list);
		if (loss.length === 0) cancelAll();
		else {
			const title = `Cancel ${countOf(list.length)}`;
			const yes = list.length === 1 ? 'cancel it' : 'cancel them';
			console.open(createConfirm(console, {title, lines: loss, yes, run: cancelAll}));
		}
	};

	const retry = () => {
		for (const {id, state} of chosen().filter(canRetry)) {
			if (state === 'waiting') transfers.resume(id);
			else transfers.retry(id);
		}
		done();
	};

	const clear = () => {
		for (const {id} of chosen().filter(hasEnded)) transfers.clear(id);
		done();
	};

	return [
		{
			id: 'transfer.pause',
			run: () => pauseAll(console, chosen()),
			problem: unless(each => canPause(each) || canGoOn(each), 'It has ended: r tries it again, c takes it away'),
		},
		{id: 'transfer.cancel', run: cancel, problem: unless(canCancel, 'It has ended: c takes it out of the list')},
		{
			id: 'transfer.retry',
			run: retry,
			problem: unless(canRetry, 'Only what failed, waits or was cancelled is retried'),
		},
		{id: 'transfer.clear', run: clear, problem: unless(hasEnded, 'It has not ended: x cancels it first')},
		{
			id: 'transfer.clear-all',
			run() {
				transfers.clear();
				done();
			},
			problem: () => (transfers.get().some(hasEnded) ? undefined : 'Nothing has ended yet'),
		},
	];
};
