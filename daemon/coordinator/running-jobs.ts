import type {ChunkId, NodeId} from '../../source/protocol/ids.js';
import type {Clock} from '../ports/clock.js';

/** What a worker has under way at once, one thing a chunk. */
export type RunningJobs<Job> = {
	all: () => Job[];
	size: () => number;
	has: (chunk: ChunkId) => boolean;
	/** Begins one. `run` takes care of its own errors. */
	start: (chunk: ChunkId, job: Job, run: () => Promise<void>) => void;
	/** Whether a node has not enough to do yet. */
	isFree: (node: NodeId) => boolean;
	/** Resolves when one of them ends, somebody calls `nudge`, or a second is over: others may be due by then. */
	waitForNews: (signal: AbortSignal) => Promise<void>;
	nudge: () => void;
	/** Resolves when none is under way. */
	settled: () => Promise<void>;
};

type Options<Job> = {
	clock: Pick<Clock, 'timer'>;
	/** The nodes that a job gives work to. */
	nodesOf: (job: Job) => readonly NodeId[];
};

const MOST_PER_NODE = 2;
const LONGEST_WAIT_MS = 1_000;

export const createRunningJobs = <Job>({clock, nodesOf}: Options<Job>): RunningJobs<Job> => {
	const jobs = new Map<ChunkId, {job: Job; ends: Promise<void>}>();
	let nudge: () => void = () => undefined;

	const all = () => Array.from(jobs.values(), ({job}) => job);
	const ends = () => Array.from(jobs.values(), running => running.ends);

	return {
		all,
		size: () => jobs.size,
		has: chunk => jobs.has(chunk),
		start(chunk, job, run) {
			const running = async () => {
				try {
					await run();
				} finally {
					jobs.delete(chunk);
					nudge();
				}
			};
			jobs.set(chunk, {job, ends: running()});
		},
		isFree: node => all().filter(job => nodesOf(job).includes(node)).length < MOST_PER_NODE,
		async waitForNews(signal) {
			const news = new Promise<void>(resolve => (nudge = resolve));
			const end = nudge;
			signal.addEventListener('abort', end, {once: true});
			const cancel = clock.timer(LONGEST_WAIT_MS, end);
			await Promise.race([news, ...ends()]);
			signal.removeEventListener('abort', end);
			cancel();
			nudge = () => undefined;
		},
		nudge: () => nudge(),
		async settled() {
			await Promise.all(ends());
		},
	};
};
