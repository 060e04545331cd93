import {setTimeout as delay} from 'node:timers/promises';
import type {Chance} from './crash-chance.js';
import {download, remove, restore, upload} from './crash-client.js';
import type {Ledger} from './crash-ledger.js';

const MIB = 1024 * 1024;
/** Beyond these, files are deleted rather than uploaded. */
const MOST_FILES = 40;
const MOST_BYTES = 40 * MIB;
/** What somebody does before the next call; so that a network that is away is not asked a thousand times meanwhile, too. */
const REST_MS = 40;

export type ChaosClients = {
	/** Resolves once so many more calls than now have ended, whatever their answers. */
	calls: (count: number) => Promise<void>;
	/** Lets the calls that are under way end. Gives what should not have been. */
	stop: () => Promise<string[]>;
};

const drawSize = (chance: Chance): number => {
	const kind = chance.between(1, 30);
	if (kind <= 2) return 0;
	if (kind === 3) return 10 * MIB + chance.pick([-1, 0, 1]);
	if (kind <= 8) return chance.between(100_000, 1_000_000);
	return chance.between(1, 50_000);
};

type Waiter = {left: number; resolve: () => void};

type Surroundings = {url: string; ledger: Ledger; chance: Chance; nameOf: (sizeBytes: number) => string};

/**
People who upload, download, delete and bring back, each one call after the other. The network may refuse or break off what
it can't do now; what it must never do is to send another byte than was stored.
*/
export const startChaosClients = (many: number, {url, ledger, chance, nameOf}: Surroundings): ChaosClients => {
	const problems: string[] = [];
	const waiting = new Set<Waiter>();
	let isOver = false;

	const uploadOne = async () => {
		const bytes = chance.bytes(drawSize(chance));
		const name = nameOf(bytes.length);
		const outcome = await upload(url, name, bytes);
		ledger.uploaded(name, bytes, outcome);
		if (outcome.kind === 'refused' && outcome.status < 500) problems.push(`${name} was refused: ${outcome.code}`);
	};

	const removeOne = async () => {
		const kept = ledger.kept();
		if (kept.length === 0) return;
		const file = chance.pick(kept);
		ledger.removing(file);
		const outcome = await remove(url, file.id);
		ledger.removed(file, outcome);
		if (outcome.kind === 'refused') problems.push(`the removal of ${file.name} was refused: ${outcome.code}`);
	};

	const restoreOne = async () => {
		const gone = ledger.gone();
		if (gone.length === 0) return;
		const file = chance.pick(gone);
		ledger.restoring(file);
		const outcome = await restore(url, file.id);
		if (outcome.kind === 'restored') ledger.restored(file);
		if (outcome.kind === 'refused') problems.push(`the return of ${file.name} was refused: ${outcome.code}`);
	};

	const downloadOne = async () => {
		const kept = ledger.kept();
		if (kept.length === 0) return;
		const file = chance.pick(kept);
		const outcome = await download(url, file.id);
		if (outcome.kind === 'whole' && !ledger.isRight(file, outcome)) {
			problems.push(`${file.name} came back as ${JSON.stringify(outcome)}`);
		}
	};

	const isFull = () => {
		const kept = ledger.kept();
		return kept.length > MOST_FILES || kept.reduce((sum, {sizeBytes}) => sum + sizeBytes, 0) > MOST_BYTES;
	};

	const callOne = async () => {
		const kind = chance.between(1, 10);
		if (kind <= 4) return isFull() ? removeOne() : uploadOne();
		if (kind <= 7) return downloadOne();
		return kind <= 9 ? removeOne() : restoreOne();
	};

	const client = async () => {
		while (!isOver) {
			await callOne();
			await delay(REST_MS);
			for (const waiter of waiting) {
				waiter.left--;
				if (waiter.left <= 0) waiter.resolve();
			}
		}
	};

	const ended = Promise.all(Array.from({length: many}, client));
	return {
		async calls(count) {
			const waiter: Waiter = {left: count, resolve: () => undefined};
			const reached = new Promise<void>(resolve => (waiter.resolve = resolve));
			waiting.add(waiter);
			await Promise.race([reached, ended]);
			waiting.delete(waiter);
		},
		async stop() {
			isOver = true;
			await ended;
			return problems;
		},
	};
};
