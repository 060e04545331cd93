import type {LogEntry, NodeDetails, NodeShardsPage} from '../client/api.js';
import type {Console} from '../console/view.js';
import {sentence} from './waiting.js';

export type NodeShard = NodeShardsPage['shards'][number];

/** What the coordinator says of a node besides its record. Each array is another one whenever anything in it changed. */
export type More = {
	shards: NodeDetails['shards'] | undefined;
	/** The newest first. */
	log: readonly LogEntry[] | undefined;
	/** As many as were asked for, those with faults first within what is here. */
	listed: readonly NodeShard[] | undefined;
	isListComplete: boolean;
	problem: string | undefined;
};

export type MoreOfNode = {
	get: () => More;
	/** Asks for everything anew. */
	refresh: () => void;
	/** The same, but once for all changes within two seconds. */
	refreshSoon: () => void;
	/** Asks for the next page of its shards. */
	fetchNext: () => void;
	stop: () => void;
};

const LOG_ENTRIES = 200;
const SHARDS_PER_PAGE = 500;
const MOST_SHARDS = 20_000;
const REFRESH_AFTER_MS = 2_000;

const isFaulty = ({state}: NodeShard) => state === 'missing' || state === 'corrupt';

const faultyFirst = (shards: readonly NodeShard[]) => [
	...shards.filter(isFaulty),
	...shards.filter(shard => !isFaulty(shard)),
];

export const createMoreOfNode = (console: Console, id: string): MoreOfNode => {
	let more: More = {
		shards: undefined,
		log: undefined,
		listed: undefined,
		isListComplete: false,
		problem: undefined,
	};
	let next: string | undefined;
	/** How often it was asked anew: an answer to what was asked before that comes too late. */
	let round = 0;
	let isPaging = false;
	let cancel: (() => void) | undefined;
	let isStopped = false;

	const put = (change: Partial<More>) => {
		more = {...more, ...change};
		console.changed();
	};

	const fail = (error: unknown) => {
		const problem = error instanceof Error ? error.message : String(error);
		put({problem: `${sentence(problem)} Ctrl-r tries again`});
	};

	/** Does it, and puts what comes of it unless something else was asked for meanwhile. */
	const ask = async <Answer>(request: () => Promise<Answer>, take: (answer: Answer) => void) => {
		const asked = round;
		const isWanted = () => asked === round && !isStopped;
		try {
			const answer = await request();
			if (isWanted()) take(answer);
		} catch (error) {
			if (isWanted()) fail(error);
		} finally {
			if (asked === round) isPaging = false;
		}
	};

	/** As many pages as are here already, so that whoever has moved down in the list stays there. */
	const firstPages = async (): Promise<NodeShardsPage> => {
		const wanted = more.listed?.length ?? 0;
		const asked = round;
		let page = await console.api.nodeShards(id, {limit: SHARDS_PER_PAGE});
		const shards = [...page.shards];
		while (
			shards.length < wanted &&
			page.next_after !== null &&
			page.shards.length > 0 &&
			asked === round &&
			!isStopped
		) {
			page = await console.api.nodeShards(id, {limit: SHARDS_PER_PAGE, after: page.next_after});
			shards.push(...page.shards);
		}

		return {...page, shards};
	};

	const takePage = (page: NodeShardsPage, before: readonly NodeShard[]): Partial<More> => {
		next = page.next_after ?? undefined;
		const listed = faultyFirst([...before, ...page.shards]);
		return {listed, isListComplete: next === undefined || listed.length >= MOST_SHARDS};
	};

	const refresh = () => {
		if (isStopped) return;
		round++;
		isPaging = true;
		void ask(
			async () => Promise.all([console.api.node(id), console.api.logs({limit: LOG_ENTRIES, node: id}), firstPages()]),
			([details, log, page]) =>
				put({shards: details.shards, log: [...log.logs].reverse(), problem: undefined, ...takePage(page, [])}),
		);
	};

	return {
		get: () => more,
		refresh,
		refreshSoon() {
			if (isStopped) return;
			cancel ??= console.clock.timer(REFRESH_AFTER_MS, () => {
				cancel = undefined;
				refresh();
			});
		},
		fetchNext() {
			const after = next;
			if (isPaging || after === undefined || more.isListComplete || more.problem !== undefined || isStopped) return;
			isPaging = true;
			void ask(
				async () => console.api.nodeShards(id, {limit: SHARDS_PER_PAGE, after}),
				page => put(takePage(page, more.listed ?? [])),
			);
		},
		stop() {
			isStopped = true;
			cancel?.();
		},
	};
};
