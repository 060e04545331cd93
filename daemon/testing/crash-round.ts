import {watch} from 'node:fs';
import path from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';
import {download, remove, upload} from './crash-client.js';
import type {Chance} from './crash-chance.js';
import type {Ledger} from './crash-ledger.js';
import type {CrashNetwork, Member} from './crash-network.js';

/** When everything in it is killed. */
type Moment =
	| {kind: 'time'; ms: number}
	/** So many files have come or gone in a folder of a node: temporary ones, or shards. */
	| {kind: 'files'; node: number; folder: 'tmp' | 'chunks'; count: number}
	/** The catalogue was written to. */
	| {kind: 'catalogue'; count: number}
	/** An upload was sent, and its answer has not begun. */
	| {kind: 'sent'; count: number}
	/** An upload's answer has begun. */
	| {kind: 'answered'; count: number};

export type Round = {
	moment: Moment;
	/** What is killed. */
	killsCoordinator: boolean;
	nodes: number[];
	/** Whether what was killed is started again while the calls that its end broke are still going on. */
	restartsAtOnce: boolean;
	nodesFirst: boolean;
	/** It is killed once more, so long after it was started again. */
	killsAgainAfterMs: number | undefined;
};

const MIB = 1024 * 1024;
const UPLOADERS = 3;
const CALLS_OF_A_CLIENT = 5;
/** Beyond these, clients remove files instead of adding some, the largest first. */
const MOST_FILES = 50;
const MOST_BYTES = 32 * MIB;
const LARGE_BYTES = MIB;

const drawMoment = (chance: Chance, nodeCount: number): Moment => {
	const node = chance.between(0, nodeCount - 1);
	return chance.pick<() => Moment>([
		() => ({kind: 'time', ms: Math.round(400 * chance.float() ** 2)}),
		() => ({kind: 'files', node, folder: 'tmp', count: chance.between(1, 6)}),
		() => ({kind: 'files', node, folder: 'chunks', count: chance.between(1, 6)}),
		() => ({kind: 'catalogue', count: chance.between(1, 8)}),
		() => ({kind: 'sent', count: chance.between(1, 4)}),
		() => ({kind: 'answered', count: chance.between(1, 4)}),
	])();
};

export const drawRound = (chance: Chance, nodeCount: number): Round => {
	const victims = chance.between(1, 3);
	const nodes = chance.some([...Array(nodeCount).keys()], victims === 1 ? 0 : chance.between(1, nodeCount));
	return {
		moment: drawMoment(chance, nodeCount),
		killsCoordinator: victims !== 2,
		nodes,
		restartsAtOnce: chance.isOneIn(2),
		nodesFirst: chance.isOneIn(4),
		killsAgainAfterMs: chance.isOneIn(6) ? chance.between(0, 600) : undefined,
	};
};

const drawSize = (chance: Chance): number => {
	const edge = 10 * MIB;
	const kind = chance.between(1, 40);
	if (kind <= 3) return 0;
	if (kind <= 5) return edge + chance.pick([-1, 0, 1, -16, 16]);
	if (kind === 6) return 25 * MIB;
	if (kind <= 12) return chance.between(100_000, 1_500_000);
	return chance.between(1, 50_000);
};

/** A classic node writes its shards where they are to lie. */
const folderOf = (node: Member | undefined, name: 'tmp' | 'chunks'): string =>
	path.join(node?.folder ?? '', node?.way === 'classic' ? 'chunks' : name);

/** Resolves when the moment has come. What happened at a client is told through `tell`. */
const awaitMoment = (moment: Moment, {nodes, coordinator}: CrashNetwork, signal: AbortSignal) => {
	let left = 'count' in moment ? moment.count : 1;
	let come: () => void = () => undefined;
	const coming = new Promise<void>(resolve => (come = resolve));
	const count = () => {
		if (--left <= 0) come();
	};

	if (moment.kind === 'time') delay(moment.ms, undefined, {signal}).then(come, come);
	const watched =
		moment.kind === 'files'
			? folderOf(nodes[moment.node], moment.folder)
			: moment.kind === 'catalogue'
				? path.join(coordinator.folder, 'catalog.db')
				: undefined;
	// A file that is watched may be put in the place of another meanwhile; then the calls' end is the moment.
	if (watched !== undefined) watch(watched, {signal}, count).on('error', () => undefined);
	const tell = (kind: Moment['kind']) => {
		if (kind === moment.kind) count();
	};

	return {coming, tell};
};

type Surroundings = {network: CrashNetwork; ledger: Ledger; chance: Chance; nameOf: (sizeBytes: number) => string};

