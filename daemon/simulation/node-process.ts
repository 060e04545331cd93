import type {HeartbeatBody} from '../../source/protocol/api.js';
import type {ScrubState} from '../node/folder.js';
import {createScrubber, type Scrubber} from '../node/scrubber.js';
import type {Clock} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import type {Disk} from './disk.js';

export type ScrubPlan = {
	/** Within this time each shard is read again. */
	periodMs: number;
	/** The least that it rests where nothing is due: a minute, as in nature, costs too much here. */
	lookMs: number;
};

type NodeProcessOptions = {
	disk: Disk;
	plan: ScrubPlan;
	clock: Clock;
	log: Log;
	/** It has something to tell of its shards. */
	onFaults: () => void;
};

/** What a node does by itself: it reads its shards again, with the real scrubber, whose file outlives the process. */
export type NodeProcess = {
	start: () => void;
	/** Ends it in the middle of whatever it does. */
	kill: () => void;
	report: () => HeartbeatBody['scrub'];
	acknowledge: (report: NonNullable<HeartbeatBody['scrub']>) => Promise<void>;
	checkSelf: (request: number) => void;
};

const LOOK_MS = 60_000;

export const createNodeProcess = ({disk, plan, clock, log, onFaults}: NodeProcessOptions): NodeProcess => {
	let file: ScrubState | undefined;
	let running: Scrubber | undefined;

	return {
		start() {
			if (running) return;
			const isRunning = () => running === scrubber;
			const never = new Promise<never>(() => undefined);
			const scrubber = createScrubber({
				shards: disk,
				file: {
					read: async () => Promise.resolve(file),
					async write(state) {
						if (!isRunning()) return never;
						file = state;
						if (state.faults.length > 0) onFaults();
						return Promise.resolve();
					},
				},
				settings: {periodMs: plan.periodMs, bytesPerSecond: 0},
				isIdle: () => true,
				now: clock.now,
				clock: {
					monotonicMs: clock.monotonicMs,
					async sleep(ms, signal) {
						await clock.sleep(ms < LOOK_MS ? ms : Math.max(ms, plan.lookMs), signal);
						if (!isRunning()) await never;
					},
				},
				log,
			});
			running = scrubber;
			scrubber.run(new AbortController().signal).catch((error: unknown) => log.error('the scrub ended', {error}));
		},
		kill() {
			running = undefined;
		},
		report: () => running?.report(),
		acknowledge: async report => running?.acknowledge(report),
		checkSelf: request => running?.checkSelf(request),
	};
};
