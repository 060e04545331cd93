import type {Stats} from '../protocol/api.js';
import type {EventData} from '../protocol/events.js';
import type {Clock} from './clock.js';
import type {Api, ApiEvent} from './contract.js';
import {createLiveConnection} from './live-connection.js';
import {createLiveFaults} from './live-faults.js';
import {createFilesLoader} from './live-files-loader.js';
import {createLiveFiles} from './live-files.js';
import {createLiveHealing} from './live-healing.js';
import {createLiveLog} from './live-log.js';
import {createLiveNodes} from './live-nodes.js';
import type {Live, LiveState} from './live-state.js';
import {createStore} from './live-store.js';
import {createThroughputMeter} from './live-throughput.js';
import type {Whoami} from './people-contract.js';
import {createProbe, type Probe} from './probe.js';

export type LiveLimits = {
	/** Entries of the log that are asked for at first, and that are kept. */
	logPage: number;
	logEntries: number;
	filesPage: number;
	faults: number;
};

export type LiveOptions = {
	api: Api;
	clock: Clock;
	/** From 0 up to, not including, 1. */
	random: () => number;
	limits?: Partial<LiveLimits>;
	/** Whether the coordinator is there, asked every 1.5 seconds while it is not. */
	probe?: Probe;
};

const defaultLimits: LiveLimits = {logPage: 200, logEntries: 1_000, filesPage: 1_000, faults: 200};

/** Whether two sets of figures are alike. */
const isSameStats = (one: Stats | undefined, other: Stats): boolean => JSON.stringify(one) === JSON.stringify(other);

type Handlers = {[Name in ApiEvent['name']]: (data: EventData<Name>) => void};

/** The network as it is now, kept up by the coordinator's events. See `Live` and `LiveState`. */
export const createLive = ({api, clock, random, limits, probe = createProbe(api.url)}: LiveOptions): Live => {
	const {logPage, logEntries, filesPage, faults: mostFaults} = {...defaultLimits, ...limits};
	const nodes = createLiveNodes();
	const files = createLiveFiles();
	const log = createLiveLog(logEntries);
	const faults = createLiveFaults(mostFaults);
	const healing = createLiveHealing(api);
	let stats: Stats | undefined;
	let whoami: Whoami | undefined;
	/** How often events told the figures. */
	let statsTold = 0;
	/** Whether all that is shown was fetched, so that events alone keep it right. */
	let isFetched = false;
	let fetching: object | undefined;
	let isStopped = false;

	const changed = () => {
		if (!isStopped) store.changed();
	};

	const meter = createThroughputMeter(clock, changed);
	const loader = createFilesLoader({api, clock, files, pageSize: filesPage, onChange: changed});

	const setStats = (next: Stats) => {
		if (isStopped) return;
		meter.note(next);
		if (isSameStats(stats, next)) return;
		stats = next;
		changed();
	};

	const fetchStats = async (isWanted = () => true) => {
		const before = statsTold;
		const next = await api.stats();
		if (before === statsTold && isWanted()) setStats(next);
	};

	/** A coordinator from before there were accounts can't say it, which is no reason to show nothing. */
	const fetchWhoami = async (isWanted: () => boolean) => {
		const next = await api.whoami().catch(() => undefined);
		if (!isWanted() || JSON.stringify(next) === JSON.stringify(whoami)) return;
		whoami = next;
		changed();
	};

	/** Members may not know of it: they are not to have it asked for in their name, and refused. */
	const fetchHealing = async (isWanted: () => boolean) => {
		await fetchWhoami(isWanted);
		const isToldOf = whoami === undefined || whoami.open || whoami.role !== 'member';
		if (isToldOf && (await healing.fetch(isWanted))) changed();
		else if (!isToldOf && healing.clear()) changed();
	};

	const fetchNodes = async (isWanted: () => boolean) => {
		nodes.beginListing();
		const listing = await api.nodes();
		if (isWanted() && nodes.takeListing(listing)) changed();
	};

	const fetchLog = async (isWanted: () => boolean) => {
		log.beginPage();
		const page = await api.logs({limit: logPage});
		if (!isWanted()) return;
		log.takePage(page.logs);
		changed();
	};

	/** Fetches everything. What was here stays until what takes its place has come. */
	const fetchAll = async () => {
		const mine = {};
		const isWanted = () => fetching === mine;
		fetching = mine;
		isFetched = false;
		try {
			await Promise.all([
				...[fetchHealing(isWanted), fetchStats(isWanted), fetchNodes(isWanted), fetchLog(isWanted)],
				loader.load(),
			]);
			if (!isWanted()) return;
			isFetched = true;
			connection.setLive();
		} catch (error) {
			if (isWanted()) connection.fail(error);
		}
	};

	const handlers: Handlers = {
		reset: () => void fetchAll(),
		node(data) {
			const {isSeen, isStatusNew} = nodes.takeEvent(data, clock.now());
			if (isSeen) changed();
			if (!isStatusNew) return;
			loader.reloadSoon();
			fetchStats().catch(() => undefined);
		},
		file(data) {
			loader.forget(data.file_id);
			if (files.put(data)) changed();
		},
		'file-removed'({file_id: id}) {
			loader.forget(id);
			const isSeen = files.remove(id);
			if (faults.forget(id) || isSeen) changed();
		},
		log(data) {
			if (log.takeEvent(data)) changed();
		},
		stats(data) {
			statsTold++;
			setStats(data);
		},
		repair(data) {
			if (healing.takeRepair(data)) changed();
		},
		moves(data) {
			if (healing.takeMoves(data)) changed();
		},
		alerts(data) {
			if (healing.takeAlerts(data)) changed();
		},
		'node-removed'({node_id: id}) {
			if (nodes.remove(id)) changed();
		},
		check(data) {
			if (faults.mend(data)) changed();
			if (data.line.event !== 'chunk') loader.refresh(data.file_id);
		},
		fault(data) {
			faults.add({...data, atMs: clock.now()});
			loader.refresh(data.file_id);
			changed();
		},
	};

	const connection = createLiveConnection({
		api,
		clock,
		random,
		probe,
		onOpen() {
			if (!isFetched) {
				void fetchAll();
				return;
			}

			connection.setLive();
			loader.resume();
		},
		onEvent: ({name, data}) => (handlers[name] as (data: unknown) => void)(data),
		onBreak(isConfused) {
			fetching = undefined;
			if (isConfused) isFetched = false;
			loader.pause();
			meter.noteBreak();
		},
		onChange: changed,
	});

	const store = createStore((): LiveState => ({
		connection: connection.get(),
		whoami,
		stats,
		nodes: nodes.get(),
		files: files.get(),
		log: log.get(),
		throughput: meter.get(),
		faults: faults.get(),
		repair: healing.repair(),
		moves: healing.moves(),
		alerts: healing.alerts(),
	}));

	let isStarted = false;
	return {
		get: store.get,
		subscribe: store.subscribe,
		start() {
			if (!isStarted) connection.start();
			isStarted = true;
		},
		retryNow: connection.retryNow,
		reloadFiles: loader.reload,
		async reloadHealing() {
			if (await healing.reload()) changed();
		},
		stop() {
			isStopped = true;
			fetching = undefined;
			connection.stop();
			loader.pause();
			meter.stop();
			store.stop();
		},
	};
};