/** One client after the other does what people do, until `isOver`; returns what should not have been. */
const runClients = (
	{network, ledger, chance, nameOf}: Surroundings,
	tell: (kind: Moment['kind']) => void,
	isOver: () => boolean,
	round: Round,
) => {
	const {url} = network;
	const nodesLeft = network.nodes.length - round.nodes.length;
	const problems: string[] = [];
	const removing = new Set<string>();

	const uploadOne = async () => {
		const bytes = chance.bytes(drawSize(chance));
		const name = nameOf(bytes.length);
		const outcome = await upload(url, name, bytes, {onSent: () => tell('sent'), onHead: () => tell('answered')});
		ledger.uploaded(name, bytes, outcome);
		// With two nodes left, an upload goes on; a client of a coordinator that is killed gets no answer.
		if (outcome.kind === 'refused' && (nodesLeft >= 2 || outcome.status !== 503)) {
			problems.push(`the upload of ${name} was refused: ${outcome.status} ${outcome.code}`);
		}

		if (outcome.kind === 'lost' && !round.killsCoordinator) {
			problems.push(`the upload of ${name} had no answer: ${outcome.error.message}`);
		}
	};

	const removeOne = async () => {
		const large = ledger.kept().filter(({sizeBytes}) => sizeBytes > LARGE_BYTES);
		const from = large.length > 0 ? large : ledger.kept();
		if (from.length === 0) return;
		const file = chance.pick(from);
		removing.add(file.id);
		ledger.removing(file);
		const outcome = await remove(url, file.id);
		ledger.removed(file, outcome);
		if (outcome.kind === 'refused') problems.push(`the removal of ${file.name} was refused: ${outcome.code}`);
	};

	const isFull = () => {
		const kept = ledger.kept();
		return kept.length > MOST_FILES || kept.reduce((sum, {sizeBytes}) => sum + sizeBytes, 0) > MOST_BYTES;
	};

	const uploader = async () => {
		for (let calls = 0; calls < CALLS_OF_A_CLIENT && !isOver(); calls++) {
			await (isFull() || chance.isOneIn(4) ? removeOne() : uploadOne());
		}
	};

	/** With one node away, every file can be had; with more, some may not, but never a wrong byte or a short end. */
	const downloader = async () => {
		for (let calls = 0; calls < CALLS_OF_A_CLIENT && !isOver(); calls++) {
			const kept = ledger.kept();
			if (kept.length === 0) return;
			const file = chance.pick(kept);
			const outcome = await download(url, file.id);
			if (outcome.kind === 'whole' ? ledger.isRight(file, outcome) : removing.has(file.id)) continue;
			const mayFail = round.killsCoordinator || nodesLeft < network.nodes.length - 1;
			if (outcome.kind === 'whole' || !mayFail) problems.push(`${file.name} came back as ${JSON.stringify(outcome)}`);
		}
	};

	const ended = Promise.all([...Array.from({length: UPLOADERS}, uploader), downloader()]);
	return {ended, problems};
};

const restart = async (round: Round, coordinator: readonly Member[], nodes: readonly Member[]) => {
	const startAll = async (members: readonly Member[]) => {
		await Promise.all(members.map(member => member.start()));
	};
	if (round.killsAgainAfterMs !== undefined) {
		const all = [...coordinator, ...nodes];
		const starts = all.map(member => member.start());
		await Promise.race([delay(round.killsAgainAfterMs), Promise.all(starts)]);
		// Those that were not ready yet say so.
		const settled = Promise.allSettled(starts);
		await Promise.all(all.map(member => member.kill()));
		await settled;
	}

	await startAll(round.nodesFirst ? nodes : coordinator);
	await startAll(round.nodesFirst ? coordinator : nodes);
};

/**
One round: clients call, at some moment SIGKILL hits, what was killed is started again, and the network is compared with
what it had said. Returns what is wrong.
*/
export const runRound = async (round: Round, surroundings: Surroundings): Promise<string[]> => {
	const {network, ledger} = surroundings;
	const stopped = new AbortController();
	let isOver = false;
	const {coming, tell} = awaitMoment(round.moment, network, stopped.signal);
	const {ended, problems} = runClients(surroundings, tell, () => isOver, round);

	await Promise.race([coming, ended]);
	isOver = true;
	stopped.abort();
	const coordinator = round.killsCoordinator ? [network.coordinator] : [];
	const nodes = round.nodes.flatMap(index => network.nodes[index] ?? []);
	await Promise.all([...coordinator, ...nodes].map(member => member.kill()));
	if (!round.restartsAtOnce) await ended;
	await restart(round, coordinator, nodes);
	await ended;
	await network.gathered();
	return [...problems, ...(await ledger.compare(network.url))];
};
